import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { giveVolumes } from "../../../../runtime/node/nix/volumes.ts";

test.runIf(process.geteuid?.() === 0)(
  "giveVolumes() gives files away that are in the folder alone, and follows no link",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "blixard-volumes-"));
    try {
      const volumes = join(folder, "volumes");
      mkdirSync(volumes);
      chmodSync(volumes, 0o755);
      for (const name of ["secret", "linked"]) writeFileSync(join(folder, name), name);
      writeFileSync(join(volumes, "data.img"), "data");
      symlinkSync("../secret", join(volumes, "link.img"));
      linkSync(join(folder, "linked"), join(volumes, "second.img"));
      giveVolumes(volumes, 1_900_000_001);
      const ownerOf = (path: string): number => statSync(join(folder, path)).uid;
      expect(["volumes", "volumes/data.img", "secret", "linked"].map(ownerOf)).toEqual([
        1_900_000_001, 1_900_000_001, 0, 0,
      ]);
      expect(statSync(volumes).mode & 0o777).toBe(0o700);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
