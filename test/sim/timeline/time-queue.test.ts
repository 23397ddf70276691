/** The time queue, the timeline, clocks and the event log: what makes a run repeatable. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../../runtime/index.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { Hash64 } from "../../../sim/timeline/hash64.ts";
import { TimeQueue } from "../../../sim/timeline/time-queue.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";
import { HostClock } from "../../../sim/timeline/virtual-clock.ts";

test("TimeQueue gives entries by time, each once, without those that were cancelled", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean())), (wanted) => {
      const queue = new TimeQueue(createRandom(1));
      const kept: number[] = [];
      for (const [atUs, cancelled] of wanted) {
        const entry = queue.push(atUs, () => {});
        if (cancelled) entry.run = null;
        else kept.push(atUs);
      }
      const got: number[] = [];
      for (let entry = queue.pop(Infinity); entry !== undefined; entry = queue.pop(Infinity)) got.push(entry.atUs);
      expect(got).toEqual(kept.toSorted((one, other) => one - other));
    }),
  );
});

test("TimeQueue gives entries of one time by rank, and those of one rank as the seed has it", () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const queue = new TimeQueue(createRandom(seed));
    const names: string[] = [];
    const ranks = { z: 1, m: 0.5, a: 0, b: 0 };
    for (const [name, rank] of Object.entries(ranks)) queue.push(5, () => names.push(name), rank);
    for (let entry = queue.pop(9); entry !== undefined; entry = queue.pop(9)) entry.run?.();
    orders.add(names.join(""));
  }
  expect(orders).toEqual(new Set(["abmz", "bamz"]));
});

test("TimeQueue gives entries of one time and rank in one order, also where what was decided aside is left out", () => {
  // More entries than ties of one rank: many have the same.
  const order = (passedOver: readonly number[] | null): readonly number[] => {
    const queue = new TimeQueue(createRandom(7), passedOver ?? []);
    const got: number[] = [];
    for (let at = 0; at < 3000; at++) {
      if (at % 7 === 0 && passedOver === null) queue.pushAside(at % 2 === 0 ? 1 : 5, () => {}, "faults");
      queue.push(5, () => got.push(at), 0.5);
    }
    for (let entry = queue.pop(5); entry !== undefined; entry = queue.pop(5)) entry.run?.();
    return passedOver === null ? [...got, ...queue.tiesOf(["faults"])] : got;
  };
  const recorded = order(null);
  expect(order(recorded.slice(3000))).toEqual(recorded.slice(0, 3000));
});

test("TimeQueue draws the order of entries of one time from the seed", () => {
  const order = (seed: number): string => {
    const queue = new TimeQueue(createRandom(seed));
    const names: string[] = [];
    for (const name of "abcdef") queue.push(5, () => names.push(name));
    for (let entry = queue.pop(5); entry !== undefined; entry = queue.pop(5)) entry.run?.();
    return names.join("");
  };
  expect(order(1)).toBe(order(1));
  expect(new Set([1, 2, 3, 4, 5].map(order)).size).toBeGreaterThan(2);
});

test("Timeline.run() stops at the first failure, and says when it was", () => {
  const timeline = new Timeline(createRandom(1), new EventLog({ linesKept: 1 }));
  let later = false;
  timeline.after(10, () => timeline.fail("first", "it broke"));
  timeline.after(20, () => (later = true));
  timeline.run(100);
  timeline.fail("second", "not kept");
  expect(timeline.failure).toEqual({ invariant: "first", message: "it broke", atUs: 10 });
  expect(later).toBe(false);
});

test("Timeline.run() reports actors that never come to rest", () => {
  const timeline = new Timeline(createRandom(1), new EventLog({ linesKept: 1 }));
  const turn = { run: (): void => timeline.dispatcher.schedule(turn) };
  timeline.after(1, () => timeline.dispatcher.schedule(turn));
  timeline.run(10);
  expect(timeline.failure?.invariant).toBe("progress");
});

test("HostClock.usUntil() never lets a timer be early on its own clock, and rates stay within the bound", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const timeline = new Timeline(createRandom(seed), new EventLog({ linesKept: 1 }));
    const clock = new HostClock(timeline, createRandom(seed), true);
    expect(Math.abs(clock.rate - 1)).toBeLessThan(0.005);
    const startMs = clock.monotonicMs();
    timeline.after(clock.usUntil(123.4), () => {});
    timeline.run(clock.usUntil(123.4));
    expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(123.4);
    expect(clock.monotonicMs() - startMs).toBeLessThan(123.5);
  }
});

test("Hash64 tells apart logs that differ in one character, in order or in where a line ends", () => {
  const digest = (...lines: readonly string[]): string => {
    const hash = new Hash64();
    for (const line of lines) hash.addLine(line);
    return hash.digest();
  };
  const logs = [[], [""], ["a"], ["b"], ["ab"], ["a", "b"], ["b", "a"], ["a", "b", ""], ["\u0100"], ["a\u0000"]];
  expect(new Set(logs.map((lines) => digest(...lines))).size).toBe(logs.length);
  expect(digest("a")).toMatch(/^[0-9a-f]{16}$/);
  const many = new Set(Array.from({ length: 20_000 }, (_, at) => digest(`${at}`)));
  expect(many.size).toBe(20_000);
});

test("EventLog keeps the last lines, oldest first", () => {
  const log = new EventLog({ linesKept: 3 });
  expect(log.tail()).toEqual([]);
  for (const line of ["a", "b"]) log.add(1, line);
  expect(log.tail()).toEqual(["1 a", "1 b"]);
  log.add(2, "c");
  log.addParts(3, "d", [4, "e"]);
  log.add(5, "f");
  expect(log.tail()).toEqual(["2 c", "3 d 4 e", "5 f"]);
  expect(log.lines).toBe(5);
});

test("EventLog.digest() tells parts from each other, and where one ends", () => {
  const digest = (...parts: (string | number)[]): string => {
    const log = new EventLog({ linesKept: 0 });
    log.addParts(1, "what", parts);
    return log.digest();
  };
  const all = [["ab", "c"], ["a", "bc"], ["abc"], [1, 2], [2, 1], [12], ["12"], [2 ** 40], [0], [2 ** 32], [-1], []];
  expect(new Set(all.map((parts) => digest(...parts))).size).toBe(all.length);
  expect(digest("ab", 3)).toBe(digest("ab", 3));
});
