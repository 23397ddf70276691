/** A run may end with a core that is healed while nothing else ever is; it is recorded, stored and done again like all that is done to a cluster. */
import { expect, test } from "vitest";
import { formatReplay, parseReplay, recordSeed, runSeed, type RecordedRun } from "../../../sim/index.ts";

const OPTIONS = { profile: "elections", nodes: 5, durationMs: 5000 } as const;
const SEEDS = 40;

/** The first run that ends with a core, and does more than that to the others. */
function withCore(): { readonly seed: number; readonly recorded: RecordedRun } {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const recorded = recordSeed({ ...OPTIONS, seed });
    if ((recorded.schedule.ending ?? []).length > 1) return { seed, recorded };
  }
  throw new Error(`None of ${SEEDS} seeds ends with a core`);
}

test("recordSeed() keeps how the run ended, and its replay from a file is the same run", () => {
  const { seed, recorded } = withCore();
  const { result, schedule } = recorded;
  expect(schedule.ending?.[0]?.type).toBe("heal-core");
  expect(result.marks["cores healed"]).toBe(1);
  const run = { ...OPTIONS, seed, replay: { schedule } };
  const stored = parseReplay(formatReplay(run, result, "test"), "a test").run;
  expect(runSeed(stored).eventLogHash).toBe(result.eventLogHash);
});

test("runSeed() heals everybody where a schedule says of no core, and where its core could do nothing alone", () => {
  const { seed, recorded } = withCore();
  const { ending: _, ...healing } = recorded.schedule;
  const whole = runSeed({ ...OPTIONS, seed, replay: { schedule: healing } });
  expect([whole.failure, whole.marks["cores healed"]]).toEqual([undefined, 0]);
  const alone = [{ type: "heal-core", core: [0], atUs: 5_000_000, tie: 0 } as const];
  const small = runSeed({ ...OPTIONS, seed, replay: { schedule: { ...healing, ending: alone } } });
  expect([small.failure, small.marks["cores healed"]]).toEqual([undefined, 0]);
});

test("a node that is healed loses no power any more, though a write was to be torn", () => {
  const torn = { type: "torn-write", node: 1, withinUs: 50_000, downUs: 3_000_000, atUs: 4_990_000, tie: 0 } as const;
  const schedule = { events: [torn], load: "drawn", passedOver: [] } as const;
  const lines: string[] = [];
  const { failure } = runSeed({
    ...OPTIONS,
    seed: 1,
    replay: { schedule },
    onLine: (line) => void lines.push(line.slice(line.indexOf(" ") + 1)),
  });
  expect(failure).toBeUndefined();
  const found = lines.filter((line) => /^(?:fault torn-write|power-loss|healed|start 1)/.test(line));
  expect(found).toEqual(["start 1 life 1", "fault torn-write 1", "power-loss 1", "start 1 life 2", "healed"]);
});
