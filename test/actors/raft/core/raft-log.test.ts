/** The log against a model: plain arrays of what is in memory and what is on disk, with crashes between writes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { RaftLog, type ConfigurationListener } from "../../../../actors/raft/core/raft-log.ts";
import type { LogEntry, LogPosition } from "../../../../runtime/index.ts";

const EMPTY = new Uint8Array(0);
const ONE_BYTE = new Uint8Array(1);
const START: LogPosition = { index: 0, term: 0 };
const entry = (index: number, term: number, sizeBytes = 0): LogEntry => ({
  index,
  term,
  type: "command",
  payload: sizeBytes === 0 ? EMPTY : new Uint8Array(sizeBytes),
});
const logOf = (entries: readonly LogEntry[], snapshot: LogPosition = START, base: LogPosition = START): RaftLog =>
  new RaftLog({ base, entries, snapshot });
const log = (...terms: readonly number[]): RaftLog => logOf(terms.map((term, at) => entry(at + 1, term)));
const terms = (of: RaftLog): readonly number[] => of.entries(1, of.lastIndex).map(({ term }) => term);
const indexes = (entries: readonly LogEntry[]): readonly number[] => entries.map(({ index }) => index);

// ── Against a model ───────────────────────────────────────────────────────────────────────────────────────────────────

type Step =
  | { readonly do: "append" | "take" | "durable" | "apply" | "crash" }
  | { readonly do: "merge"; readonly back: number; readonly terms: readonly number[] }
  | { readonly do: "commit" | "snapshot" | "compact"; readonly by: number }
  | { readonly do: "install"; readonly ahead: number; readonly agrees: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  ...(["append", "take", "durable", "apply", "crash"] as const).map((of) => fc.constant<Step>({ do: of })),
  fc.record({
    do: fc.constant("merge" as const),
    back: fc.nat({ max: 4 }),
    terms: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    do: fc.constantFrom("commit" as const, "snapshot" as const, "compact" as const),
    by: fc.nat({ max: 4 }),
  }),
  fc.record({ do: fc.constant("install" as const), ahead: fc.nat({ max: 5 }), agrees: fc.boolean() }),
);

/** What a store holds: `terms[at]` is that of index `base.index + 1 + at`. */
interface Held {
  readonly base: LogPosition;
  readonly terms: readonly number[];
}

const lastOf = ({ base, terms: held }: Held): number => base.index + held.length;
const termIn = ({ base, terms: held }: Held, index: number): number | undefined =>
  index === base.index ? base.term : held[index - base.index - 1];
const cutTo = ({ base, terms: held }: Held, last: number): Held => ({
  base,
  terms: held.slice(0, Math.max(0, last - base.index)),
});

