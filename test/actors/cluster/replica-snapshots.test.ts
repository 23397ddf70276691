/** What the replica promises when its state is written down, and when it is replaced by one that jumps over entries. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { SESSIONS_MAX, type Command, type CoordinationNews, type LeadershipChange } from "../../../actors/index.ts";
import { jsonCodec, stateless } from "../../../runtime/index.ts";
import { FakeRaft } from "./fake-raft.ts";
import { vmSpec } from "./sample-map.ts";

/** The replica whose state is taken, and the one that takes it over. */
let from: FakeRaft;
let raft: FakeRaft;

beforeEach(() => {
  from = new FakeRaft("n1");
  raft = new FakeRaft("n2");
});

afterEach(() => {
  from.system.stop();
  raft.system.stop();
});

const create = (name: string): Command => ({ type: "create-vm", name, labels: {}, spec: vmSpec() });
const ALL_VMS = { kind: "Vm", consistency: "local" } as const;

test("a snapshot is as of when it was taken, and goes on while others are applied", () => {
  from.propose(create("a"));
  const chunks = from.snapshot(() => from.propose(create("late")));
  expect(from.said).toContainEqual({ type: "snapshot-taken", request: 1, index: 1 });
  raft.restore(1, chunks);
  expect(raft.read(ALL_VMS)).toMatchObject([{ version: 1, resources: [{ metadata: { name: "a" } }] }]);
  expect(from.read(ALL_VMS)).toMatchObject([{ version: 2, resources: [{}, {}] }]);
});

test("a view that is dropped or finished gives no chunk", () => {
  from.snapshot();
  const { length } = from.said;
  from.emit({ type: "next-chunk", request: 1, number: 1 });
  expect(from.said).toHaveLength(length);
  from.emit({ type: "take-snapshot", request: 2 });
  from.emit({ type: "drop-snapshot", request: 2 });
  from.emit({ type: "next-chunk", request: 2, number: 0 });
  expect(from.said).toHaveLength(length + 1);
});

test("a restored replica goes on behind its index, and skips what it has", () => {
  for (const name of ["a", "b"]) from.propose(create(name));
  raft.restore(2, from.snapshot());
  expect(raft.view?.fingerprint).toBe(from.view?.fingerprint);
  from.propose(create("c"));
  raft.emit({ type: "committed", entries: from.entries });
  expect(raft.view?.fingerprint).toBe(from.view?.fingerprint);
  expect(raft.replays).toEqual([]);
  // An older snapshot than what it has changes nothing.
  raft.restore(2, [{ bytes: new Uint8Array(2), last: true }]);
  expect(raft.view?.applied).toBe(3);
});

test("a part of a restore that got lost is asked for again, all of it", () => {
  const spec = vmSpec({ env: { FILL: "x".repeat(100_000) } });
  for (const name of ["a", "b", "c"]) from.propose({ type: "create-vm", name, labels: {}, spec });
  const { lastIndex: index } = from;
  const chunks = from.snapshot();
  expect(chunks).toHaveLength(2);
  raft.answersReplays = false;
  raft.emit({ type: "restore", index, number: 1, bytes: chunks[1]?.bytes ?? new Uint8Array(0), last: true });
  expect(raft.replays.at(-1)).toEqual({ type: "replay", fromIndex: 1 });
  expect(raft.view).toBeNull();
  raft.restore(index, chunks);
  expect(raft.view?.fingerprint).toBe(from.view?.fingerprint);
});

test("watchers that were told less are told that they lost their place; who comes from further on keeps it", () => {
  for (const name of ["a", "b", "c"]) from.propose(create(name));
  const behind = raft.watch({ kinds: ["Vm"] });
  const ahead = raft.watch({ kinds: ["Vm"] }, 3);
  raft.restore(3, from.snapshot());
  expect(behind.seen).toMatchObject([
    { type: "synced", version: 0, resources: [] },
    { type: "compacted", oldest: 3 },
  ]);
  expect(raft.watch({ kinds: ["Vm"] }, 2).seen).toEqual([{ type: "compacted", oldest: 3 }]);
  expect(raft.watch({ kinds: ["Vm"] }, 3).seen).toEqual([{ type: "changes", version: 3, changes: [] }]);
  from.propose(create("d"));
  raft.emit({ type: "committed", entries: from.entries });
  expect(ahead.seen.at(-1)).toMatchObject({ version: 4, changes: [{ resource: { metadata: { name: "d" } } }] });
  expect(behind.seen).toHaveLength(2);
});

