/** A temporary folder, removed at the end of its `using` block. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const REPOSITORY: string = dirname(dirname(import.meta.dirname));

export class ScratchFolder implements Disposable {
  readonly root: string = mkdtempSync(join(tmpdir(), "blixard-arch-"));

  /** Writes a file, one statement a line. */
  plant(path: string, lines: readonly string[]): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), `${lines.join("\n")}\n`);
  }

  plantScript(path: string, lines: readonly string[]): void {
    this.plant(path, lines);
    chmodSync(join(this.root, path), 0o755);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}