test("RaftLog equals a model of arrays, its durable part the disk, through writes, snapshots, compaction and crashes", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let subject = log();
      let memory: Held = { base: START, terms: [] };
      let disk: Held = memory;
      let snapshot = START;
      let commit = 0;
      let applied = 0;
      let writing: ReturnType<RaftLog["takeUnsaved"]> | null = null;
      for (const action of steps) {
        switch (action.do) {
          case "append":
            subject.append({ term: 3, type: "command", payload: ONE_BYTE });
            memory = { base: memory.base, terms: memory.terms.concat(3) };
            break;
          case "merge": {
            const previous = Math.max(commit, lastOf(memory) - action.back);
            const rising = action.terms.toSorted((a, b) => a - b);
            const differs = rising.findIndex((term, at) => termIn(memory, previous + 1 + at) !== term);
            const firstNew = subject.merge(rising.map((term, at) => entry(previous + 1 + at, term, 1)));
            if (differs >= 0) {
              const kept = cutTo(memory, previous + differs);
              memory = { ...kept, terms: [...kept.terms, ...rising.slice(differs)] };
              expect(firstNew).toBe(previous + 1 + differs);
            } else expect(firstNew).toBe(subject.lastIndex + 1);
            break;
          }
          case "take":
            if (!writing && subject.hasUnsaved) writing = subject.takeUnsaved();
            break;
          case "durable": {
            if (!writing) break;
            const { reset, entries } = writing;
            if (reset) disk = { base: reset, terms: [] };
            const first = entries[0]?.index ?? lastOf(disk) + 1;
            const kept = cutTo(disk, first - 1);
            expect(lastOf(kept)).toBe(first - 1);
            disk = { ...kept, terms: [...kept.terms, ...entries.map(({ term }) => term)] };
            writing = null;
            subject.markDurable();
            break;
          }
          case "commit":
            commit = Math.min(lastOf(memory), commit + action.by);
            subject.commitTo(commit);
            break;
          case "apply":
            expect(indexes(subject.takeCommitted())).toEqual(range(applied + 1, commit));
            applied = commit;
            break;
          case "snapshot": {
            const index = Math.max(snapshot.index, applied - action.by);
            expect(subject.noteSnapshot(index)).toBe(index > snapshot.index);
            snapshot = { index, term: subject.termAt(index) ?? snapshot.term };
            break;
          }
          case "compact": {
            const base = subject.compact({ trailingEntries: action.by, trailingBytesMax: Infinity });
            if (!base) break;
            expect(base).toEqual({ index: base.index, term: termIn(memory, base.index) });
            memory = { base, terms: memory.terms.slice(base.index - memory.base.index) };
            // The store compacts at its leisure, and no further.
            disk = { base, terms: disk.terms.slice(base.index - disk.base.index) };
            expect(lastOf(disk)).toBeGreaterThanOrEqual(base.index);
            break;
          }
          case "install": {
            const index = commit + action.ahead;
            const here = termIn(memory, index);
            const term = action.agrees && here !== undefined ? here : 9;
            const outcome = subject.installSnapshot({ index, term });
            if (action.ahead === 0) expect(outcome).toBe("stale");
            else {
              if (outcome === "reset") memory = { base: { index, term }, terms: [] };
              else expect(here).toBe(term);
              snapshot = { index, term };
              commit = index;
              applied = index;
            }
            break;
          }
          case "crash": {
            // Memory and the write in flight are gone; snapshots were durable before the log heard of them.
            writing = null;
            subject = logOf(
              disk.terms.map((term, at) => entry(disk.base.index + 1 + at, term, 1)),
              snapshot,
              disk.base,
            );
            const isBehind = termIn(disk, snapshot.index) !== snapshot.term;
            memory = isBehind ? { base: snapshot, terms: [] } : disk;
            expect(subject.hasUnsaved).toBe(isBehind);
            commit = snapshot.index;
            applied = snapshot.index;
            break;
          }
          default:
            action satisfies never;
        }
        expect(subject.base).toEqual(memory.base);
        expect(terms(subject)).toEqual(memory.terms);
        expect([subject.applied, subject.commit, subject.snapshot]).toEqual([applied, commit, snapshot]);
        expect(subject.uncommittedBytes).toBe(lastOf(memory) - commit);
        expect(subject.bytes).toBe(memory.terms.length);
        expect(subject.base.index).toBeLessThanOrEqual(subject.snapshot.index);
        // What is durable is there after a crash: on disk as it is here, or covered by a snapshot.
        for (let index = snapshot.index + 1; index <= subject.durable; index++) {
          expect(termIn(disk, index)).toBe(termIn(memory, index));
        }
      }
    }),
    { numRuns: 2000 },
  );
});

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
}

// ── One by one ────────────────────────────────────────────────────────────────────────────────────────────────────────

test("merge() keeps what matches, also behind a delayed append (fault 10)", () => {
  const subject = log(1, 1, 2, 2);
  subject.merge([entry(1, 1), entry(2, 1)]);
  expect(terms(subject)).toEqual([1, 1, 2, 2]);
  subject.merge([entry(2, 1), entry(3, 3)]);
  expect(terms(subject)).toEqual([1, 1, 3]);
});

test("what is compacted matches anything, since it was committed: it is no conflict (fault 11)", () => {
  const subject = log(1, 1, 2, 2);
  subject.commitTo(3);
  subject.takeCommitted();
  subject.noteSnapshot(3);
  expect(subject.compact({ trailingEntries: 0, trailingBytesMax: 0 })).toEqual({ index: 3, term: 2 });
  expect(subject.termAt(2)).toBeUndefined();
  expect(subject.matches(2, 1)).toBe(true);
  expect(subject.matches(3, 2)).toBe(true);
  expect(subject.matches(3, 1)).toBe(false);
  subject.merge([entry(2, 1), entry(3, 2), entry(4, 2), entry(5, 2)]);
  expect(indexes(subject.entries(1, 9))).toEqual([4, 5]);
});

