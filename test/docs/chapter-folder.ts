/** A folder in which the listings of one chapter run, as in a user's project, on the sources of this repository. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Listing } from "./guide-listings.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..");
/** Declares modules that the sources import. */
const NACT = join(REPOSITORY, "runtime", "nact.d.ts");
const MAIN = join(REPOSITORY, "cli", "main.ts");
const BIN = join(REPOSITORY, "node_modules", ".bin");

/** A listing starts in half the time when its imports are compiled already. */
const COMPILE_CACHE = join(REPOSITORY, "node_modules", ".cache", "guide");

/** Seeds that are run where a chapter has a thousand. */
const SEEDS = 40;

/** A listing that is still running by then hangs. */
const RUN_MS_MAX = 60_000;

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

export class ChapterFolder implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), "blixard-guide-"));

  constructor(listings: readonly Listing[]) {
    this.#write("package.json", JSON.stringify({ type: "module" }));
    for (const { file, text } of listings) this.#write(file, text);
    this.#plantPackage();
  }

  /** Runs `node`, the command line as `npx` finds it, and edits of a listing by `sed`. */
  run(command: string): Ran {
    const [program, ...args] = command.split(" ");
    if (program === "node") return this.#spawn(process.execPath, args);
    const line = command
      .replace(/^npx blixard /, `${process.execPath} ${MAIN} `)
      .replace(/--seeds \d+/, `--seeds ${SEEDS}`);
    if (line === command && program !== "sed") throw new Error(`A chapter can run no "${command}"`);
    // Both streams in one, as on a terminal.
    return this.#spawn("sh", ["-c", `exec ${line} 2>&1`]);
  }

  /** Checks the types of the files: errors as `tsc` prints them. */
  check(files: readonly string[]): string {
    const options = ["--noEmit", "--pretty", "false", "--strict", "--target", "es2024", "--module", "nodenext"];
    const more = [
      "--allowImportingTsExtensions",
      "--skipLibCheck",
      "--moduleDetection",
      "force",
      "--types",
      "node",
      "--ignoreConfig",
    ];
    return this.#spawn(process.execPath, [join(BIN, "tsc"), ...options, ...more, NACT, ...files]).stdout.trimEnd();
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** A package `blixard` that leads to the sources: Node.js runs `.ts` wherever it is not below `node_modules`. */
  #plantPackage(): void {
    const entries = { ".": "index", "./sim": "sim", "./testkit": "testkit" };
    const exports = Object.fromEntries(Object.entries(entries).map(([path, entry]) => [path, `./${entry}.ts`]));
    this.#write("blixard/package.json", JSON.stringify({ name: "blixard", type: "module", exports }));
    for (const entry of Object.values(entries)) {
      this.#write(
        `blixard/${entry}.ts`,
        `export * from ${JSON.stringify(join(REPOSITORY, "library", `${entry}.ts`))};\n`,
      );
    }
    mkdirSync(join(this.#root, "node_modules"));
    symlinkSync(join(this.#root, "blixard"), join(this.#root, "node_modules", "blixard"));
    symlinkSync(join(REPOSITORY, "node_modules", "@types"), join(this.#root, "node_modules", "@types"));
  }

  #write(file: string, text: string): void {
    const path = join(this.#root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  #spawn(program: string, args: readonly string[]): Ran {
    const { stdout, stderr, status } = spawnSync(program, args, {
      cwd: this.#root,
      encoding: "utf8",
      timeout: RUN_MS_MAX,
      env: { PATH: process.env["PATH"], NO_COLOR: "1", NODE_COMPILE_CACHE: COMPILE_CACHE },
    });
    return { stdout, stderr, status };
  }
}
