import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { kernelCandidate, type KernelCandidate } from "../../guest/kernel-candidate.ts";

const KERNEL: KernelCandidate = { name: "linux-image-6.1", version: "6.1.1-1" };

let folder: string;
let lists: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-candidate-"));
  lists = join(folder, "lists");
  mkdirSync(lists);
  writeFileSync(join(lists, "Packages"), "old");
});

afterEach(() => rmSync(folder, { recursive: true }));

function asking(answer: KernelCandidate | undefined): {
  readonly ask: () => Promise<KernelCandidate | undefined>;
  again(): Promise<KernelCandidate | undefined>;
} {
  const ask = vi.fn<() => Promise<KernelCandidate | undefined>>(async () => answer);
  const cacheFile = join(folder, "candidate.json");
  return { ask, again: () => kernelCandidate({ cacheFile, aptState: [lists, join(folder, "absent")], ask }) };
}

test("kernelCandidate() asks once and leaves one file", async () => {
  const { ask, again } = asking(KERNEL);
  expect(await again()).toEqual(KERNEL);
  expect(await again()).toEqual(KERNEL);
  expect(ask).toHaveBeenCalledTimes(1);
  expect(readdirSync(folder).toSorted()).toEqual(["candidate.json", "lists"]);
});

test.each([
  ["a list has changed", () => writeFileSync(join(lists, "Packages"), "newer")],
  ["a list is new", () => writeFileSync(join(lists, "More"), "")],
  ["what was absent is there", () => writeFileSync(join(folder, "absent"), "")],
  ["what was kept is damaged", () => writeFileSync(join(folder, "candidate.json"), '{"state":')],
])("kernelCandidate() asks again when %s", async (_, change) => {
  const { ask, again } = asking(KERNEL);
  await again();
  change();
  expect(await again()).toEqual(KERNEL);
  expect(ask).toHaveBeenCalledTimes(2);
});

test("kernelCandidate() does not keep that there is none", async () => {
  const { ask, again } = asking(undefined);
  expect(await again()).toBeUndefined();
  expect(await again()).toBeUndefined();
  expect(ask).toHaveBeenCalledTimes(2);
});
