/** A user's own actors under a seed: determinism, faults, checks, promises, and what is refused. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { joinCluster, startSingleton } from "../../../actors/index.ts";
import { stateless, type Behavior, type Journal, type Settled } from "../../../runtime/index.ts";
import {
  formatSimulation,
  formatSimulations,
  simulate,
  simulateSeeds,
  type SimulatedNode,
  type SimulateOptions,
  type SimulationResult,
} from "../../../sim/index.ts";
import { gossipRun } from "./gossip-actors.ts";

const REPLAY = join(import.meta.dirname, "replay-actors.ts");

async function inAnotherProcess(seed: number): Promise<SimulationResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [REPLAY, `${seed}`]);
  return JSON.parse(stdout) as SimulationResult;
}

test("simulate() gives the same event log in two processes and twice in one, another for another seed", async () => {
  const here = await simulate({ ...gossipRun().options, seed: 4 });
  const again = await simulate({ ...gossipRun().options, seed: 4 });
  const there = await inAnotherProcess(4);
  expect(here.ok, formatSimulation(here)).toBe(true);
  expect(here.events).toBeGreaterThan(500);
  expect(Object.keys(here.faults).length).toBeGreaterThan(0);
  expect(again).toEqual(here);
  expect(there).toEqual(here);
  const another = await simulate({ ...gossipRun().options, seed: 5 });
  expect(another.eventLogHash).not.toBe(here.eventLogHash);
});

test("simulate() starts a crashed node again, with nothing of its earlier life", async () => {
  const lives: string[] = [];
  const { options } = gossipRun();
  const result = await simulate({
    ...options,
    seed: 1,
    faults: ["kill"],
    start: (node) => {
      lives.push(`${node.name} ${node.life}`);
      options.start(node);
    },
  });
  expect(Object.keys(result.faults)).toEqual(["kill"]);
  expect(lives.slice(0, 3)).toEqual(["n1 1", "n2 1", "n3 1"]);
  expect(lives.length).toBe(3 + (result.faults["kill"] ?? 0));
  expect(lives.some((life) => life.endsWith(" 2"))).toBe(true);
});

test("a check of `always` that says what is wrong ends the run with its rule", async () => {
  const { heard, options } = gossipRun();
  const result = await simulate({
    ...options,
    seed: 2,
    faults: "none",
    always: {
      "nobody counts to five": () => {
        for (const [node, mine] of heard) if ((mine.get("n1") ?? 0) >= 5) return `${node} heard five of n1`;
        return null;
      },
    },
  });
  expect(result.failure?.invariant).toBe("nobody counts to five");
  expect(result.failure?.message).toMatch(/^n[123] heard five of n1$/);
  expect(result.failure?.atMs).toBeGreaterThan(500);
  expect(result.failure?.atMs).toBeLessThan(1000);
  const report = formatSimulation(result);
  expect(report).toContain("seed 2 failed after 0.6 s: nobody counts to five");
  expect(report).toContain('simulate({"seed":2,"nodes":3,"durationMs":20000,"faults":"none"} and the same actors)');
});

test("a check that throws is wrong too, and `eventually` waits until it holds", async () => {
  const { options } = gossipRun();
  let asked = 0;
  const holdsLater = await simulate({
    ...options,
    seed: 1,
    eventually: { "the third time": () => (++asked < 3 ? `asked ${asked} times` : null) },
  });
  expect(holdsLater.ok, formatSimulation(holdsLater)).toBe(true);
  expect(holdsLater.simulatedMs).toBe(20_200);
  const never = await simulate({
    ...options,
    seed: 1,
    settleWithinMs: 5000,
    eventually: {
      "agree on it": () => {
        expect(1).toBe(2);
      },
    },
  });
  expect(never.failure?.invariant).toBe("eventually");
  expect(never.failure?.message).toMatch(
    /^5 s after all faults ended, "agree on it" does not hold: expected 1 to be 2/,
  );
});

test("the load acts until faults end, through the nodes that run", async () => {
  let acted = 0;
  let lastMs = 0;
  const { options } = gossipRun();
  const result = await simulate({
    ...options,
    seed: 3,
    load: {
      everyMs: 200,
      act: (run) => {
        acted += 1;
        lastMs = run.nowMs;
        const node = run.nodes()[run.random.integer(run.nodes().length)];
        if (node === undefined) return;
        node.system.tell(node.system.refAt({ node: node.name, path: "gossip" }), { type: "tick" });
      },
    },
  });
  expect(result.ok, formatSimulation(result)).toBe(true);
  expect(acted).toBeGreaterThan(50);
  expect(lastMs).toBeLessThan(20_000);
});

test("a crash of an actor ends the run unless it is meant to be", async () => {
  const fragile = stateless<string>("fragile", () => {
    throw new Error("as told");
  });
  const start = (node: SimulatedNode): void => node.system.tell(node.system.spawn(fragile, { name: "f" }), "break");
  const result = await simulate({ seed: 1, nodes: 1, durationMs: 1000, faults: "none", start });
  expect(result.failure?.invariant).toBe("no-actor-crashes");
  expect(result.failure?.message).toBe("Actor blixard://n1/f crashed: Error: as told");
  const allowed = await simulate({
    seed: 1,
    nodes: 1,
    durationMs: 1000,
    faults: "none",
    start,
    allowCrash: ({ error }) => (error as Error).message === "as told",
  });
  expect(allowed.ok, formatSimulation(allowed)).toBe(true);
});

test("time and entropy of the platform throw in a handler, so the run names whoever uses them", async () => {
  const impatient = stateless<string>("impatient", () => void setTimeout(() => {}, 1));
  const result = await simulate({
    seed: 1,
    nodes: 1,
    durationMs: 1000,
    start: (node) => node.system.tell(node.system.spawn(impatient), "wait"),
  });
  expect(result.failure?.invariant).toBe("no-actor-crashes");
  expect(result.failure?.message).toContain("setTimeout was called while a simulation ran");
  expect(typeof setTimeout(() => {}, 0)).toBe("object");
});

test("a message that no frame could carry is named", async () => {
  const result = await simulate({
    seed: 1,
    nodes: 2,
    durationMs: 5000,
    faults: "none",
    load: {
      act: (run) => {
        const n1 = run.node("n1")?.system;
        n1?.tell(n1.refAt({ node: "n2", path: "x" }), { type: "call", back: () => 1 });
      },
    },
    start: () => {},
  });
  expect(result.failure?.invariant).toBe("plain-messages");
});

test("virtual time stands still while a promise settles, which comes back after a drawn time", async () => {
  const runs = [1, 1, 2].map((seed) => async () => {
    const settled: [number, Settled<number>][] = [];
    let node: SimulatedNode | undefined;
    const result = await simulate({
      seed,
      nodes: 1,
      durationMs: 1000,
      faults: "none",
      start: (started) => {
        node = started;
        const { clock, work } = started.world;
        const startMs = clock.monotonicMs();
        const keep = (one: Settled<number>): void => void settled.push([clock.monotonicMs() - startMs, one]);
        work?.follow(slowSum(300), keep);
        work?.follow(Promise.reject(new Error("refused")), keep);
      },
    });
    expect(result.ok, formatSimulation(result)).toBe(true);
    expect(node?.name).toBe("n1");
    return settled;
  });
  const [one, same, other] = [await runs[0]?.(), await runs[1]?.(), await runs[2]?.()];
  expect(one?.map(([, settled]) => settled)).toHaveLength(2);
  expect(one).toContainEqual([expect.any(Number), { ok: true, value: 300 }]);
  expect(one).toContainEqual([expect.any(Number), { ok: false, error: new Error("refused") }]);
  for (const [afterMs] of one ?? []) expect(afterMs).toBeLessThan(51);
  expect(same).toEqual(one);
  expect(other?.map(([afterMs]) => afterMs)).not.toEqual(one?.map(([afterMs]) => afterMs));
});

/** Takes `hops` microtasks, one behind the other. */
async function slowSum(hops: number): Promise<number> {
  let sum = 0;
  for (let i = 0; i < hops; i++) sum += await Promise.resolve(1);
  return sum;
}

