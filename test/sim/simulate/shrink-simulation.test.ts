/** Runs of a user's actors are recorded, done again, made short and stored; here of a counter that counts twice what is repeated. */
import { describe, expect, test } from "vitest";
import { stateless } from "../../../runtime/index.ts";
import {
  defineSimulation,
  formatSimulationRun,
  parseSimulationRun,
  recordSimulation,
  ReplayFileError,
  replaySimulation,
  shrinkSimulation,
  type RecordedSimulation,
  type SimulationDefinition,
  type SimulationRun,
} from "../../../sim/index.ts";

interface Add {
  readonly to: string;
  readonly by: number;
}

/** What is added on n1 is wrong once it is 7; with `forgets`, also when anything is added by a node that was started anew. */
function adding(): SimulationDefinition<Add> {
  return defineSimulation<Add>({
    name: "adding",
    planted: { seven: "seven is wrong", forgets: "a second life is wrong" },
    make: ({ planted }) => {
      let wrong: string | null = null;
      return {
        durationMs: 20_000,
        faults: ["kill", "partition"],
        start: (node) => {
          const adder = stateless<number>("adder", (by) => {
            if (planted.has("seven") && by === 7) wrong = `seven on ${node.name}`;
            if (planted.has("forgets") && node.life > 1) wrong = `${node.name} forgot`;
          });
          node.system.spawn(adder, { name: "adder" });
        },
        load: {
          everyMs: 200,
          draw: (run) => {
            const by = run.random.integer(20);
            return by === 0 ? null : { to: run.names[run.random.integer(3)] ?? "n1", by };
          },
          act: (run, { to, by }) => {
            const node = run.node(to);
            node?.system.tell(node.system.refAt<number>({ node: to, path: "adder" }), by);
          },
        },
        always: { "nothing is wrong": () => wrong },
      };
    },
  });
}

async function failing(planted: string): Promise<RecordedSimulation> {
  for (let seed = 1; seed <= 20; seed++) {
    const recorded = await recordSimulation(adding(), { seed, planted: [planted] });
    if (!recorded.result.ok) return recorded;
  }
  throw new Error(`No seed shows "${planted}"`);
}

test("replaySimulation() gives the recorded run byte for byte, with the load and without faults drawn", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { run, result } = await recordSimulation(adding(), { seed });
    const again = await replaySimulation(adding(), run);
    expect(again.eventLogHash).toBe(result.eventLogHash);
    const { events } = run.replay.schedule;
    expect(events.filter(({ type }) => type === "step").length).toBeGreaterThan(20);
    expect(events.some(({ type }) => type === "crash" || type === "cut")).toBe(true);
  }
});

test("a step without data is drawn again as it was, and one that draws nothing is none", async () => {
  const drawn: number[][] = [];
  const definition = defineSimulation({
    name: "bare",
    make: () => {
      const mine: number[] = [];
      drawn.push(mine);
      return { durationMs: 3000, start: () => {}, load: { act: (run) => void mine.push(run.random.integer(1000)) } };
    },
  });
  const { run } = await recordSimulation(definition, { seed: 3 });
  const { events } = run.replay.schedule;
  const half = events.filter((event, at) => event.type !== "step" || at % 2 === 0);
  await replaySimulation(definition, { ...run, replay: { schedule: { ...run.replay.schedule, events: half } } });
  const [all = [], some = []] = drawn;
  expect(some.length).toBeGreaterThan(5);
  expect(some.length).toBeLessThan(all.length);
  expect(some.filter((value) => !all.includes(value))).toEqual([]);
});

test.each([
  ["seven", 1, 0],
  ["forgets", 2, 1],
])('shrinkSimulation() makes a run that shows "%s" short, of %i events', async (planted, length, crashes) => {
  const { run, result } = await failing(planted);
  const shrunk = await shrinkSimulation(adding(), run);
  const events = shrunk?.run.replay.schedule.events ?? [];
  expect(shrunk?.failure.invariant).toBe(result.failure?.invariant);
  expect(events).toHaveLength(length);
  expect(events.filter(({ type }) => type === "crash")).toHaveLength(crashes);
  const again = await replaySimulation(adding(), shrunk?.run as SimulationRun);
  expect(again.failure).toEqual(shrunk?.failure);
  // It is the planted fault that breaks the rule, not the schedule.
  expect((await replaySimulation(adding(), { ...(shrunk?.run as SimulationRun), planted: [] })).ok).toBe(true);
});

