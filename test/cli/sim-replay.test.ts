import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { formatReplay, recordSeed } from "../../sim/index.ts";
import { runCommandLine } from "./run-command-line.ts";

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "blixard-replay-"));
});
afterAll(() => rm(cwd, { recursive: true }));

const SHORT = ["--seed", "5", "--nodes", "3", "--duration", "20s", "--profile", "elections"];

test("sim --record writes a run that --replay repeats byte for byte", async () => {
  const recorded = await runCommandLine(["sim", ...SHORT, "--record", "a.json", "--json"], { cwd });
  expect([recorded.exitCode, recorded.err]).toEqual([0, expect.stringContaining("Wrote a.json: ")]);
  const replayed = await runCommandLine(["sim", "--replay", "a.json"], { cwd });
  expect([replayed.exitCode, replayed.out]).toEqual([0, "Clean, as recorded, byte for byte the recorded run.\n"]);
  const { eventLogHash } = JSON.parse(recorded.out) as { readonly eventLogHash: string };
  const again = await runCommandLine(["sim", "--replay", "a.json", "--json"], { cwd });
  expect(JSON.parse(again.out)).toMatchObject({ eventLogHash, ok: true });
});

test("sim --shrink makes a failing run short; its file fails until what was broken is mended", async () => {
  const options = { seed: 1, profile: "elections", nodes: 5, durationMs: 60_000, planted: { raft: [7] } } as const;
  const { result, schedule } = recordSeed(options);
  expect(result.failure?.invariant).toBe("committed-on-quorum");
  await writeFile(join(cwd, "long.json"), formatReplay({ ...options, replay: { schedule } }, result, "0.0.1"));
  const shrunk = await runCommandLine(["sim", "--replay", "long.json", "--shrink", "short.json"], { cwd });
  expect([shrunk.exitCode, shrunk.err]).toEqual([
    1,
    expect.stringContaining("Replay it with: blixard sim --replay short.json"),
  ]);
  const replayed = await runCommandLine(["sim", "--replay", "short.json"], { cwd });
  expect([replayed.exitCode, replayed.out]).toEqual([1, "It still fails, byte for byte the recorded run.\n"]);
  expect(replayed.err).toContain("committed-on-quorum");
  const text = await readFile(join(cwd, "short.json"), "utf8");
  expect(text.split("\n").length).toBeLessThan(60);
  await writeFile(join(cwd, "mended.json"), text.replace(/"raft": \[\s*7\s*\]/, '"raft": []'));
  const mended = await runCommandLine(["sim", "--replay", "mended.json"], { cwd });
  expect([mended.exitCode, mended.out]).toEqual([
    0,
    expect.stringMatching(/^It no longer fails\. Recorded with Blixard .* was committed-on-quorum after /),
  ]);
});

test("sim --shrink of a run that does not fail says so", async () => {
  const { exitCode, out } = await runCommandLine(["sim", ...SHORT, "--shrink"], { cwd });
  expect([exitCode, out]).toEqual([0, "It does not fail; there is nothing to shrink.\n"]);
});

test("sim refuses files that it cannot replay, and options that contradict each other", async () => {
  await writeFile(join(cwd, "old.json"), '{"format":"blixard-replay","formatVersion":99,"software":"9.9.9"}');
  const old = await runCommandLine(["sim", "--replay", "old.json"], { cwd });
  expect([old.exitCode, old.err]).toEqual([
    2,
    expect.stringContaining(
      "Cannot replay old.json: it is of format version 99, this software reads version 1. Blixard 9.9.9 wrote it",
    ),
  ]);
  const missing = await runCommandLine(["sim", "--replay", "none.json"], { cwd });
  expect([missing.exitCode, missing.err]).toEqual([
    2,
    expect.stringContaining("Cannot replay none.json: there is no such file"),
  ]);
  for (const args of [
    ["--replay", "a.json", "--seed", "1"],
    ["--replay", "a.json", "--record", "b.json"],
    ["--replay", "a.json", "--minutes", "1"],
    ["--record", "b.json", "--seeds", "2"],
    ["--shrink", "--explore"],
    ["--shrink", "--events"],
  ]) {
    expect((await runCommandLine(["sim", ...args], { cwd })).exitCode, args.join(" ")).toBe(2);
  }
});