test("an answer to `system.ask` from outside of the actors settles in virtual time", async () => {
  const answers: unknown[] = [];
  const result = await simulate({
    seed: 1,
    nodes: 1,
    durationMs: 1000,
    faults: "none",
    start: ({ system }) => {
      const silent = system.spawn(stateless<unknown>("silent", () => {}));
      void system
        .ask<unknown, string>(silent, (replyTo) => replyTo, { timeoutMs: 500 })
        .then((answer) => {
          answers.push(answer);
        });
    },
    eventually: { "it is answered": () => (answers.length === 1 ? null : "no answer") },
  });
  expect(result.ok, formatSimulation(result)).toBe(true);
  expect(answers).toEqual([{ ok: false, code: "timeout" }]);
});

test("a promise that an actor pipes comes back as its message, unless its node has crashed meanwhile", async () => {
  let piped = 0;
  const results: Settled<number>[] = [];
  const piping: Behavior<null, "go" | Settled<number>> = {
    name: "piping",
    init: (ctx) => {
      ctx.setTimer("go", 5, "go");
      return null;
    },
    receive: (state, message, ctx) => {
      if (message !== "go") results.push(message);
      else {
        piped += 1;
        ctx.setTimer("go", 5, "go");
        ctx.pipe(slowSum(20), (settled) => settled);
      }
      return state;
    },
  };
  const result = await simulate({
    seed: 3,
    durationMs: 20_000,
    faults: ["kill", "pause"],
    start: ({ system }) => void system.spawn(piping),
  });
  expect(result.ok, formatSimulation(result)).toBe(true);
  expect(new Set(results.map((settled) => JSON.stringify(settled)))).toEqual(new Set(['{"ok":true,"value":20}']));
  expect(results.length).toBeGreaterThan(300);
  expect(results.length).toBeLessThan(piped);
});