test("markDurable() does not count what was replaced while it was written (fault 27)", () => {
  const subject = log(1);
  subject.merge([entry(2, 1), entry(3, 1)]);
  subject.takeUnsaved();
  subject.merge([entry(2, 2), entry(3, 2), entry(4, 2)]);
  subject.markDurable();
  expect(subject.durable).toBe(1);
  expect(indexes(subject.takeUnsaved().entries)).toEqual([2, 3, 4]);
  subject.markDurable();
  expect(subject.durable).toBe(4);
});

test("markDurable() does not count what was replaced by a snapshot while it was written (fault 27)", () => {
  const subject = log(1);
  subject.merge([entry(2, 1), entry(3, 1), entry(4, 1), entry(5, 1), entry(6, 1)]);
  subject.takeUnsaved();
  expect(subject.installSnapshot({ index: 4, term: 2 })).toBe("reset");
  subject.merge([entry(5, 2)]);
  subject.markDurable();
  expect(subject.durable).toBe(4);
  expect(subject.takeUnsaved()).toEqual({ reset: { index: 4, term: 2 }, entries: [entry(5, 2)] });
});

test("commitTo() refuses to go back or to pass the log, and truncation refuses committed entries", () => {
  const subject = log(1, 1);
  subject.commitTo(2);
  expect(() => subject.commitTo(1)).toThrow("go back from 2 to 1");
  expect(() => subject.commitTo(3)).toThrow("beyond the log, which ends at 2");
  expect(() => subject.merge([entry(2, 2)])).toThrow("Index 2 is committed (up to 2) and would be replaced");
});

test("batch() stops at the limits, but always takes one entry", () => {
  const subject = logOf([entry(1, 1, 10), entry(2, 1, 10), entry(3, 1, 50), entry(4, 1, 1)]);
  const batch = (from: number, entriesPerMessageMax: number, bytesPerMessageMax: number): readonly number[] =>
    indexes(subject.batch(from, { entriesPerMessageMax, bytesPerMessageMax }));
  expect(batch(1, 100, 25)).toEqual([1, 2]);
  expect(batch(1, 100, 5)).toEqual([1]);
  expect(batch(3, 100, 5)).toEqual([3]);
  expect(batch(1, 3, 1000)).toEqual([1, 2, 3]);
  expect(batch(5, 100, 100)).toEqual([]);
});

test("lastPositionUpTo() skips a term a step, and ends at the base", () => {
  const subject = log(1, 1, 4, 4, 4, 6);
  expect(subject.lastPositionUpTo(9, 9)).toEqual({ index: 6, term: 6 });
  expect(subject.lastPositionUpTo(5, 3)).toEqual({ index: 2, term: 1 });
  expect(subject.lastPositionUpTo(5, 0)).toEqual({ index: 0, term: 0 });
  const compacted = logOf([entry(4, 4), entry(5, 6)], { index: 3, term: 4 }, { index: 3, term: 4 });
  expect(compacted.lastPositionUpTo(5, 1)).toEqual({ index: 3, term: 4 });
});

test("takeCommitted() hands each entry over once, from the first after a start (fault 20)", () => {
  const subject = log(1, 1, 1);
  subject.commitTo(2);
  expect(indexes(subject.takeCommitted())).toEqual([1, 2]);
  subject.commitTo(3);
  expect(indexes(subject.takeCommitted())).toEqual([3]);
  expect(subject.takeCommitted()).toEqual([]);
});

test("takeCommitted() begins behind the snapshot, also where one is installed before what it covers was applied (fault 26)", () => {
  const subject = log(1, 1, 1, 1, 1);
  subject.commitTo(3);
  expect(subject.installSnapshot({ index: 4, term: 1 })).toBe("kept");
  subject.commitTo(5);
  expect(indexes(subject.takeCommitted())).toEqual([5]);
});

test("installSnapshot() drops a log that conflicts with it, and keeps one that agrees (fault 25)", () => {
  const conflicting = log(1, 1, 1, 1);
  expect(conflicting.installSnapshot({ index: 3, term: 2 })).toBe("reset");
  expect([conflicting.lastIndex, conflicting.lastTerm, conflicting.durable]).toEqual([3, 2, 3]);
  expect(conflicting.matches(3, 2)).toBe(true);
  const agreeing = log(1, 1, 1, 1);
  expect(agreeing.installSnapshot({ index: 3, term: 1 })).toBe("kept");
  expect(terms(agreeing)).toEqual([1, 1, 1, 1]);
  expect(agreeing.installSnapshot({ index: 3, term: 1 })).toBe("stale");
});