test("watchers of the coordination state are told all that stands", () => {
  from.propose({ type: "open-session", node: "n1" });
  const seen: CoordinationNews[] = [];
  const subscriber = raft.system.spawn(stateless<CoordinationNews>("watcher", (news) => void seen.push(news)));
  raft.system.tell(raft.replica, { type: "subscribe-coordination", subscriber, selection: { kinds: ["session"] } });
  raft.restore(1, from.snapshot());
  expect(seen).toMatchObject([
    { type: "coordination-synced", version: 0, records: [] },
    { type: "coordination-synced", version: 1, records: [{ kind: "session", node: "n1" }] },
  ]);
});

test("a leader whose own term is in the snapshot leads once it is restored", () => {
  const seen: LeadershipChange[] = [];
  const subscriber = raft.system.spawn(stateless<LeadershipChange>("leader", (change) => void seen.push(change)));
  raft.system.tell(raft.replica, { type: "watch-leadership", subscriber });
  from.term = 4;
  from.commitNoop();
  raft.term = 4;
  raft.lead({ noop: false });
  raft.restore(1, from.snapshot());
  expect(seen).toMatchObject([{ isLeader: false }, { isLeader: true, term: 4 }]);
});

test("a linearizable read that waited for an index is answered when a snapshot jumps over it", () => {
  from.propose(create("a"));
  raft.answersReads = false;
  const replies = raft.read({ kind: "Vm", consistency: "linearizable" });
  raft.emit({ type: "read-ready", id: raft.reads[0]?.id ?? "", index: 1 });
  raft.restore(1, from.snapshot());
  expect(replies).toMatchObject([{ ok: true, version: 1, resources: [{ metadata: { name: "a" } }] }]);
});

test("a proposal that a snapshot jumps over is answered from its session, and not made again", () => {
  raft.mode = "silent";
  const replies = raft.propose(create("web"));
  from.commit(raft.proposals[0]?.payload as Uint8Array);
  from.propose(create("other"));
  const proposed = raft.proposals.length;
  raft.restore(2, from.snapshot());
  expect(replies).toMatchObject([
    { ok: true, outcome: { ok: true, version: 1, resource: { metadata: { name: "web" } } } },
  ]);
  expect(raft.proposals).toHaveLength(proposed);
});

test("a proposal that was not among what a snapshot jumps over is made again as it was", () => {
  raft.mode = "silent";
  const replies = raft.propose(create("web"));
  from.propose(create("other"));
  raft.restore(1, from.snapshot());
  expect(raft.proposals).toHaveLength(2);
  expect(raft.proposal(1)).toEqual(raft.proposal(0));
  expect(replies).toEqual([]);
});

test("a proposal whose session was forgotten behind a snapshot is unknown, and never made anew", () => {
  raft.mode = "silent";
  const replies = raft.propose(create("web"));
  const payload = raft.proposals[0]?.payload as Uint8Array;
  from.lose(payload);
  const command: Command = { type: "renew-lease", node: "n9", epoch: 0 };
  for (let at = 0; at <= SESSIONS_MAX; at++) {
    from.lose(jsonCodec.encode({ session: `other-${at}`, sequence: 1, after: 0, atMs: 0, command }));
  }
  from.handOver(1, from.lastIndex);
  raft.restore(from.lastIndex, from.snapshot());
  expect(replies).toEqual([]);
  raft.emit({
    type: "committed",
    entries: [{ index: from.lastIndex + 1, term: 1, type: "command", payload }],
  });
  expect(replies).toMatchObject([{ ok: false, code: "no-leader" }]);
  expect(raft.proposals.map((_, at) => raft.proposal(at).sequence)).toEqual([1, 1]);
});

test("a snapshot that this version does not know refuses everything but local reads, by name", () => {
  from.propose(create("a"));
  const chunks = from.snapshot().map(({ bytes, last }) => ({
    last,
    bytes: bytes.map((byte, at) => (String.fromCharCode(...bytes.subarray(at - 9, at)) === '"format":' ? 57 : byte)),
  }));
  const replies = raft.propose(create("b"));
  raft.mode = "silent";
  const waiting = raft.propose(create("c"));
  raft.restore(9, chunks);
  expect(replies).toMatchObject([{ ok: true }]);
  for (const reply of [
    ...waiting,
    ...raft.propose(create("d")),
    ...raft.read({ kind: "Vm", consistency: "linearizable" }),
  ]) {
    expect(reply).toMatchObject({ ok: false, code: "store-failed" });
    expect(reply).toHaveProperty("message", expect.stringContaining("its format is 9, this version knows 1"));
  }
  expect(raft.read(ALL_VMS)).toMatchObject([{ ok: true, version: 1 }]);
  raft.emit({ type: "committed", entries: [{ index: 10, term: 1, type: "noop", payload: new Uint8Array(0) }] });
  expect(raft.replays).toEqual([]);
});
