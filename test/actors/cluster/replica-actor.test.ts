/** The replica's promises to those who propose, read and watch, whatever Raft does. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  PROPOSALS_MAX,
  SESSIONS_MAX,
  type Command,
  type LeadershipChange,
  type Proposal,
  type ProposeReply,
  type ReplicaStatus,
  type WatchMessage,
} from "../../../actors/index.ts";
import { jsonCodec, stateless, StoreError } from "../../../runtime/index.ts";
import { FakeRaft } from "./fake-raft.ts";
import { vmSpec } from "./sample-map.ts";

let raft: FakeRaft;

beforeEach(() => {
  raft = new FakeRaft();
});

afterEach(() => raft.system.stop());

const create = (name: string): Command => ({ type: "create-vm", name, labels: {}, spec: vmSpec() });
const ALL_VMS = { kind: "Vm", consistency: "local" } as const;
const LINEARIZABLE = { kind: "Vm", consistency: "linearizable" } as const;

test("propose answers once the command is applied here", () => {
  raft.mode = "takes";
  const replies = raft.propose(create("web"));
  expect(replies).toEqual([]);
  raft.commit(raft.proposals[0]?.payload as Uint8Array);
  expect(replies).toMatchObject([
    { ok: true, outcome: { ok: true, version: 1, resource: { metadata: { name: "web" } } } },
  ]);
});

test("propose of many at once gives each a session of its own, used again when it is free", () => {
  raft.mode = "takes";
  const replies = ["a", "b", "c"].map((name) => raft.propose(create(name)));
  const sessions = [0, 1, 2].map((at) => raft.proposal(at));
  expect(new Set(sessions.map(({ session }) => session)).size).toBe(3);
  // Committed in another order than they were made.
  for (const at of [2, 0, 1]) raft.commit(raft.proposals[at]?.payload as Uint8Array);
  expect(replies.map(([reply]) => reply?.ok)).toEqual([true, true, true]);
  raft.propose(create("d"));
  expect(sessions.map(({ session }) => session)).toContain(raft.proposal(-1).session);
  expect(raft.proposal(-1)).toMatchObject({ sequence: 2, after: 3 });
});

test("propose is made again, unchanged, after silence, after a refusal and when a leader is found", () => {
  raft.mode = "silent";
  const replies = raft.propose(create("web"), 60_000);
  raft.world.advance(600);
  expect(raft.proposals).toHaveLength(2);
  raft.mode = "refuses";
  raft.world.advance(2000);
  const refused = raft.proposals.length;
  expect(refused).toBeGreaterThan(4);
  raft.mode = "takes";
  raft.world.advance(1000);
  const taken = raft.proposals.length;
  raft.lead();
  expect(raft.proposals).toHaveLength(taken + 1);
  expect(new Set(raft.proposals.map(({ payload }) => payload)).size).toBe(1);
  raft.commit(raft.proposals[0]?.payload as Uint8Array);
  raft.commit(raft.proposals[0]?.payload as Uint8Array);
  expect(replies).toHaveLength(1);
  expect(raft.read(ALL_VMS)).toMatchObject([{ ok: true, version: 3, resources: [{ metadata: { version: 2 } }] }]);
  // Not so long that the leader proposes a step of time.
  raft.world.advance(9000);
  expect(raft.proposals).toHaveLength(taken + 1);
});

test("propose waits twice as long each time that the leader has taken it, and anew for another leader", () => {
  raft.mode = "takes";
  raft.propose(create("web"), 60_000);
  const counts = [1999, 1, 3999, 1, 7999, 1].map((pauseMs) => {
    raft.world.advance(pauseMs);
    return raft.proposals.length;
  });
  expect(counts).toEqual([1, 2, 2, 3, 3, 4]);
  raft.term = 2;
  raft.lead();
  expect(raft.proposals).toHaveLength(5);
  raft.world.advance(2000);
  expect(raft.proposals).toHaveLength(6);
});

test("propose is not made again because an attempt before the last one was not answered", () => {
  raft.mode = "silent";
  raft.propose(create("web"));
  raft.world.advance(200);
  raft.lead();
  expect(raft.proposals).toHaveLength(2);
  raft.world.advance(499);
  expect(raft.proposals).toHaveLength(2);
  raft.world.advance(1);
  expect(raft.proposals).toHaveLength(3);
});

test("propose gives up at its deadline, and the late effect happens once", () => {
  raft.mode = "silent";
  const replies = raft.propose(create("web"), 1000);
  raft.world.advance(1000);
  expect(replies).toMatchObject([{ ok: false, code: "no-leader" }]);
  const late = raft.proposals[0]?.payload as Uint8Array;
  raft.mode = "commits";
  expect(raft.propose(create("db"))).toMatchObject([{ ok: true, outcome: { ok: true } }]);
  raft.commit(late);
  expect(raft.read(ALL_VMS)).toMatchObject([{ resources: [{ metadata: { name: "db" } }] }]);
  expect(replies).toHaveLength(1);
});

test("propose says overloaded when that is why, and past its own limit", () => {
  raft.mode = "refuses";
  raft.refusal = "overloaded";
  const replies = raft.propose(create("web"), 300);
  raft.world.advance(300);
  expect(replies).toMatchObject([{ ok: false, code: "overloaded" }]);
  raft.mode = "silent";
  const open = Array.from({ length: PROPOSALS_MAX }, () => raft.propose(create("web")));
  expect(raft.propose(create("web"))).toMatchObject([{ ok: false, code: "overloaded" }]);
  expect(open.flat()).toEqual([]);
});

test("propose asks an overloaded leader again when that wants it, with the oldest for all", () => {
  raft.mode = "refuses";
  raft.refusal = "overloaded";
  raft.retryAfterMs = 1000;
  const replies = Array.from({ length: 20 }, (_, at) => raft.propose(create(`web${at}`), 4000));
  // The first was refused; those after it were not sent.
  expect(raft.proposals).toHaveLength(1);
  raft.propose({ type: "renew-lease", node: "n1", epoch: 1 });
  expect(raft.proposals).toHaveLength(2);
  raft.world.advance(499);
  expect(raft.proposals).toHaveLength(2);
  raft.world.advance(1001);
  const again = raft.proposals.slice(2).map(({ payload }) => (jsonCodec.decode(payload) as Proposal).command);
  expect(again.filter(({ type }) => type === "create-vm")).toMatchObject([{ name: "web0" }]);
  raft.world.advance(2500);
  expect(replies.flat()).toHaveLength(20);
  for (const [reply] of replies) {
    expect(reply).toMatchObject({ ok: false, code: "overloaded" });
    expect(reply).toMatchObject({ message: expect.stringContaining("nothing was proposed") });
  }
  expect(replies[0]).toMatchObject([{ retryAfterMs: 1000 }]);
});

test("propose sends all that it held, in order, as soon as an overloaded leader takes one", () => {
  raft.mode = "refuses";
  raft.refusal = "overloaded";
  raft.retryAfterMs = 1000;
  const replies = Array.from({ length: 20 }, (_, at) => raft.propose(create(`web${at}`)));
  raft.mode = "commits";
  raft.world.advance(1500);
  const names = raft.proposals.slice(1).map(({ payload }) => {
    const { command } = jsonCodec.decode(payload) as Proposal;
    return command.type === "create-vm" ? command.name : "";
  });
  expect(names).toEqual(Array.from({ length: 20 }, (_, at) => `web${at}`));
  expect(replies.flat().every(({ ok }) => ok)).toBe(true);
});

test("propose goes to a new leader at once, whatever the last one refused", () => {
  raft.mode = "refuses";
  raft.refusal = "overloaded";
  raft.retryAfterMs = 2000;
  const replies = raft.propose(create("web"));
  raft.mode = "commits";
  raft.emit({ type: "leadership", leader: "n2", term: 2, isLeader: false });
  expect(replies).toMatchObject([{ ok: true }]);
});

test("propose does not say that nothing was proposed when an attempt was never answered", () => {
  raft.mode = "silent";
  const replies = raft.propose(create("web"), 2000);
  raft.world.advance(600);
  raft.mode = "refuses";
  raft.refusal = "overloaded";
  raft.world.advance(1400);
  expect(replies).toMatchObject([{ ok: false, code: "no-leader" }]);
});

test("propose calls vital what keeps the cluster alive, and nothing else", () => {
  raft.mode = "silent";
  raft.propose({ type: "renew-lease", node: "n1", epoch: 1 });
  raft.propose(create("web"));
  expect(raft.proposals.map(({ urgency }) => urgency)).toEqual(["vital", undefined]);
});

test("propose is made anew when the replicas have forgotten its session", () => {
  raft.mode = "silent";
  const replies = raft.propose(create("web"));
  const command: Command = { type: "renew-lease", node: "n9", epoch: 0 };
  for (let at = 0; at <= SESSIONS_MAX; at++) {
    raft.lose(jsonCodec.encode({ session: `other-${at}`, sequence: 1, after: 0, atMs: 0, command }));
  }
  raft.handOver(1, raft.lastIndex);
  raft.mode = "commits";
  raft.commit(raft.proposals[0]?.payload as Uint8Array);
  expect(raft.proposal(-1)).toMatchObject({ session: raft.proposal(0).session, sequence: 2, after: SESSIONS_MAX + 2 });
  expect(replies).toMatchObject([{ ok: true, outcome: { ok: true, version: SESSIONS_MAX + 3 } }]);
});

test("propose refuses what the log does not take", () => {
  raft.mode = "refuses";
  raft.refusal = "too-large";
  expect(raft.propose(create("web"))).toMatchObject([{ ok: true, outcome: { ok: false, code: "invalid" } }]);
});

test("read local answers without a leader", () => {
  raft.answersReads = false;
  raft.propose(create("web"));
  expect(raft.read(ALL_VMS)).toMatchObject([{ ok: true, version: 1, resources: [{ kind: "Vm" }] }]);
  expect(raft.read({ ...ALL_VMS, name: "none" })).toEqual([{ ok: true, version: 1, resources: [] }]);
});

test("read linearizable asks Raft once for all reads that wait, and again for those that came after", () => {
  raft.answersReads = false;
  const first = raft.read(LINEARIZABLE);
  const later = [raft.read(LINEARIZABLE), raft.read(LINEARIZABLE)];
  expect(raft.reads).toHaveLength(1);
  raft.emit({ type: "read-ready", id: raft.reads[0]?.id ?? "", index: 0 });
  expect(first).toHaveLength(1);
  expect(later.flat()).toEqual([]);
  expect(raft.reads).toHaveLength(2);
  raft.emit({ type: "read-ready", id: raft.reads[1]?.id ?? "", index: 0 });
  expect(later.flat()).toHaveLength(2);
});

test("read linearizable waits until the index is applied here", () => {
  raft.mode = "takes";
  raft.answersReads = false;
  raft.propose(create("web"));
  const replies = raft.read(LINEARIZABLE);
  raft.emit({ type: "read-ready", id: raft.reads[0]?.id ?? "", index: 1 });
  expect(replies).toEqual([]);
  raft.commit(raft.proposals[0]?.payload as Uint8Array);
  expect(replies).toMatchObject([{ ok: true, version: 1, resources: [{ kind: "Vm" }] }]);
});

test("read linearizable asks again after a failure, and ends at its deadline", () => {
  raft.answersReads = false;
  const replies = raft.read(LINEARIZABLE, 1000);
  raft.emit({ type: "read-failed", id: raft.reads[0]?.id ?? "", code: "no-leader" });
  raft.world.advance(100);
  expect(raft.reads).toHaveLength(2);
  raft.emit({ type: "read-ready", id: raft.reads[0]?.id ?? "", index: 0 });
  expect(replies).toEqual([]);
  raft.world.advance(1000);
  expect(replies).toMatchObject([{ ok: false, code: "no-leader" }]);
  const asked = raft.reads.length;
  raft.world.advance(10_000);
  expect(raft.reads).toHaveLength(asked);
});

test("subscribe gives the selection, then each change once and in order", () => {
  raft.propose(create("a"));
  const vms = raft.watch({ kinds: ["Vm"] });
  const one = raft.watch({ kinds: [], name: "b" });
  raft.propose(create("b"));
  raft.propose({ type: "delete-vm", name: "a" });
  expect(vms.seen).toMatchObject([
    { type: "synced", version: 1, resources: [{ metadata: { name: "a" } }] },
    { type: "changes", version: 2, changes: [{ type: "put", resource: { metadata: { name: "b", version: 2 } } }] },
    { type: "changes", version: 3, changes: [{ type: "delete", resource: { metadata: { name: "a" } } }] },
  ]);
  expect(one.seen.map(({ type }) => type)).toEqual(["synced", "changes"]);
});

test("subscribe since a version gives what came after it and nothing twice", () => {
  for (const name of ["a", "b", "c"]) raft.propose(create(name));
  const { seen } = raft.watch({ kinds: ["Vm"] }, 1);
  expect(seen).toMatchObject([
    {
      type: "changes",
      version: 3,
      changes: [{ resource: { metadata: { name: "b" } } }, { resource: { metadata: { name: "c" } } }],
    },
  ]);
  const ahead = raft.watch({ kinds: ["Vm"] }, 5);
  for (const name of ["d", "e", "f"]) raft.propose(create(name));
  expect(ahead.seen).toMatchObject([
    { type: "changes", version: 5, changes: [] },
    { type: "changes", version: 6, changes: [{ resource: { metadata: { name: "f" } } }] },
  ]);
});

test("a watcher that ends or unsubscribes is told nothing more", () => {
  const ended = raft.watch({ kinds: ["Vm"] });
  const left = raft.watch({ kinds: ["Vm"] });
  raft.system.stopActor(ended.ref);
  raft.world.settle();
  raft.system.tell(raft.replica, { type: "unsubscribe", subscriber: left.ref });
  const before = raft.system.deadLetters;
  raft.propose(create("a"));
  expect(left.seen).toHaveLength(1);
  expect(raft.system.deadLetters).toBe(before);
});

test("watchers hear of a command before its proposer does", () => {
  const order: string[] = [];
  const subscriber = raft.system.spawn(stateless<WatchMessage>("watcher", ({ type }) => void order.push(type)));
  const replyTo = raft.system.spawn(stateless<ProposeReply>("proposer", ({ ok }) => void order.push(`answered ${ok}`)));
  raft.system.tell(raft.replica, { type: "subscribe", subscriber, selection: { kinds: [] } });
  raft.system.tell(raft.replica, { type: "propose", command: create("a"), timeoutMs: 100, replyTo });
  raft.world.settle();
  expect(order).toEqual(["synced", "changes", "answered true"]);
});

test("watch-leadership says that this node leads once an entry of the term is applied", () => {
  const seen: LeadershipChange[] = [];
  const subscriber = raft.system.spawn(stateless<LeadershipChange>("leader", (change) => void seen.push(change)));
  raft.system.tell(raft.replica, { type: "watch-leadership", subscriber });
  raft.term = 4;
  raft.lead({ noop: false });
  expect(seen).toMatchObject([{ isLeader: false, term: 0 }]);
  raft.term = 3;
  raft.commitNoop();
  expect(seen).toHaveLength(1);
  raft.term = 4;
  raft.commitNoop();
  expect(seen.at(-1)).toMatchObject({ isLeader: true, term: 4 });
  raft.propose(create("a"));
  raft.emit({ type: "leadership", leader: null, term: 5, isLeader: false });
  expect(seen.slice(2)).toMatchObject([{ isLeader: false, term: 4 }]);
});

test("committed entries that were lost on the way are asked for again, and repeated ones skipped", () => {
  raft.mode = "takes";
  for (const name of ["a", "b", "c"]) {
    raft.propose(create(name));
    raft.lose(raft.proposals.at(-1)?.payload as Uint8Array);
  }
  raft.handOver(3, 3);
  expect(raft.replays).toEqual([{ type: "replay", fromIndex: 1 }]);
  raft.handOver(1, 3);
  expect(raft.view?.applied).toBe(3);
  expect(raft.read(ALL_VMS)).toMatchObject([{ version: 3, resources: [{}, {}, {}] }]);
});

test("watch-leadership waits for the entries that were lost before the one of the term", () => {
  const appliedWhenTold: (number | undefined)[] = [];
  const subscriber = raft.system.spawn(
    stateless<LeadershipChange>("watcher", ({ isLeader }) => {
      if (isLeader) appliedWhenTold.push(raft.view?.applied);
    }),
  );
  raft.system.tell(raft.replica, { type: "watch-leadership", subscriber });
  raft.mode = "takes";
  raft.propose(create("web"));
  raft.lose(raft.proposals.at(-1)?.payload as Uint8Array);
  raft.answersReplays = false;
  raft.lead();
  expect(appliedWhenTold).toEqual([]);
  raft.handOver(1, 2);
  expect(appliedWhenTold).toEqual([2]);
});

test("a failed store is the answer to all but local reads", () => {
  raft.mode = "silent";
  raft.answersReads = false;
  const waiting = [raft.propose(create("a")), raft.read(LINEARIZABLE)];
  const error = new StoreError("store-full", { message: "no space left", path: "/data/log", hint: "free some space" });
  raft.emit({ type: "store-failed", error });
  const after = [raft.propose(create("b")), raft.read(LINEARIZABLE)];
  for (const replies of [...waiting, ...after]) {
    expect(replies).toEqual([
      { ok: false, code: "store-failed", message: 'The store of node "n1" failed: no space left; free some space' },
    ]);
  }
  expect(raft.read(ALL_VMS)).toMatchObject([{ ok: true }]);
  expect(raft.logged).toHaveLength(1);
});

test("status tells what is known when Raft does not answer", () => {
  raft.propose(create("a"));
  const seen: ReplicaStatus[] = [];
  const replyTo = raft.system.spawn(stateless<ReplicaStatus>("asker", (status) => void seen.push(status)));
  raft.system.tell(raft.replica, { type: "status", replyTo });
  raft.world.advance(1000);
  expect(seen).toMatchObject([{ node: "n1", role: "follower", leader: null, applied: 1, storeError: "" }]);
});