test("installSnapshot() begins anew where the log agrees but is not durable: nobody was told of what is dropped", () => {
  const subject = log(1);
  subject.merge([entry(2, 1), entry(3, 1), entry(4, 1)]);
  subject.takeUnsaved();
  expect(subject.installSnapshot({ index: 3, term: 1 })).toBe("reset");
  expect([subject.lastIndex, subject.commit, subject.durable]).toEqual([3, 3, 3]);
});

test("compact() leaves a trailing window, bounded in entries and in bytes", () => {
  const made = (): RaftLog => {
    const subject = logOf(range(1, 10).map((index) => entry(index, 1, 10)));
    subject.commitTo(9);
    subject.takeCommitted();
    subject.noteSnapshot(8);
    return subject;
  };
  expect(made().compact({ trailingEntries: 3, trailingBytesMax: 1000 })).toEqual({ index: 5, term: 1 });
  expect(made().compact({ trailingEntries: 100, trailingBytesMax: 25 })).toEqual({ index: 6, term: 1 });
  expect(made().compact({ trailingEntries: 100, trailingBytesMax: 1000 })).toBeUndefined();
  expect(made().compact({ trailingEntries: 0, trailingBytesMax: 0 }, 4)).toEqual({ index: 3, term: 1 });
  const subject = made();
  subject.compact({ trailingEntries: 0, trailingBytesMax: 0 });
  expect([subject.base.index, subject.bytes, indexes(subject.entries(1, 99))]).toEqual([8, 20, [9, 10]]);
});

test("compact() keeps what is not durable here, though a snapshot covers it", () => {
  const subject = log(1, 1);
  subject.append({ term: 1, type: "command", payload: EMPTY });
  subject.commitTo(3);
  subject.takeCommitted();
  subject.noteSnapshot(3);
  expect(subject.compact({ trailingEntries: 0, trailingBytesMax: 0 })).toEqual({ index: 2, term: 1 });
});

test("noteSnapshot() refuses one that is ahead of what is applied", () => {
  const subject = log(1, 1);
  subject.commitTo(2);
  expect(() => subject.noteSnapshot(2)).toThrow("A snapshot is as of index 2, but only 0 is applied");
});

test("a log with a gap is refused, and so is one that begins behind a state that no snapshot holds (fault 24)", () => {
  expect(() => logOf([entry(1, 1), entry(3, 1)])).toThrow("index 3 where 2 belongs");
  expect(() => logOf([entry(6, 1)], { index: 4, term: 1 }, { index: 5, term: 1 })).toThrow(
    "begins behind index 5, but the newest snapshot is as of index 4",
  );
});

test("a snapshot that is ahead of the log, or conflicts with it, lets it begin anew at start (fault 24)", () => {
  const ahead = logOf([entry(1, 1), entry(2, 1)], { index: 5, term: 2 });
  expect([ahead.base, ahead.lastIndex, ahead.commit, ahead.applied]).toEqual([{ index: 5, term: 2 }, 5, 5, 5]);
  expect(ahead.takeUnsaved()).toEqual({ reset: { index: 5, term: 2 }, entries: [] });
  const behind = logOf([entry(1, 1), entry(2, 1), entry(3, 1)], { index: 2, term: 1 });
  expect([behind.base.index, behind.lastIndex, behind.applied, behind.hasUnsaved]).toEqual([0, 3, 2, false]);
});

test("a listener hears of every configuration that enters or leaves the log behind what it begins with (fault 32)", () => {
  const heard: string[] = [];
  const configurations: ConfigurationListener = {
    appended: ({ index }) => void heard.push(`+${index}`),
    truncated: (index) => void heard.push(`-${index}`),
    compacted: (index) => void heard.push(`<${index}`),
  };
  const configuration = (index: number, term: number): LogEntry => ({
    index,
    term,
    type: "configuration",
    payload: EMPTY,
  });
  const subject = new RaftLog({
    base: START,
    entries: [entry(1, 1), configuration(2, 1)],
    snapshot: START,
    configurations,
  });
  subject.append({ term: 1, type: "configuration", payload: EMPTY });
  subject.merge([configuration(3, 2), entry(4, 2)]);
  subject.commitTo(4);
  subject.takeCommitted();
  subject.noteSnapshot(2);
  subject.compact({ trailingEntries: 0, trailingBytesMax: 0 });
  expect(heard).toEqual(["+3", "-3", "+3", "<2"]);
});