test("shrinkSimulation() answers null for a clean run, and ends when it is told to", async () => {
  const { run } = await recordSimulation(adding(), { seed: 1 });
  expect(await shrinkSimulation(adding(), run)).toBeNull();
  const found = await failing("seven");
  let runs = 0;
  await shrinkSimulation(adding(), found.run, { onProgress: (progress) => (runs = progress.runs) < 4 });
  expect(runs).toBe(4);
});

test("what is no simulation, or cannot be planted, is refused by name", async () => {
  expect(() => defineSimulation({ name: "" } as never)).toThrow('wanted a "name", and "make"');
  await expect(recordSimulation(adding(), { seed: 1, planted: ["eight"] })).rejects.toThrow(
    'Cannot plant "eight" in adding: what can be is seven, forgets',
  );
  const { run } = await recordSimulation(adding(), { seed: 1 });
  await expect(replaySimulation({ ...adding(), name: "other" }, run)).rejects.toThrow(
    'Cannot replay a run of "adding" as one of "other"',
  );
});

test("a step that is no plain data is refused", async () => {
  const load = { draw: () => () => {}, act: () => {} };
  const definition = defineSimulation({ name: "odd", make: () => ({ start: () => {}, load }) });
  await expect(recordSimulation(definition, { seed: 1 })).rejects.toThrow("`load.draw` returned a function");
});

describe("parseSimulationRun()", () => {
  test("reads what formatSimulationRun() wrote, and it is the same run", async () => {
    const found = await failing("seven");
    const file = parseSimulationRun(formatSimulationRun(found, "1.2.3"), "a.json");
    const { invariant, message, atMs } = found.result.failure ?? {};
    const { eventLogHash } = found.result;
    expect(file).toEqual({ software: "1.2.3", run: found.run, failure: { invariant, message, atMs }, eventLogHash });
    expect((await replaySimulation(adding(), file.run)).eventLogHash).toBe(eventLogHash);
  });

  test.each<[string, (file: Record<string, unknown>, run: Record<string, unknown>) => unknown, string]>([
    ["our own load's", (file) => ({ ...file, format: "blixard-replay" }), "it is no recorded run of a user's actors"],
    [
      "another version",
      (file) => ({ ...file, formatVersion: 9, software: "3.0.0" }),
      "it is of format version 9, this software reads version 1. Blixard 3.0.0 wrote it",
    ],
    ["no name", (file, run) => ({ ...file, run: { ...run, simulation: 1 } }), 'its "run" does not name a simulation'],
    ["odd plants", (file, run) => ({ ...file, run: { ...run, planted: [1] } }), 'the "planted" of its "run"'],
    ["odd faults", (file, run) => ({ ...file, run: { ...run, faults: "mild" } }), 'there are no faults "mild"'],
    ["too many nodes", (file, run) => ({ ...file, run: { ...run, nodes: 99 } }), "Cannot simulate 99 nodes"],
    [
      "a step without chance",
      (file) => ({ ...file, events: [{ type: "step", atUs: 1, tie: 0 }] }),
      '(step) has no "chance"',
    ],
  ])("refuses a file with %s", async (_, change, why) => {
    const recorded = await recordSimulation(adding(), { seed: 1, durationMs: 1000 });
    const file = JSON.parse(formatSimulationRun(recorded, "1.2.3")) as Record<string, unknown>;
    const text = JSON.stringify(change(file, file["run"] as Record<string, unknown>));
    expect(() => parseSimulationRun(text, "a.json")).toThrow(ReplayFileError);
    expect(() => parseSimulationRun(text, "a.json")).toThrow(why);
  });
});
