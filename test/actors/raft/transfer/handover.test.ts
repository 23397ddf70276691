/** What a subscriber is given: restores and entries in one order, without gaps, whatever the snapshot store's pace. */
import { expect, test } from "vitest";
import type { RaftEvent, RaftView } from "../../../../actors/raft/index.ts";
import { Handover } from "../../../../actors/raft/transfer/handover.ts";
import { StoreError, type FinishedSnapshot, type LogEntry, type SnapshotStore } from "../../../../runtime/index.ts";

const SNAPSHOT: FinishedSnapshot = {
  ...{ id: "5-1-a", index: 5, term: 1, configuration: new Uint8Array(0) },
  ...{ chunks: 3, sizeBytes: 3, checksum: 0 },
};

function entriesTo(from: number, to: number): readonly LogEntry[] {
  const payload = new Uint8Array(0);
  return Array.from({ length: to - from + 1 }, (_, at) => ({ index: from + at, term: 1, type: "command", payload }));
}

/** A log up to `applied` behind `base`, and reads that wait until they are completed. */
function setup({ base = 0 } = {}) {
  const events: RaftEvent[] = [];
  const errors: StoreError[] = [];
  const reads: { readonly number: number; readonly done: (chunk: Uint8Array | StoreError) => void }[] = [];
  let applied = base;
  const view = {
    status: () => ({ base, applied }),
    entries: (from: number, to: number) => entriesTo(Math.max(from, base + 1), to),
  } as unknown as RaftView;
  const snapshots = {
    read: (_: string, number: number, done: (chunk: Uint8Array | StoreError) => void) =>
      void reads.push({ number, done }),
  } as unknown as SnapshotStore;
  const handover = new Handover({
    snapshots,
    view,
    tell: (event) => void events.push(event),
    turn: (then) => then,
    fail: (error) => void errors.push(error),
  });
  const commit = (to: number): void => {
    const news = entriesTo(applied + 1, to);
    applied = to;
    handover.committed(news);
  };
  const complete = (): void => {
    const read = reads.shift();
    read?.done(Uint8Array.of(read.number));
  };
  const told = (): readonly string[] =>
    events.map((event) => {
      if (event.type === "restore") return `restore ${event.number}${event.last ? " last" : ""}`;
      return event.type === "committed" ? `${event.entries[0]?.index}-${event.entries.at(-1)?.index}` : event.type;
    });
  return { handover, commit, complete, told, errors, reads };
}

test("committed() waits for a restore that is under way, and then gives all that came meanwhile (fault 26)", () => {
  const { handover, commit, complete, told } = setup({ base: 5 });
  handover.restore(SNAPSHOT);
  commit(7);
  complete();
  commit(9);
  complete();
  expect(told()).toEqual(["restore 0", "restore 1"]);
  expect(handover.isRestoring).toBe(true);
  complete();
  commit(10);
  expect(told()).toEqual(["restore 0", "restore 1", "restore 2 last", "6-9", "10-10"]);
  expect(handover.handed).toBe(10);
});

test("restore() replaces one that is under way, whose chunks that still come are dropped", () => {
  const { handover, complete, told, reads } = setup({ base: 5 });
  handover.restore(SNAPSHOT);
  complete();
  handover.restore({ ...SNAPSHOT, id: "8-1-b", index: 8, chunks: 1 });
  expect(reads.map(({ number }) => number)).toEqual([1, 0]);
  complete();
  complete();
  expect(told()).toEqual(["restore 0", "restore 0 last"]);
  expect(handover.handed).toBe(8);
});

test("entries that a restored state holds already are not given again", () => {
  const { handover, commit, complete, told } = setup({ base: 2 });
  handover.restore({ ...SNAPSHOT, chunks: 1 });
  complete();
  commit(4);
  commit(7);
  expect(told()).toEqual(["restore 0 last", "6-7"]);
});

test("replay() gives what was given: from the log where it has it, else from the snapshot, and anew when it is lost midway", () => {
  const whole = setup();
  whole.commit(6);
  whole.handover.replay(3, SNAPSHOT);
  expect(whole.told()).toEqual(["1-6", "3-6"]);

  const compacted = setup({ base: 5 });
  compacted.commit(6);
  compacted.handover.replay(3, SNAPSHOT);
  compacted.complete();
  compacted.handover.replay(1, SNAPSHOT);
  compacted.complete();
  for (let at = 0; at < 3; at++) compacted.complete();
  expect(compacted.told()).toEqual(["6-6", "restore 0", "restore 0", "restore 1", "restore 2 last", "6-6"]);
});

test("a chunk that cannot be read ends the member, since nothing can be served from half a state (fault 20)", () => {
  const { handover, reads, errors, told } = setup({ base: 5 });
  handover.restore(SNAPSHOT);
  const error = new StoreError("store-corrupt", { message: "Cannot read", path: "/x", hint: "replace it" });
  reads.shift()?.done(error);
  expect(errors).toEqual([error]);
  expect(told()).toEqual([]);
});
