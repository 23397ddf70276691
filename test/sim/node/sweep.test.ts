/** Seeds over worker threads, with the threads of production and with ones that die. */
import { expect, test } from "vitest";
import { runSeed, type RunOptions } from "../../../sim/index.ts";
import { sweep, type SweepOptions, type SweepOutcome } from "../../../sim/node/index.ts";
import { DOOM } from "./doom.ts";

const DOOMED = new URL("./doomed-worker.ts", import.meta.url);

function seedsFrom(first: number, seeds: number): readonly RunOptions[] {
  return Array.from({ length: seeds }, (_, at) => ({ seed: first + at, durationMs: 5000 }));
}

async function outcomesOf(options: SweepOptions): Promise<readonly SweepOutcome[]> {
  const outcomes: SweepOutcome[] = [];
  for await (const outcome of sweep(options)) outcomes.push(outcome);
  return outcomes;
}

test("sweep() gives over one thread and over two what this thread gives, byte for byte", async () => {
  const runs = (["membership", "mixed", "elections"] as const).map((profile, at) => ({
    seed: 21 + at,
    nodes: 3,
    durationMs: 2000,
    profile,
  }));
  const here = runs.map((run) => runSeed(run));
  for (const workers of [1, 2]) {
    const outcomes = await outcomesOf({ runs, workers });
    expect(outcomes.map((outcome) => outcome.type === "result" && outcome.result)).toEqual(here);
  }
});

test("sweep() gives results in the order of runs, however long each takes", async () => {
  const outcomes = await outcomesOf({ runs: seedsFrom(DOOM.slow, 60), workers: 2, file: DOOMED });
  expect(outcomes.map(({ type, run }) => [type, run.seed])).toEqual(
    seedsFrom(DOOM.slow, 60).map(({ seed }) => ["result", seed]),
  );
});

test.each([
  [DOOM.throws, "its thread died: the model is wrong"],
  [DOOM.exits, "its thread ended with exit code 7"],
  [DOOM.hangs, "it had none after 4 s"],
])("sweep() gives what came before seed %i, which is lost, and nothing after it: %s", async (seed, reason) => {
  const runs = seedsFrom(seed - 3, 50);
  const outcomes = await outcomesOf({ runs, workers: 2, file: DOOMED, hungMs: 4000 });
  expect(outcomes.map(({ run }) => run.seed)).toEqual([seed - 3, seed - 2, seed - 1, seed]);
  expect(outcomes.slice(0, 3).map(({ type }) => type)).toEqual(["result", "result", "result"]);
  expect(outcomes.at(-1)).toMatchObject({ type: "lost", reason });
});

test("sweep() ends when it is told to, also while a run hangs", async () => {
  const interrupt = new AbortController();
  const seen: number[] = [];
  const runs = seedsFrom(DOOM.hangs - 2, 50);
  for await (const { run } of sweep({ runs, workers: 1, file: DOOMED, signal: interrupt.signal })) {
    seen.push(run.seed);
    if (seen.length === 2) setTimeout(() => interrupt.abort(), 20);
  }
  expect(seen).toEqual([DOOM.hangs - 2, DOOM.hangs - 1]);
});

test("sweep() takes a run when a thread is free for it, and no more once its caller has left", async () => {
  const taken: number[] = [];
  function* runs(): Generator<RunOptions> {
    for (const run of seedsFrom(1, 1000)) {
      taken.push(run.seed);
      yield run;
    }
  }
  for await (const { run } of sweep({ runs: runs(), workers: 2, file: DOOMED })) if (run.seed === 5) break;
  const atEnd = taken.length;
  expect(atEnd).toBeLessThan(100);
  await new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
  expect(taken).toHaveLength(atEnd);
});

test("sweep() refuses a number of threads that is none", async () => {
  for (const workers of [0, 1.5, Infinity]) {
    await expect(outcomesOf({ runs: [], workers })).rejects.toThrow(`Cannot sweep with ${workers} threads`);
  }
});
