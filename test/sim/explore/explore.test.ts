import fc from "fast-check";
import { expect, test } from "vitest";
import { explore, exploreBySteps, formatExploration, type StateModel } from "../../../sim/index.ts";

/** Two jugs of 5 and 3 litres, of which one is to hold 4. */
const jugs: StateModel<{ readonly big: number; readonly small: number }, string> = {
  name: "jugs",
  initial: () => [{ big: 0, small: 0 }],
  actions: () => ["fill big", "fill small", "empty big", "empty small", "big to small", "small to big"],
  next: ({ big, small }, action) => {
    const room = { "big to small": Math.min(big, 3 - small), "small to big": -Math.min(small, 5 - big) }[action];
    if (room !== undefined) return { big: big - room, small: small + room };
    const level = action.startsWith("fill") ? Infinity : 0;
    return action.endsWith("big") ? { big: Math.min(5, level), small } : { big, small: Math.min(3, level) };
  },
  always: { "nobody measures four litres": ({ big }) => (big === 4 ? "the big jug has 4" : null) },
};

/** Two processes that take two locks, in opposite orders if `crossed`. */
const locks = (crossed: boolean): StateModel<{ readonly at: readonly number[] }, number> => {
  const orders = [
    [0, 1],
    [1, 0],
  ].map((order, process) => (crossed || process === 0 ? order : [0, 1]));
  const holds = (at: readonly number[], process: number): readonly number[] =>
    (orders[process] as number[]).slice(0, (at[process] as number) % 3);
  return {
    name: "locks",
    initial: () => [{ at: [0, 0] }],
    actions: () => [0, 1],
    next: ({ at }, process) => {
      const wanted = orders[process]?.[(at[process] as number) % 3];
      if (at[process] === 3 || (wanted !== undefined && holds(at, 1 - process).includes(wanted))) return null;
      return { at: at.with(process, (at[process] as number) + 1) };
    },
    always: {},
    mayEnd: ({ at }) => at.every((done) => done === 3),
    describe: (process) => `process ${process} goes on`,
  };
};

test("explore() looks at every state once, and says that all was looked at", () => {
  const result = explore({ ...jugs, always: {}, sometimes: { "a jug is empty": ({ small }) => small === 0 } });
  expect(result).toMatchObject({ ok: true, end: "complete", states: 16, depth: 7, edge: 0, ends: 0 });
  expect(result.sometimes).toEqual({ "a jug is empty": 0 });
  expect(result.collisionChance).toBeLessThan(1e-15);
});

test("explore() gives the shortest way to what is broken, step by step", () => {
  const { end, ok, failure } = explore(jugs);
  expect([end, ok, failure?.message]).toEqual(["failed", false, "the big jug has 4"]);
  const steps = ["fill big", "big to small", "empty small", "big to small", "fill big", "big to small"];
  expect(failure?.steps.map(({ action }) => action)).toEqual(steps);
  expect(failure?.steps.at(-1)?.state).toEqual({ big: 4, small: 3 });
});

test("explore() finds where nothing can happen any more", () => {
  expect(explore(locks(false)).end).toBe("complete");
  const deadlocked = explore(locks(true));
  expect(deadlocked.failure).toMatchObject({ rule: "deadlock", steps: [{ action: 0 }, { action: 1 }] });
  expect(formatExploration(deadlocked)).toContain("The shortest way to it, 2 steps:\n  1. process 0 goes on");
});

test("explore() fails where something is never reached, and only when all was looked at", () => {
  const model = { ...jugs, always: {}, sometimes: { six: ({ big }: { big: number }) => big === 6 } };
  expect(explore(model)).toMatchObject({ ok: false, end: "complete", sometimes: { six: null } });
  expect(explore(model, { depthMax: 3 })).toMatchObject({ ok: true, end: "depth", depth: 3 });
  expect(explore(model, { statesMax: 5 })).toMatchObject({ ok: true, end: "states", states: 5 });
});

test("explore() goes no further than what is within, and counts it", () => {
  const counter: StateModel<number, 1> = {
    name: "counter",
    initial: () => [0],
    actions: () => [1],
    next: (state, action) => state + action,
    always: {},
    isWithin: (state) => state < 10,
  };
  expect(explore(counter)).toMatchObject({ end: "complete", states: 11, edge: 1, ends: 0 });
});

test("explore() takes states that are images of each other for one", () => {
  const tokens: StateModel<readonly number[], number> = {
    name: "tokens",
    initial: () => [[0, 0, 0]],
    actions: () => [0, 1, 2],
    next: (state, at) => (state[at] === 3 ? null : state.with(at, (state[at] as number) + 1)),
    always: {},
  };
  expect(explore(tokens).states).toBe(64);
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const images = (state: readonly number[]): readonly (readonly number[])[] =>
    orders.map((order) => order.map((at) => state[at] as number));
  expect(explore({ ...tokens, images }).states).toBe(20);
});

test("explore() refuses a model that changes its states, draws, or has no plain ones", () => {
  const model: StateModel<number[], number> = {
    name: "impure",
    initial: () => [[0]],
    actions: () => [1],
    next: (state) => (state.push(1) > 5 ? null : state),
    always: {},
  };
  expect(() => explore(model)).toThrow('Cannot explore "impure": it changes a state that it was given');
  const drawn = explore({ ...model, next: () => [Math.random()] });
  expect(drawn.failure).toMatchObject({ rule: "next-throws", message: expect.stringContaining("Math.random") });
  class Jug {
    litres = 5;
  }
  expect(() => explore({ ...jugs, initial: () => [new Jug() as never] })).toThrow("Cannot make a fingerprint of a Jug");
  expect(() => explore(jugs, { statesMax: 0 })).toThrow("Cannot explore: statesMax is 0, wanted a whole number from 1");
});

test("exploreBySteps() says how far it has come, and can be left", () => {
  const endless: StateModel<number, number> = {
    name: "endless",
    initial: () => [0],
    actions: () => [1, 2],
    next: (state, action) => state * 2 + action,
    always: {},
  };
  const { value } = exploreBySteps(endless).next();
  expect(value).toMatchObject({ states: 8193, transitions: 8192, waiting: 4097 });
});

test("explore() agrees with a search that remembers whole states, on any graph", () => {
  const graphs = fc.array(fc.array(fc.nat(29), { maxLength: 4 }), { minLength: 30, maxLength: 30 });
  fc.assert(
    fc.property(graphs, fc.nat(29), (graph, target) => {
      const depths = new Map([[0, 0]]);
      for (const [at, depth] of depths)
        for (const to of graph[at] as number[]) if (!depths.has(to)) depths.set(to, depth + 1);
      const model: StateModel<number, number> = {
        name: "graph",
        initial: () => [0],
        actions: (state) => graph[state] as number[],
        next: (_, to) => to,
        always: {},
      };
      const all = explore(model);
      expect([all.states, all.depth]).toEqual([depths.size, Math.max(...depths.values())]);
      const way = explore({ ...model, always: { away: (state) => (state === target ? "there" : null) } }).failure;
      expect(way?.steps.length).toBe(depths.get(target));
    }),
  );
});