test("simulated nodes join a cluster, whose singleton acts on one of them and moves when that crashes", async () => {
  const acts = new Map<string, number>();
  const result = await simulate({
    seed: 2,
    faults: ["kill", "partition"],
    start: (node) => {
      joinCluster(node.system, node.cluster);
      const ledger = (): Behavior<null, string> => ({
        name: "ledger",
        init: () => {
          acts.set(node.name, (acts.get(node.name) ?? 0) + 1);
          return null;
        },
        receive: (state) => state,
      });
      startSingleton(node.system, { name: "ledger", make: ledger });
    },
    eventually: { "it acted": () => (acts.size > 0 ? null : "nowhere") },
  });
  expect(result.ok, formatSimulation(result)).toBe(true);
  expect([...acts.values()].reduce((sum, count) => sum + count)).toBeGreaterThan(1);
});

test("a promise that waits for the outside never settles, and is named at the end", async () => {
  let outside: Promise<unknown> = Promise.resolve();
  const result = await simulate({
    seed: 1,
    nodes: 1,
    durationMs: 1000,
    faults: "none",
    start: ({ world }) => {
      outside = readFile(REPLAY);
      world.work?.follow(outside, () => {});
    },
  });
  expect(result.failure?.invariant).toBe("work-settles");
  expect(result.failure?.message).toContain("1 promise given to ctx.pipe never settled");
  await outside;
});

test("simulate() refuses a second run at the same time, and options out of range", async () => {
  const first = simulate({ ...gossipRun().options, seed: 1 });
  await expect(simulate({ ...gossipRun().options, seed: 2 })).rejects.toThrow(
    "Cannot simulate: another simulation runs in this process; await it first",
  );
  expect((await first).ok).toBe(true);
  await expect(simulate({ seed: 1, nodes: 10, start: () => {} })).rejects.toThrow("Cannot simulate 10 nodes");
});

