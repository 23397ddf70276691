/** Rolling upgrades between real trees of sources: copies of this one in a folder of their own, changed where a test says so. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { FIRST_LEVEL, LEVEL } from "../../../actors/cluster/cluster-level.ts";
import type { SeedResult } from "../../../sim/index.ts";
import { withEditions } from "../../../sim/node/index.ts";
import { runSeed } from "../../../sim/run/run-seed.ts";
import { REPOSITORY } from "../../arch/scratch-folder.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** This software with other texts in its files. */
function editionWith(...edits: readonly { file: string; from: string; to: string }[]): string {
  const folder = mkdtempSync(join(tmpdir(), "blixard-edition-"));
  folders.push(folder);
  for (const room of ["runtime", "transport", "actors"]) {
    mkdirSync(join(folder, room));
    cpSync(join(REPOSITORY, room), join(folder, room), { recursive: true });
  }
  for (const file of ["package.json", "tsconfig.base.json"]) cpSync(join(REPOSITORY, file), join(folder, file));
  symlinkSync(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
  for (const { file, from, to } of edits) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    expect(text, file).toContain(from);
    writeFileSync(path, text.replaceAll(from, to));
  }
  return folder;
}

async function upgrade(folder: string, seed: number, nodes = 3): Promise<SeedResult> {
  const run = { seed, nodes, durationMs: 30_000, profile: "leases", upgradeFrom: folder } as const;
  return runSeed(await withEditions(run));
}

/** The first rule that is broken, within so many seeds. */
async function firstFailure(folder: string, seeds: number): Promise<SeedResult["failure"]> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure } = await upgrade(folder, seed);
    if (failure) return failure;
  }
  return undefined;
}

test("an upgrade from the same software is clean, and every run is repeated byte for byte", async () => {
  const folder = editionWith();
  const results = [await upgrade(folder, 1), await upgrade(folder, 2)];
  for (const { ok, marks } of results) {
    expect(ok).toBe(true);
    expect(marks["nodes upgraded"]).toBeGreaterThan(0);
  }
  expect(results.some(({ marks }) => marks["levels raised"] === LEVEL - FIRST_LEVEL)).toBe(true);
  const again = await upgrade(folder, 1);
  expect(again.eventLogHash).toBe(results[0]?.eventLogHash);
}, 120_000);

test("software of a lower level holds the level until the last of it is gone", async () => {
  const folder = editionWith(
    { file: "actors/cluster/cluster-level.ts", from: `LEVEL = ${LEVEL};`, to: "LEVEL = 1;" },
    // How a version reckons its fingerprint is its own business.
    { file: "actors/cluster/fingerprint.ts", from: "0x01000193", to: "0x010001b3" },
  );
  const results: SeedResult[] = [];
  for (let seed = 1; seed <= 4; seed++) results.push(await upgrade(folder, seed));
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  const mixed = results.filter(({ marks }) => marks["still on the older version"] === 1);
  for (const { marks } of mixed) expect(marks["levels raised"]).toBe(0);
  expect(results.some(({ marks }) => marks["levels raised"] === LEVEL - FIRST_LEVEL)).toBe(true);
}, 120_000);

test("a command that means something else in the older software is found: two maps differ at one index", async () => {
  // Where the older one keeps what a user asked for under another name, it does not see what the newer one has proposed.
  const folder = editionWith({
    file: "actors/cluster/vm-commands.ts",
    from: "const { name, running } = command;",
    to: "const { name } = command; const running = (command as { wanted?: boolean }).wanted ?? command.running !== true;",
  });
  expect(await firstFailure(folder, 8)).toMatchObject({ invariant: "state-machine-safety" });
}, 120_000);

test("folders that hold no software, or lack what is needed, are refused by name", async () => {
  const run = { seed: 1, durationMs: 1000 };
  const empty = mkdtempSync(join(tmpdir(), "blixard-edition-"));
  folders.push(empty);
  await expect(withEditions({ ...run, upgradeFrom: empty })).rejects.toThrow(
    "no checkout, build or package of Blixard",
  );
  const other = editionWith({ file: "transport/handshake.ts", from: "{ min: 1, max: 2 }", to: "{ min: 8, max: 9 }" });
  await expect(withEditions({ ...run, upgradeFrom: other })).rejects.toThrow(
    "wire versions 8 to 9, this software 1 to 2",
  );
  const lacking = editionWith({ file: "actors/index.ts", from: "spawnMember, ", to: "" });
  await expect(withEditions({ ...run, upgradeFrom: lacking })).rejects.toThrow("has no spawnMember");
  expect(() => runSeed({ ...run, upgradeFrom: empty })).toThrow("are not loaded");
});
