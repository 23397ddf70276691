/** Failing seeds in files: kept, read again, refused. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runSeed, type SeedResult } from "../../../sim/index.ts";
import { FailureFileError, FailureFolder } from "../../../sim/node/index.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-failures-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const FAILED: SeedResult = {
  ...runSeed({ seed: 7, nodes: 1, durationMs: 1000, profile: "calm", everyFault: true }),
  ok: false,
  failure: { invariant: "settles", message: "no leader", atMs: 12, lines: ["1 a line"] },
};

test("FailureFolder.keep() writes what runs the seed again, once for the same options", () => {
  const failures = new FailureFolder(join(folder, "made", "when-needed"));
  expect(failures.open()).toEqual([]);
  for (const software of ["1.0.0", "1.0.1"]) failures.keep(FAILED, software);
  failures.keep({ ...FAILED, seed: 8 }, "1.0.1");
  const [kept, ...others] = failures.open();
  expect(others).toHaveLength(1);
  expect(kept).toEqual({
    file: "calm-7-1n-1000ms-every.json",
    software: "1.0.1",
    run: { seed: 7, nodes: 1, durationMs: 1000, profile: "calm", everyFault: true },
    failure: { invariant: "settles", message: "no leader", atMs: 12 },
    eventLogHash: FAILED.eventLogHash,
  });
  expect(runSeed(kept!.run).eventLogHash).toBe(FAILED.eventLogHash);
});

test("FailureFolder.keep() keeps no clean run", () => {
  const { failure: _, ...clean } = FAILED;
  new FailureFolder(folder).keep({ ...clean, ok: true }, "1.0.0");
  expect(readdirSync(folder)).toEqual([]);
});

test("FailureFolder says what it cannot do where there is no folder", () => {
  const path = join(folder, "taken");
  writeFileSync(path, "");
  const failures = new FailureFolder(path);
  expect(() => failures.open()).toThrow(`Cannot open the folder of failing seeds ${path}: it is no folder`);
  expect(() => failures.keep(FAILED, "1.0.0")).toThrow(
    `Cannot keep seed 7 in the folder of failing seeds ${path}: ENOTDIR`,
  );
});

test.each([
  ["{", 'it holds no failing seed ("format": "blixard-failing-seed")'],
  ['{"format":"other"}', "it holds no failing seed"],
  ['{"format":"blixard-failing-seed","formatVersion":2}', "its format version is 2, this software reads 1"],
  ['{"format":"blixard-failing-seed","formatVersion":1}', '"run" or "failure" is missing'],
  [
    '{"format":"blixard-failing-seed","formatVersion":1,"run":{"seed":1,"nodes":99,"durationMs":1},"failure":{"invariant":"settles"}}',
    "Cannot simulate 99 nodes: wanted 1 to 9",
  ],
  [
    '{"format":"blixard-failing-seed","formatVersion":1,"run":{"seed":1,"durationMs":1,"profile":"wild"},"failure":{"invariant":"settles"}}',
    'its profile is "wild", wanted one of elections, disk',
  ],
])("FailureFolder.open() refuses %s by the file's name", (text, why) => {
  writeFileSync(join(folder, "odd.json"), text);
  const read = (): unknown => new FailureFolder(folder).open();
  expect(read).toThrow(FailureFileError);
  expect(read).toThrow(`Cannot replay ${join(folder, "odd.json")}: ${why}`);
});

test("FailureFolder.open() refuses a run that was upgraded from a folder whose sources are others now", () => {
  const tree = mkdtempSync(join(tmpdir(), "blixard-tree-"));
  try {
    const kept = join(folder, "kept");
    const write = (text: string): void => writeFileSync(join(tree, "actors", "index.ts"), text);
    mkdirSync(join(tree, "actors"));
    write("export {};");
    writeFileSync(join(tree, "package.json"), '{"name":"blixard","version":"0.0.9"}');
    const { everyFault: _, ...run } = FAILED;
    new FailureFolder(kept).open();
    new FailureFolder(kept).keep({ ...run, profile: "mixed", upgradeFrom: tree }, "1.0.0");
    expect(new FailureFolder(kept).open()[0]?.run.upgradeFrom).toBe(tree);
    write("export const other = 1;");
    expect(() => new FailureFolder(kept).open()).toThrow(
      /it was upgraded from blixard 0\.0\.9 \(sources [0-9a-f]{16}\), and .* holds blixard 0\.0\.9 \(sources [0-9a-f]{16}\)\. Move it away/u,
    );
  } finally {
    rmSync(tree, { recursive: true });
  }
});
