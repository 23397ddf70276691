/** Runs that are not decided by their seed are found, and the event in which they part is named with what led to it. */
import { expect, test } from "vitest";
import {
  causesOf,
  runSeed,
  simulate,
  simulateSeeds,
  verifySeed,
  verifySimulation,
  type RunOptions,
} from "../../../sim/index.ts";
import { traceSeed } from "../../../sim/run/run-seed.ts";
import { EventTrace } from "../../../sim/timeline/event-trace.ts";
import { leakyRun, LEAKS_FROM, type Leak } from "./leaky-actors.ts";

const OPTIONS: RunOptions = { seed: 7, nodes: 3, durationMs: 10_000, profile: "elections" };

test.each<[Leak, RegExp]>([
  ["counter", /run 1 +will happen at \d+\n +run 2 +will happen at \d+\n/],
  ["set", /run \d +n2 sends to n1\/asker: \{type:"pong",number:20,seen:0\}\n/],
])("verifySimulation() names the event in which a %s is leaked, and what led to it", async (leak, parts) => {
  const { ok, failure } = await verifySimulation(() => ({ ...leakyRun(leak), seed: 3 }));
  expect([ok, failure?.invariant]).toEqual([false, "decided-by-seed"]);
  const message = failure?.message ?? "";
  // The ping from which on it leaks, and the timer that it was sent at; from there back to the start.
  expect(message).toMatch(/The first event that differs is event \d+ at 2\.\d+ s: deliver 0 1 answerer ping\n/);
  expect(message).toContain(`both    turn of n2/answerer`);
  expect(message).toMatch(parts);
  expect(message).toMatch(
    new RegExp(
      `put there by n1/asker in event \\d+ at 2\\.\\d+ s: a turn of n1/asker, the last of ${LEAKS_FROM} alike\n.*\n.*the start of the run$`,
    ),
  );
});

test("verifySimulation() says nothing of a run that its seed decides, nor of what changes no event", async () => {
  const plain = await simulate({ ...leakyRun("none"), seed: 3 });
  for (const leak of ["none", "content"] as const) {
    expect(await verifySimulation(() => ({ ...leakyRun(leak), seed: 3 }))).toEqual(plain);
  }
});

test("simulateSeeds() verifies each seed that it is asked to", async () => {
  const { seeds, failed } = await simulateSeeds({ count: 3, verify: true }, () => leakyRun("counter"));
  expect([seeds, failed.map(({ failure }) => failure?.invariant)]).toEqual([1, ["decided-by-seed"]]);
});

test("a run with a trace is the run without one, draw for draw", () => {
  for (const profile of ["elections", "mixed", "library"] as const) {
    const options: RunOptions = { ...OPTIONS, profile };
    expect(traceSeed(options, new EventTrace()), profile).toEqual(runSeed(options));
  }
});

test("verifySeed() finds what options that change between two runs do, and is content otherwise", async () => {
  expect(await verifySeed(OPTIONS)).toEqual(runSeed(OPTIONS));
  let asked = 0;
  const leaky: RunOptions = {
    ...OPTIONS,
    onLine: () => {},
    get durationMs() {
      asked += 1;
      return 10_000 + asked;
    },
  };
  const { failure } = await verifySeed(leaky);
  expect(failure?.invariant).toBe("decided-by-seed");
  expect(failure?.message).toMatch(
    /^Two runs of this seed differ: log [0-9a-f]{16} of \d+ lines and \d+ turns, and log/,
  );
  expect(failure?.message).toContain("run 1");
});

test("causesOf() goes back from a failure to where it began", () => {
  const options: RunOptions = { ...OPTIONS, seed: 1, nodes: 5, durationMs: 60_000, planted: { raft: [7] } };
  const { failure } = runSeed(options);
  const { event, text } = causesOf(options);
  expect(event.atUs / 1000).toBe(failure?.atMs);
  const lines = text.split("\n");
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.length).toBeLessThan(16);
  expect(lines.at(-1)).toMatch(/the start of the run|event \d+/);
  for (const line of lines.slice(0, -2)) expect(line).toMatch(/put there by .*event \d+ at [\d.]+ s: \S|the start/);
});

test("a trace of a long run stays small, and finds its way in it all the same", async () => {
  const trace = new EventTrace();
  for (let at = 0; at < 3_000_000; at++) trace.begin(trace.plan(at), at);
  trace.close();
  const { every, hashes } = trace.checkpoints;
  expect(every).toBe(4);
  expect(hashes.length).toBe(750_001);
  expect(trace.recorded).toEqual([]);
});
