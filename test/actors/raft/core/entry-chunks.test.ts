/** The chunks of entries against a model: a plain array and the index it begins at. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { EntryChunks } from "../../../../actors/raft/core/entry-chunks.ts";
import type { LogEntry } from "../../../../runtime/index.ts";

const entry = (index: number, sizeBytes = 0): LogEntry => ({
  index,
  term: 1,
  type: "command",
  payload: new Uint8Array(sizeBytes),
});
const indexes = (entries: readonly LogEntry[]): readonly number[] => entries.map(({ index }) => index);

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("push" as const), count: fc.integer({ min: 1, max: 900 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("truncate" as const), back: fc.nat({ max: 1200 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("drop" as const), count: fc.nat({ max: 2500 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const), ahead: fc.nat({ max: 50 }) }) },
);

test("EntryChunks is an array whose ends move, wherever its chunks end", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30 }),
      fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 5 }),
      (steps, looks) => {
        const held = new EntryChunks(1);
        let first = 1;
        let model: LogEntry[] = [];
        for (const action of steps) {
          if (action.do === "push") {
            for (let count = 0; count < action.count; count++) {
              const placed = entry(first + model.length, count % 3);
              held.push(placed);
              model.push(placed);
            }
          } else if (action.do === "truncate") {
            model = model.slice(0, Math.max(0, model.length - action.back));
            held.truncateFrom(first + model.length);
          } else if (action.do === "drop") {
            const count = Math.min(action.count, model.length);
            model = model.slice(count);
            first += count;
            held.dropBefore(first);
          } else {
            first += model.length + action.ahead;
            model = [];
            held.reset(first);
          }
          expect([held.firstIndex, held.lastIndex]).toEqual([first, first + model.length - 1]);
          expect(held.bytes).toBe(model.reduce((sum, { payload }) => sum + payload.length, 0));
          expect(held.at(first - 1)).toBeUndefined();
          expect(held.at(first)).toBe(model[0]);
          expect(held.at(first + model.length)).toBeUndefined();
          for (const [a, b] of looks) {
            const from = first - 2 + (a % (model.length + 4));
            const to = first - 2 + (b % (model.length + 4));
            const wanted = model.filter(({ index }) => index >= from && index <= to);
            expect(indexes(held.slice(from, to))).toEqual(indexes(wanted));
          }
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("EntryChunks gives memory back, and forgets what it dropped", () => {
  const held = new EntryChunks(1);
  for (let index = 1; index <= 100_000; index++) held.push(entry(index, 10));
  expect(held.bytes).toBe(1_000_000);
  held.dropBefore(99_991);
  expect(held.bytes).toBe(100);
  expect(indexes(held.slice(1, 200_000))).toHaveLength(10);
  held.truncateFrom(99_996);
  expect(held.lastIndex).toBe(99_995);
  held.push(entry(99_996));
  expect(indexes(held.slice(99_990, 100_000))).toEqual([99_991, 99_992, 99_993, 99_994, 99_995, 99_996]);
});
