/** The log against a model: a plain array and a set of what is on disk. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { RaftLog } from "../../../../actors/raft/core/raft-log.ts";
import type { LogEntry } from "../../../../runtime/index.ts";

const EMPTY = new Uint8Array(0);
const entry = (index: number, term: number, sizeBytes = 0): LogEntry => ({
  index,
  term,
  type: "command",
  payload: sizeBytes === 0 ? EMPTY : new Uint8Array(sizeBytes),
});
const log = (...terms: readonly number[]): RaftLog => new RaftLog(terms.map((term, at) => entry(at + 1, term)));
const terms = (of: RaftLog): readonly number[] => of.entries(1, of.lastIndex).map(({ term }) => term);

type Step =
  | { readonly do: "append" }
  | { readonly do: "merge"; readonly previous: number; readonly terms: readonly number[] }
  | { readonly do: "take" }
  | { readonly do: "durable" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>({ do: "append" }),
  fc.record({
    do: fc.constant("merge" as const),
    previous: fc.nat({ max: 6 }),
    terms: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
  }),
  fc.constant<Step>({ do: "take" }),
  fc.constant<Step>({ do: "durable" }),
);

test("merge(), append() and writes keep the log equal to a model, and durable never beyond what the disk has", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const subject = log();
      let model: number[] = [];
      let disk: number[] = [];
      let writing: readonly LogEntry[] | null = null;
      for (const action of steps) {
        if (action.do === "append") {
          subject.append({ term: 3, type: "command", payload: EMPTY });
          model.push(3);
        } else if (action.do === "merge" && action.previous <= model.length) {
          subject.merge(action.terms.map((term, at) => entry(action.previous + 1 + at, term)));
          const differs = action.terms.findIndex((term, at) => model[action.previous + at] !== term);
          if (differs >= 0) model = [...model.slice(0, action.previous + differs), ...action.terms.slice(differs)];
        } else if (action.do === "take" && !writing && subject.hasUnsaved) {
          writing = subject.takeUnsaved();
        } else if (action.do === "durable" && writing) {
          const from = (writing[0]?.index ?? 1) - 1;
          disk = [...disk.slice(0, from), ...writing.map(({ term }) => term)];
          writing = null;
          subject.markDurable();
        }
        expect(terms(subject)).toEqual(model);
        expect(disk.slice(0, subject.durable)).toEqual(model.slice(0, subject.durable));
      }
    }),
    { numRuns: 500 },
  );
});

test("merge() keeps what matches, also behind a delayed append (fault 10)", () => {
  const subject = log(1, 1, 2, 2);
  subject.merge([entry(1, 1), entry(2, 1)]);
  expect(terms(subject)).toEqual([1, 1, 2, 2]);
  subject.merge([entry(2, 1), entry(3, 3)]);
  expect(terms(subject)).toEqual([1, 1, 3]);
});

test("markDurable() does not count what was replaced while it was written (fault 27)", () => {
  const subject = log(1);
  subject.merge([entry(2, 1), entry(3, 1)]);
  subject.takeUnsaved();
  subject.merge([entry(2, 2), entry(3, 2), entry(4, 2)]);
  subject.markDurable();
  expect(subject.durable).toBe(1);
  expect(subject.takeUnsaved().map(({ index }) => index)).toEqual([2, 3, 4]);
  subject.markDurable();
  expect(subject.durable).toBe(4);
});

test("commitTo() refuses to go back, to pass the durable log, and truncation refuses committed entries", () => {
  const subject = log(1, 1);
  subject.commitTo(2);
  expect(() => subject.commitTo(1)).toThrow("go back from 2 to 1");
  subject.append({ term: 1, type: "noop", payload: EMPTY });
  expect(() => subject.commitTo(3)).toThrow("beyond the durable log, which ends at 2");
  expect(() => subject.merge([entry(2, 2)])).toThrow("Index 2 is committed (up to 2) and would be replaced");
});

test("batch() stops at the limits, but always takes one entry", () => {
  const subject = new RaftLog([entry(1, 1, 10), entry(2, 1, 10), entry(3, 1, 50), entry(4, 1, 1)]);
  const indexes = (from: number, entriesPerMessageMax: number, bytesPerMessageMax: number): readonly number[] =>
    subject.batch(from, { entriesPerMessageMax, bytesPerMessageMax }).map(({ index }) => index);
  expect(indexes(1, 100, 25)).toEqual([1, 2]);
  expect(indexes(1, 100, 5)).toEqual([1]);
  expect(indexes(3, 100, 5)).toEqual([3]);
  expect(indexes(1, 3, 1000)).toEqual([1, 2, 3]);
  expect(indexes(5, 100, 100)).toEqual([]);
});

test("lastPositionUpTo() skips a term a step", () => {
  const subject = log(1, 1, 4, 4, 4, 6);
  expect(subject.lastPositionUpTo(9, 9)).toEqual({ index: 6, term: 6 });
  expect(subject.lastPositionUpTo(5, 3)).toEqual({ index: 2, term: 1 });
  expect(subject.lastPositionUpTo(5, 0)).toEqual({ index: 0, term: 0 });
});

test("takeCommitted() hands each entry over once, from the first after a start (fault 20)", () => {
  const subject = log(1, 1, 1);
  subject.commitTo(2);
  expect(subject.takeCommitted().map(({ index }) => index)).toEqual([1, 2]);
  subject.commitTo(3);
  expect(subject.takeCommitted().map(({ index }) => index)).toEqual([3]);
  expect(subject.takeCommitted()).toEqual([]);
});

test("a log with a gap is refused", () => {
  expect(() => new RaftLog([entry(1, 1), entry(3, 1)])).toThrow("index 3 at position 2");
});
