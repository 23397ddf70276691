/** Turns by priority: decided by the seed, drawn for a share of runs, and good for what evenly drawn turns hardly ever meet. */
import { expect, test } from "vitest";
import { createRandom, type Turn } from "../../../runtime/index.ts";
import { runSeed, simulate, type RunOptions } from "../../../sim/index.ts";
import { drawOrder } from "../../../sim/search/index.ts";
import { PriorityOrder } from "../../../sim/search/priority-order.ts";
import { orderingRun } from "./ordering-faults.ts";

const OPTIONS: RunOptions = { seed: 7, nodes: 3, durationMs: 10_000, profile: "mixed" };
const TURNS: readonly Turn[] = Array.from({ length: 5 }, () => ({ run: () => {} }));

test("pick() takes the same one until priorities change, and then never one that became the last before the others", () => {
  for (let seed = 0; seed < 50; seed++) {
    const order = new PriorityOrder(createRandom(seed));
    let last = order.pick(TURNS);
    let moves = 0;
    for (let at = 0; at < 7; at++) {
      const next = order.pick(TURNS);
      if (next !== last) moves += 1;
      last = next;
    }
    // The shortest epoch has eight choices.
    expect(moves).toBeLessThanOrEqual(order.depth - 1);
    expect(order.changes).toBeLessThanOrEqual(order.depth - 1);
  }
});

test("rank() has what the first puts in come first, until priorities change", () => {
  for (let seed = 0; seed < 50; seed++) {
    const order = new PriorityOrder(createRandom(seed));
    const first = TURNS[order.pick(TURNS)] as Turn;
    const ranks = TURNS.map((turn) => order.rank(turn));
    expect(Math.min(...ranks)).toBe(order.changes === 0 ? order.rank(first) : Math.min(...ranks));
    expect(ranks.every((rank) => rank >= 0 && rank <= 1)).toBe(true);
    expect(TURNS.map((turn) => order.rank(turn))).toEqual(ranks);
  }
});

test("pick() draws new priorities after a while", () => {
  const order = new PriorityOrder(createRandom(1));
  const picked = new Set(Array.from({ length: 20_000 }, () => order.pick(TURNS)));
  expect(picked.size).toBe(TURNS.length);
});

test("drawOrder() gives a quarter of the seeds priorities, and what is asked for to all", () => {
  const seeds = Array.from({ length: 400 }, (_, seed) => seed);
  const share = seeds.filter((seed) => drawOrder({ seed }) !== null).length / seeds.length;
  expect(share).toBeGreaterThan(0.15);
  expect(share).toBeLessThan(0.35);
  expect(seeds.every((seed) => drawOrder({ seed, kind: "pct" }) !== null)).toBe(true);
  expect(seeds.every((seed) => drawOrder({ seed, kind: "even" }) === null)).toBe(true);
  const depths = new Set(seeds.map((seed) => drawOrder({ seed, kind: "pct" })?.depth));
  expect(depths).toEqual(new Set([1, 2, 3, 4]));
});

test("runs by priority are decided by the seed, and have their marks", () => {
  const pct = runSeed({ ...OPTIONS, order: "pct" });
  expect(runSeed({ ...OPTIONS, order: "pct" })).toEqual(pct);
  expect(pct.marks["runs by priority"]).toBe(1);
  const even = runSeed({ ...OPTIONS, order: "even" });
  expect(even.marks["runs by priority"]).toBeUndefined();
  expect(even.order).toBe("even");
});

test("turns by priority find what has one actor wait for twelve turns of others; evenly drawn ones do not", async () => {
  const found = { even: 0, pct: 0 };
  for (const order of ["even", "pct"] as const) {
    for (let seed = 1; seed <= 30; seed++) {
      const { ok, failure } = await simulate({ ...orderingRun("overtaken"), seed, order });
      if (ok) continue;
      found[order] += 1;
      expect(failure?.invariant).toBe("in-order");
    }
  }
  expect(found.even).toBe(0);
  expect(found.pct).toBeGreaterThan(5);
});
