/** A disk of a few pages for one folder, where this host lets a test mount one. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly folder: string;
  setRoom(hasRoom: boolean): void;
  remove(): void;
}

/** The disk, or why there is none. */
export function mountSmallDisk(sizeBytes: number): SmallDisk | string {
  const folder = mkdtempSync(join(tmpdir(), "blixard-disk-"));
  const { status, stderr, error } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", folder]);
  if (status !== 0) {
    rmSync(folder, { recursive: true });
    return `cannot mount a small disk: ${error?.message ?? String(stderr).trim()}`;
  }
  const filler = join(folder, "filler");
  return {
    folder,
    setRoom: (hasRoom) => (hasRoom ? rmSync(filler, { force: true }) : fill(filler, sizeBytes)),
    remove: () => {
      spawnSync("umount", ["-l", folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function fill(file: string, sizeBytes: number): void {
  for (let size = sizeBytes; size >= 1;) {
    try {
      writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch {
      size = Math.floor(size / 2);
    }
  }
}