test.each([
  [{ faults: "kills" }, 'Cannot simulate with faults "kills"'],
  [{ faults: ["kill", "explode"] }, 'Cannot simulate with faults "kill,explode"'],
  [{ load: { everyMs: 0, act: () => {} } }, "Cannot simulate with load.everyMs 0"],
  [{ load: { everyMs: Number.NaN, act: () => {} } }, "Cannot simulate with load.everyMs NaN"],
  [{ load: {} }, "Cannot simulate: `load.act` is no function"],
  [{ settleWithinMs: Number.NaN }, "Cannot simulate with settleWithinMs NaN"],
  [{ settleWithinMs: Infinity }, "Cannot simulate with settleWithinMs Infinity"],
  [{ linesKept: -1 }, "Cannot simulate with linesKept -1"],
  [{ start: undefined }, "Cannot simulate: `start` is no function"],
  [{ always: { rule: true } }, 'Cannot simulate: the check "rule" is no function'],
])("simulate() refuses %j by its name", async (wrong, message) => {
  const options = { seed: 1, durationMs: 1000, start: () => {}, ...wrong } as unknown as SimulateOptions;
  await expect(simulate(options)).rejects.toThrow(message);
});

test.each([
  [async () => null, "a promise"],
  [() => false, "a value of type boolean"],
])("a check that answers no text fails its rule, and the report says why", async (check, what) => {
  const always = { rule: check } as unknown as NonNullable<SimulateOptions["always"]>;
  const { failure } = await simulate({ seed: 1, durationMs: 1000, start: () => {}, always });
  expect(failure?.invariant).toBe("rule");
  expect(failure?.message).toBe(`its check answered ${what}, wanted what is wrong as text, or nothing`);
});

test("simulateSeeds() refuses to run no seeds, which would show nothing", async () => {
  for (const count of [0, Number.NaN, 1.5]) {
    await expect(simulateSeeds({ count }, () => ({ start: () => {} }))).rejects.toThrow(
      `Cannot simulate ${count} seeds`,
    );
  }
});

test("simulate() rejects with what `start` throws, and leaves the globals as they were", async () => {
  const start = (): never => {
    throw new Error("no actors");
  };
  await expect(simulate({ seed: 1, start })).rejects.toThrow("no actors");
  expect(Date.now()).toBeGreaterThan(0);
});

test("simulate() refuses a `start` and a `load` that wait, and lets no rejection of theirs out", async () => {
  const later = async (): Promise<void> => {
    await Promise.resolve();
    throw new Error("behind an await");
  };
  const message = (what: string): string => `Cannot simulate: \`${what}\` returned a promise, which no run waits for`;
  // oxlint-disable-next-line typescript/no-misused-promises -- the mistake that is refused
  await expect(simulate({ seed: 1, start: later })).rejects.toThrow(message("start"));
  const load = { act: later };
  await expect(simulate({ seed: 1, start: () => {}, load })).rejects.toThrow(message("load.act"));
});

test("a simulated node has a journal, as its type says", async () => {
  const journals: Journal[] = [];
  await simulate({
    seed: 1,
    nodes: 1,
    durationMs: 100,
    faults: "none",
    start: ({ world }) => void journals.push(world.journal),
  });
  expect(journals).toHaveLength(1);
  expect(journals[0]?.open).toBeTypeOf("function");
});

test("simulateSeeds() stops at the first failure, and names marks that no seed reached", async () => {
  const clean = await simulateSeeds({ count: 4, sometimes: ["heard after a crash", "seen a dragon"] }, () => {
    return gossipRun().options;
  });
  expect(clean).toMatchObject({ seeds: 4, ok: false, failed: [], unreached: ["seen a dragon"] });
  expect(formatSimulations(clean)).toBe("None of 4 seeds reached: seen a dragon");
  const failing = await simulateSeeds({ from: 10, count: 100 }, (seed) => ({
    ...gossipRun().options,
    always: { "below twelve": () => (seed < 12 ? null : `it is ${seed}`) },
  }));
  expect(failing.failed.map(({ seed }) => seed)).toEqual([12]);
  expect(failing.seeds).toBe(3);
  expect(formatSimulations(failing)).toContain("seed 12 failed after 0.0 s: below twelve");
});
