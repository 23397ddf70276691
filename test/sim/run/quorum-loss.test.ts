/** A quorum that is lost on purpose: whoever is left refuses by name, one goes on alone and takes others in; and what would serve all the same is found. */
import { expect, test } from "vitest";
import { recordSeed, runSeed, type RunOptions } from "../../../sim/index.ts";
import { losesQuorum, LOSS_MARKS } from "../../../sim/run/quorum-loss.ts";

const OPTIONS: RunOptions = { seed: 1, profile: "lost-quorum", nodes: 5, durationMs: 3000 };
const SEEDS = 8;

test("a cluster that has lost a quorum refuses until one goes on alone, in whatever way it was lost; a replay is the same", () => {
  const marks: Record<string, number> = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { result, schedule } = recordSeed({ ...OPTIONS, seed });
    expect(result.failure).toBeUndefined();
    for (const [mark, count] of Object.entries(result.marks)) marks[mark] = (marks[mark] ?? 0) + count;
    if (seed > 2) continue;
    expect(runSeed({ ...OPTIONS, seed, replay: { schedule } }).eventLogHash).toBe(result.eventLogHash);
  }
  for (const mark of LOSS_MARKS) expect(marks[mark], mark).toBeGreaterThan(0);
  expect(marks["clusters gone on alone"]).toBe(SEEDS);
  // Five nodes, six times, a read and a write.
  expect(marks["refusals without a quorum"]).toBe(SEEDS * 60);
});

test.each([
  { fault: 31, rule: "elected-by-quorum", what: "members whose logs rot vote before they have recovered" },
  { fault: 33, rule: "lost-quorum-refuses", what: "members whose disks were wiped come back as who they were" },
  { fault: 36, rule: "lost-quorum-refuses", what: "a leader that hears no quorum leads on" },
])("fault $fault is told by $rule: $what", ({ fault, rule }) => {
  const rules = new Set<string | undefined>();
  for (let seed = 1; seed <= 40 && !rules.has(rule); seed++) {
    rules.add(runSeed({ ...OPTIONS, seed, planted: { raft: [fault] } }).failure?.invariant);
  }
  expect([...rules]).toContain(rule);
});

test("who has a snapshot of which a chunk has rotted is not the one that goes on alone", () => {
  let refused = 0;
  for (let run = 0; run < 40 && refused === 0; run++) {
    const options = { ...OPTIONS, seed: 1 + Math.floor(run / 5) };
    const { schedule } = recordSeed(options);
    const rot = { type: "snapshot-rot", node: run % 5, atUs: 2_990_000, tie: 0 } as const;
    const { failure, marks } = runSeed({
      ...options,
      replay: { schedule: { ...schedule, events: [...schedule.events, rot] } },
    });
    expect(failure).toBeUndefined();
    refused += marks["recoveries refused"] ?? 0;
    if (refused > 0) expect(marks["clusters gone on alone"]).toBe(1);
  }
  expect(refused).toBe(1);
});

test("whose log has lost its first entry before there was a snapshot is not the one that goes on alone: its configuration is gone", () => {
  const options = { ...OPTIONS, durationMs: 1000 };
  const { schedule } = recordSeed(options);
  const refusedAfter = (node: number, beforeLast: number): number => {
    const rot = { type: "log-rot", node, beforeLast, atUs: 990_000, tie: 0 } as const;
    const replay = { schedule: { ...schedule, events: [...schedule.events, rot] } };
    const { failure, marks } = runSeed({ ...options, replay });
    expect(failure).toBeUndefined();
    return marks["recoveries refused"] ?? 0;
  };
  let refused = 0;
  // The first of those that are in the log at all is its first.
  for (let node = 0; node < 5 && refused === 0; node++) {
    for (let beforeLast = 16; beforeLast >= 0 && refused === 0; beforeLast--) refused = refusedAfter(node, beforeLast);
  }
  expect(refused).toBe(1);
});

test("other runs of consensus end so rarely, and by their seed alone", () => {
  const ends = Array.from({ length: 1000 }, (_, seed) => losesQuorum("disk", seed)).filter(Boolean).length;
  expect(ends).toBeGreaterThan(5);
  expect(ends).toBeLessThan(50);
});
