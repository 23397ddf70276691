/** What another thread came to is held against what this one did. */
import { expect, test } from "vitest";
import { formatFailure, runSeed, verifyResult, type RunOptions } from "../../../sim/index.ts";

const OPTIONS: RunOptions = { seed: 7, nodes: 1, durationMs: 2000, profile: "elections" };

test("verifyResult() says so where two threads differ, and runs one after the other do not", async () => {
  const result = runSeed(OPTIONS);
  expect(await verifyResult(OPTIONS, result, { ...result })).toBe(result);
  const elsewhere = { ...result, eventLogHash: "0123456789abcdef" };
  const verified = await verifyResult(OPTIONS, result, elsewhere);
  expect([verified.ok, verified.failure?.invariant]).toEqual([false, "decided-by-seed"]);
  expect(verified.failure?.message).toContain("and log 0123456789abcdef");
  expect(verified.failure?.message).toContain("Runs of it one after the other in this thread are alike");
  const told = formatFailure(verified);
  expect(told).toMatch(/Replay it with: blixard sim --seed 7 --nodes 1 --duration 2s --profile elections --verify$/);
  expect(told).not.toContain("--shrink");
});
