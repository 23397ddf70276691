/**
 * The Raft actor with all that belongs to it, on disks that outlive it: how nodes come to a cluster, snapshots made and taken over,
 * what is refused, and how much is gathered before anything is written.
 */
import { afterEach, expect, test } from "vitest";
import type {
  ChangeMembershipResult,
  RaftMessage,
  SnapshotNowReply,
  TransferResult,
} from "../../../actors/raft/index.ts";
import { decodeConfiguration } from "../../../actors/raft/core/configuration-codec.ts";
import { jsonCodec, StoreError } from "../../../runtime/index.ts";
import { RaftNodes, type RaftNode } from "./raft-nodes.ts";

const NAMES = ["n1", "n2", "n3"];
const SNAPSHOTS = { snapshotting: { everyEntries: 20 }, limits: { trailingEntries: 5 } };

let nodes: RaftNodes;

afterEach(() => nodes.close());

function idOf(node: RaftNode): string {
  return node.log.durable.identity?.member ?? "";
}

// ── Formation ───────────────────────────────────────────────────────────────────────────────────────────────────────

test("raftActor() on empty disks forms one cluster, whose first entry names everybody", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  nodes.settled();
  const ids = NAMES.map((name) => idOf(nodes.node(name)));
  for (const name of NAMES) {
    const { identity, entries } = nodes.node(name).log.durable;
    expect(identity).toMatchObject({ cluster: nodes.node("n1").log.durable.identity?.cluster });
    expect(entries[0]).toMatchObject({ index: 1, term: 1, type: "configuration" });
    expect(decodeConfiguration(entries[0]?.payload ?? new Uint8Array(0)).voters).toEqual(ids);
    expect(nodes.node(name).membership).toBe("member");
  }
  expect(ids.map((id) => id.split("@")[0])).toEqual(NAMES);
  expect(nodes.status(nodes.leader())).toMatchObject({ membership: "member", leaderNode: nodes.leader().name });
});

test("a cluster stands a few round trips after the last node has started", () => {
  nodes = new RaftNodes(NAMES, { starts: ["n2", "n3"] });
  nodes.advance(30_000);
  expect(nodes.node("n2").last("membership")).toMatchObject({
    membership: "forming",
    cluster: null,
    message: 'Node "n2" waits for an answer of n1 to form a cluster',
  });
  nodes.start("n1");
  nodes.advance(30);
  expect(NAMES.map((name) => nodes.node(name).membership)).toEqual(["member", "member", "member"]);
});

test("a node alone needs nobody", () => {
  nodes = new RaftNodes(["n1"]);
  nodes.write(2);
  expect(nodes.node("n1").texts).toEqual(["t0", "t1"]);
});

test("a restarted node goes on as what it was, and asks nobody", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(3);
  const before = idOf(nodes.node("n2"));
  nodes.crash("n2");
  nodes.restart("n2");
  nodes.write(1, "later");
  nodes.settled();
  expect(idOf(nodes.node("n2"))).toBe(before);
  expect(nodes.node("n2").events.filter(({ type }) => type === "membership")).toMatchObject([{ membership: "member" }]);
});

test("a node that lost its disk takes part in nothing until it is added as somebody new (fault 33)", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(3);
  const lost = idOf(nodes.node("n1"));
  nodes.wipe("n1");
  const wiped = nodes.restart("n1");
  nodes.advance(5000);
  expect(wiped.last("membership")).toMatchObject({ membership: "disk-lost" });
  expect(wiped.log.durable.hardState).toEqual({ term: 0, vote: null, commit: 0 });
  expect(nodes.status(wiped)).toMatchObject({ membership: "disk-lost", cluster: null, role: "follower" });
  const leader = nodes.leader();
  expect(nodes.status(leader).waiting).toEqual([idOf(wiped)]);

  const change = (type: "add-learner" | "promote" | "remove", member: string): void => {
    const replies = nodes.ask<ChangeMembershipResult>(leader, (replyTo) => ({
      type: "change-membership",
      change: { type, member },
      replyTo,
    }));
    nodes.advance(2000);
    expect(replies).toMatchObject([{ ok: true }]);
  };
  change("remove", lost);
  change("add-learner", "n1");
  expect(wiped.membership).toBe("learner");
  change("promote", "n1");
  nodes.write(1, "later");
  nodes.settled();
  expect(wiped.membership).toBe("member");
  expect(wiped.texts).toEqual(["t0", "t1", "t2", "later0"]);
});

test("a removed node says so when it hears of it, also when it was down meanwhile", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  const [away] = nodes.followers() as [RaftNode];
  nodes.crash(away.name);
  const replies = nodes.ask<ChangeMembershipResult>(nodes.leader(), (replyTo) => ({
    type: "change-membership",
    change: { type: "remove", member: away.name },
    replyTo,
  }));
  nodes.advance(1000);
  expect(replies).toMatchObject([{ ok: true }]);
  nodes.restart(away.name);
  nodes.advance(5000);
  expect(away.membership).toBe("removed");
  nodes.write(1, "later");
  expect(away.texts).not.toContain("later0");
});

test("nodes of two clusters that come together refuse each other by name, and count it", () => {
  nodes = new RaftNodes(NAMES, { starts: ["n1", "n2"], voters: ["n1", "n2"] });
  nodes.write(1);
  const foreign = nodes.start("n3", { voters: ["n3"] });
  nodes.advance(3000);
  const { identity } = foreign.log.durable;
  const to = idOf(nodes.node("n1"));
  const message: RaftMessage = { type: "heartbeat", term: 9, commit: 0, round: 0 };
  nodes.tell(nodes.node("n1"), {
    type: "peer",
    cluster: identity?.cluster ?? "",
    from: identity?.member ?? "",
    to,
    message,
  });
  expect(nodes.status(nodes.node("n1")).refused).toEqual({ "other-cluster": 1 });
  expect(nodes.node("n1").last("peer-refused")).toMatchObject({ reason: "other-cluster", from: identity?.member });
  expect(nodes.status(nodes.node("n1")).term).toBeLessThan(9);
});

// ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

test("messages that nobody can have sent are refused by name, counted, and change nothing", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  nodes.settled();
  const leader = nodes.leader();
  const [victim, other] = nodes.followers() as [RaftNode, RaftNode];
  const cluster = victim.log.durable.identity?.cluster ?? "";
  const from = idOf(other);
  const to = idOf(victim);
  const before = nodes.status(victim);
  const heartbeat = { type: "heartbeat", term: before.term, commit: 0, round: 0 } as const;
  const send = (envelope: Partial<{ cluster: string; from: string; to: string; message: unknown }>): void =>
    nodes.tell(victim, { type: "peer", cluster, from, to, message: heartbeat, ...envelope } as never);
  send({ to: "n9@gone" });
  send({ from: to });
  send({ message: null });
  send({ message: { type: "append", term: before.term, entries: [null] } });
  send({ message: { type: "log-part", term: before.term, lastIndex: 1, lastTerm: 1, entries: [null] } });
  send({ message: { type: "snapshot-offer", term: before.term, snapshot: { id: "x" } } });
  send({ message: { type: "from-the-future", term: before.term } });
  send({ message: { type: "vote-request", term: 2 ** 50, lastIndex: 0, lastTerm: 0, transfer: true } });
  send({ message: { type: "vote-response", term: before.term, granted: "yes" } });
  send({ from: "n9@stranger", message: heartbeat });
  nodes.advance(10);
  const after = nodes.status(victim);
  expect(after.refused).toMatchObject({
    "other-incarnation": 1,
    "own-name": 1,
    "term-too-far-ahead": 1,
    "second-leader": 1,
  });
  expect(after.refused.malformed).toBe(6);
  expect(after).toMatchObject({ term: before.term, leader: idOf(leader), lastIndex: before.lastIndex });
  nodes.write(1, "later");
  nodes.settled();
});

test("a change of members that another node sends is looked at only when its parts are texts, and who asked is short", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  const leader = nodes.leader();
  const [other] = nodes.followers() as [RaftNode];
  const { lastIndex } = nodes.status(leader);
  const replyTo = other.raft;
  const add = { type: "add-learner", member: "n9@a" };
  const send = (change: unknown): void =>
    nodes.send(other, leader, { type: "change-membership", change, replyTo } as never);
  send({ ...add, address: 7 });
  send({ ...add, askedBy: "x".repeat(257) });
  send({ ...add, member: null });
  expect(nodes.status(leader)).toMatchObject({ role: "leader", lastIndex });
  send({ ...add, address: "127.0.0.1:1", askedBy: "x".repeat(256) });
  expect(nodes.status(leader)).toMatchObject({ role: "leader", lastIndex: lastIndex + 1 });
});

test("a node that looks for its cluster heeds nobody who speaks in another one's name", () => {
  nodes = new RaftNodes(NAMES, { starts: ["n1", "n2"] });
  nodes.advance(100);
  const [seeker, forger] = [nodes.node("n1"), nodes.node("n2")];
  const message: RaftMessage = { type: "heartbeat", term: 1, commit: 0, round: 0 };
  const lost = { type: "peer", cluster: "c", to: "n1@lost", message } as const;
  nodes.send(forger, seeker, { ...lost, from: "n3@a" });
  expect(nodes.status(seeker).membership).toBe("forming");
  nodes.send(forger, seeker, { ...lost, from: "n2@a" });
  expect(nodes.status(seeker).membership).toBe("disk-lost");
});

test("what a node says in another one's name is refused as forged, counted, told once, and changes nothing", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  nodes.settled();
  const leader = nodes.leader();
  const [victim, forger] = nodes.followers() as [RaftNode, RaftNode];
  const cluster = victim.log.durable.identity?.cluster ?? "";
  const { term, lastIndex } = nodes.status(victim);
  const later = term + 1;
  const messages: readonly RaftMessage[] = [
    { type: "vote-request", term: later, lastIndex: lastIndex + 9, lastTerm: later, transfer: true },
    { type: "vote-response", term, granted: true },
    { type: "heartbeat", term: later, commit: lastIndex, round: 0 },
    { type: "newer-term", term: later },
    { type: "timeout-now", term },
  ];
  const to = idOf(victim);
  for (const message of messages)
    nodes.send(forger, victim, { type: "peer", cluster, from: idOf(leader), to, message });
  // A name that the own one begins with is another's, too.
  nodes.send(forger, victim, {
    type: "peer",
    cluster,
    from: `${forger.name}9@x`,
    to,
    message: messages[3] as RaftMessage,
  });
  nodes.send(forger, victim, { type: "hello", from: "n9@stranger", voters: [] });
  const after = nodes.status(victim);
  expect(after.refused.forged).toBe(messages.length + 2);
  expect(after).toMatchObject({ term, leader: idOf(leader), waiting: [] });
  const told = victim.events.filter((event) => event.type === "peer-refused");
  expect(told).toMatchObject([
    { reason: "forged", message: expect.stringContaining(`node "${forger.name}" sent them`) },
  ]);
  // In its own name it may ask for the term that it likes: that is Raft.
  nodes.send(forger, victim, {
    type: "peer",
    cluster,
    from: idOf(forger),
    to,
    message: { type: "newer-term", term: later },
  });
  expect(nodes.status(victim).term).toBe(later);
});

test("nobody answers for another one that its disk is empty: no cluster is formed over it", () => {
  nodes = new RaftNodes(NAMES, { starts: ["n1"] });
  nodes.advance(500);
  const first = nodes.node("n1");
  const to = idOf(first);
  const answer = { type: "hello-answer", to, voters: NAMES, belongs: null } as const;
  for (const name of ["n2", "n3"]) nodes.send(nodes.node("n3"), first, { ...answer, from: `${name}@x` });
  nodes.advance(500);
  expect(first.membership).toBe("forming");
  nodes.send(nodes.node("n2"), first, { ...answer, from: "n2@x" });
  nodes.advance(500);
  expect(first.membership).toBe("member");
});

test("a proposal that is too large is refused alone, and those that came with it are not", () => {
  nodes = new RaftNodes(NAMES, { limits: { payloadBytesMax: 50 } });
  const leader = nodes.leader();
  nodes.advance(500);
  const payloads = ["a", "x".repeat(100), "b"].map((text) => jsonCodec.encode(text));
  const replies = payloads.map((payload) => nodes.ask(leader, (replyTo) => ({ type: "propose", payload, replyTo })));
  const [batch] = nodes.ask(leader, (replyTo) => ({ type: "propose-batch", payloads, replyTo }));
  nodes.settled();
  expect(replies.flat()).toMatchObject([
    { type: "proposed" },
    { type: "propose-refused", code: "too-large" },
    { type: "proposed" },
  ]);
  expect(batch).toMatchObject({ type: "propose-refused", code: "too-large" });
  expect(leader.texts).toEqual(["a", "b"]);
});

// ── Batches ─────────────────────────────────────────────────────────────────────────────────────────────────────────

test("what waits in the mailbox together makes one write, and one append to each follower", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  nodes.settled();
  nodes.advance(50);
  const leader = nodes.leader();
  const { writes } = leader.log;
  const sent = nodes.network.sent.length;
  const system = nodes.network.system(leader.name);
  for (let at = 0; at < 500; at++) {
    if (leader.raft) system.tell(leader.raft, { type: "propose", payload: jsonCodec.encode(`p${at}`) });
  }
  nodes.network.world.settle();
  expect(leader.log.writes).toBe(writes + 1);
  const appends = nodes.network.sent
    .slice(sent)
    .map((envelope) => envelope.message as { readonly message?: RaftMessage });
  expect(appends.filter(({ message }) => message?.type === "append")).toHaveLength(2);
  nodes.settled();
  expect(leader.texts).toHaveLength(501);
});

test("a proposal that comes alone is on its way to the disk within its own turn", () => {
  let turns = 0;
  let writtenAt: number | null = null;
  let writes = Infinity;
  nodes = new RaftNodes(
    ["n1"],
    {},
    {
      ports: (_, { dispatcher }) => ({
        dispatcher: {
          schedule: (turn) =>
            dispatcher.schedule({
              run: () => {
                turn.run();
                turns += 1;
                if (nodes.node("n1").log.writes > writes) writtenAt ??= turns;
              },
            }),
        },
      }),
    },
  );
  nodes.write(1);
  nodes.advance(10);
  turns = 0;
  ({ writes } = nodes.node("n1").log);
  nodes.propose(nodes.node("n1"), "alone");
  expect(writtenAt).toBe(1);
});

test("propose-batch appends its commands together, and answers with the index of the first", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  const leader = nodes.leader();
  const first = (leader.view?.status().lastIndex ?? 0) + 1;
  const payloads = ["a", "b", "c"].map((text) => jsonCodec.encode(text));
  const replies = nodes.ask(leader, (replyTo) => ({ type: "propose-batch", payloads, replyTo }));
  nodes.settled();
  expect(replies).toMatchObject([{ type: "proposed", index: first }]);
  expect(leader.texts).toEqual(["t0", "a", "b", "c"]);
  const [follower] = nodes.followers() as [RaftNode];
  const refused = nodes.ask(follower, (replyTo) => ({ type: "propose-batch", payloads, replyTo }));
  expect(refused).toMatchObject([{ type: "propose-refused", code: "no-leader", leader: leader.name }]);
});

// ── Snapshots ───────────────────────────────────────────────────────────────────────────────────────────────────────

test("snapshots are made as entries come, the log is compacted behind them, and a restart goes on from there", () => {
  nodes = new RaftNodes(NAMES, SNAPSHOTS);
  nodes.write(100);
  nodes.settled();
  nodes.advance(200);
  for (const name of NAMES) {
    const node = nodes.node(name);
    const { base, entries } = node.log.durable;
    expect(base.index).toBeGreaterThan(60);
    expect(entries.length).toBeLessThan(40);
    expect(node.snapshots.durable.newest?.index).toBeGreaterThanOrEqual(base.index);
    expect(nodes.status(node)).toMatchObject({ snapshotIndex: node.snapshots.durable.newest?.index });
  }
  const [follower] = nodes.followers() as [RaftNode];
  nodes.crash(follower.name);
  nodes.restart(follower.name);
  nodes.settled();
  expect(follower.texts).toHaveLength(100);
  expect(follower.events.filter(({ type }) => type === "restore").length).toBeGreaterThan(1);
});

test("a member that was away for long takes the leader's snapshot, while the others go on", () => {
  nodes = new RaftNodes(NAMES, SNAPSHOTS);
  nodes.write(3);
  const [away] = nodes.followers() as [RaftNode];
  nodes.crash(away.name);
  nodes.write(60, "u");
  nodes.restart(away.name);
  nodes.write(5, "v");
  nodes.settled();
  expect(away.texts).toHaveLength(68);
  expect(away.last("snapshot")).toMatchObject({ origin: "received" });
  expect(away.log.durable.base.index).toBeGreaterThan(20);
});

test("a transfer that breaks goes on where it stopped", () => {
  nodes = new RaftNodes(NAMES, { ...SNAPSHOTS, snapshotting: { everyEntries: 20, bytesPerSecondMax: 300 } });
  nodes.write(3);
  const [away] = nodes.followers() as [RaftNode];
  nodes.crash(away.name);
  nodes.write(60, "u");
  nodes.restart(away.name);
  const parts = (): number[] =>
    nodes.network.sent.flatMap(({ to, message: told }) => {
      const { message } = told as { readonly message?: RaftMessage };
      return to.node === away.name && message?.type === "snapshot-part" ? [message.number] : [];
    });
  nodes.until("some parts are there", () => (away.snapshots.durable.unfinished?.chunks ?? 0) > 4);
  const kept = away.snapshots.durable.unfinished?.chunks ?? 0;
  const before = parts().length;
  nodes.crash(away.name);
  nodes.advance(300);
  nodes.restart(away.name);
  nodes.settled();
  expect(away.texts).toHaveLength(63);
  expect(Math.min(...parts().slice(before))).toBeGreaterThanOrEqual(kept);
});

test("a slow transfer ends though much is written meanwhile: no newer snapshot takes its place (fault 42)", () => {
  nodes = new RaftNodes(NAMES, { ...SNAPSHOTS, snapshotting: { everyEntries: 20, bytesPerSecondMax: 1000 } });
  nodes.write(3);
  const [away] = nodes.followers() as [RaftNode];
  nodes.crash(away.name);
  nodes.write(60, "u");
  nodes.restart(away.name);
  const leader = nodes.leader();
  nodes.until("parts come", () => away.snapshots.durable.unfinished !== null);
  const offered = away.snapshots.durable.unfinished?.head.id;
  for (let at = 0; at < 400 && away.last("snapshot") === undefined; at++) {
    nodes.propose(leader, `v${at}`);
    nodes.advance(5);
  }
  expect(away.snapshots.durable.newest?.id).toBe(offered);
  nodes.settled();
  expect(away.events.filter(({ type }) => type === "snapshot").length).toBe(1);
  nodes.write(40, "w");
  expect(leader.log.durable.base.index).toBeGreaterThan(100);
});

test("snapshot-now makes one at once, refuses a second, and says when there is nothing new", () => {
  nodes = new RaftNodes(["n1"]);
  nodes.write(10);
  const node = nodes.node("n1");
  const ask = (): readonly SnapshotNowReply[] =>
    nodes.ask<SnapshotNowReply>(node, (replyTo) => ({ type: "snapshot-now", replyTo }));
  const first = ask();
  const second = ask();
  nodes.advance(100);
  expect(first).toMatchObject([{ ok: true, index: node.applied }]);
  expect(second).toMatchObject([{ ok: false, code: "snapshot-under-way" }]);
  expect(ask()).toMatchObject([{ ok: false, code: "nothing-to-snapshot" }]);
});

test("a subscriber that lost its state is given it again, from the snapshot where the log is compacted", () => {
  nodes = new RaftNodes(["n1"], SNAPSHOTS);
  nodes.write(50);
  nodes.advance(100);
  const node = nodes.node("n1");
  const { texts } = node;
  node.texts = [];
  node.applied = 0;
  nodes.tell(node, { type: "replay", fromIndex: 1 });
  nodes.advance(100);
  expect(node.texts).toEqual(texts);
});

test("a log that begins behind what no snapshot holds is refused by name (fault 24)", () => {
  nodes = new RaftNodes(["n1"], SNAPSHOTS);
  nodes.write(50);
  nodes.advance(100);
  const node = nodes.node("n1");
  const { log } = node;
  nodes.wipe("n1");
  node.log = log;
  nodes.restart("n1");
  expect(node.events).toMatchObject([{ type: "store-failed", error: { code: "store-corrupt" } }]);
  const base = log.durable.base.index;
  expect(node.last("store-failed")?.error.message).toBe(
    `Cannot start the Raft member of node "n1": its log begins behind index ${base}, but there is no snapshot`,
  );
});

test("a snapshot that became durable just before a crash is where the log begins (fault 24)", () => {
  nodes = new RaftNodes(NAMES, SNAPSHOTS);
  nodes.write(3);
  const [away] = nodes.followers() as [RaftNode];
  nodes.crash(away.name);
  nodes.write(60, "u");
  const before = away.log;
  nodes.restart(away.name);
  nodes.until("the snapshot is whole", () => away.snapshots.durable.newest !== null);
  nodes.crash(away.name);
  // The log as it was when the crash came between the two writes.
  expect(before.durable.base.index).toBe(0);
  nodes.restart(away.name);
  nodes.settled();
  expect(away.texts).toHaveLength(63);
});

// ── Disks ───────────────────────────────────────────────────────────────────────────────────────────────────────────

test("a full disk makes a member read-only, hands leadership over, and ends when there is room", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(2);
  const full = nodes.leader();
  full.log.setRoom(false);
  const replies = nodes.ask(full, (replyTo) => ({ type: "propose", payload: jsonCodec.encode("x"), replyTo }));
  nodes.until("it is told", () => full.last("read-only")?.readOnly === true);
  expect(nodes.status(full)).toMatchObject({ readOnly: true });
  expect(replies).toMatchObject([{ type: "proposed" }]);
  const again = nodes.ask(full, (replyTo) => ({ type: "propose", payload: jsonCodec.encode("y"), replyTo }));
  expect(again).toMatchObject([{ type: "propose-refused", code: "read-only" }]);
  nodes.until("another one leads", () => nodes.leader() !== full);
  full.log.setRoom(true);
  nodes.write(1, "later");
  nodes.settled();
  expect(full.last("read-only")).toMatchObject({ readOnly: false });
});

test("damage in the log is told, and the member is refilled by the others", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(10);
  nodes.settled();
  const [damaged] = nodes.followers() as [RaftNode];
  nodes.crash(damaged.name);
  damaged.log.damage(5);
  nodes.restart(damaged.name);
  expect(damaged.last("store-damaged")).toMatchObject({ fromIndex: 5 });
  nodes.write(1, "later");
  nodes.settled();
  expect(nodes.status(damaged)).toMatchObject({ recovering: false });
});

test("a log that cannot be written ends the member by name", () => {
  nodes = new RaftNodes(["n1"], SNAPSHOTS);
  nodes.write(5);
  const node = nodes.node("n1");
  const error = new StoreError("store-io", { message: "Cannot write", path: "/x", hint: "look at dmesg" });
  node.log.failWith(error);
  nodes.propose(node, "x");
  nodes.advance(100);
  expect(node.last("store-failed")).toEqual({ type: "store-failed", error });
  const refused = nodes.ask<SnapshotNowReply>(node, (replyTo) => ({ type: "snapshot-now", replyTo }));
  expect(refused).toMatchObject([{ ok: false, code: "store-failed" }]);
});

/** From now on the store of that node refuses to finish a snapshot, as long as there is an error. */
function refuseSnapshots(node: RaftNode, error: () => StoreError | null): void {
  const inner = node.snapshots;
  node.snapshots = {
    ...{ durable: inner.durable, flush: () => inner.flush(), damage: (id, number) => inner.damage(id, number) },
    open: () => {
      const store = inner.open();
      const finish: typeof store.finish = (id, end, done) => store.finish(id, end, (result) => done(error() ?? result));
      const rest = { begin: store.begin, write: store.write, read: store.read, close: store.close, load: store.load };
      for (const [name, call] of Object.entries(rest)) Object.assign(rest, { [name]: call.bind(store) });
      return { ...rest, finish };
    },
  };
}

test("a snapshot that cannot be written leaves the member in service with all of its log, told once, until one is kept", () => {
  nodes = new RaftNodes(["n1"], SNAPSHOTS);
  nodes.settled();
  const node = nodes.node("n1");
  let error: StoreError | null = new StoreError("store-io", {
    ...{ message: "Cannot write the snapshots: I/O error", path: "/x", hint: "look at dmesg" },
  });
  refuseSnapshots(node, () => error);
  nodes.crash("n1");
  nodes.restart("n1");
  nodes.write(50);
  nodes.settled();
  const refusals = (): number => node.events.filter(({ type }) => type === "snapshot-refused").length;
  expect(node.last("snapshot-refused")).toMatchObject({
    error,
    message:
      'Node "n1" keeps no snapshot: Cannot write the snapshots: I/O error; it goes on with its log, which cannot become shorter until one is kept',
  });
  expect([refusals(), node.last("store-failed"), node.last("snapshot")]).toEqual([1, undefined, undefined]);
  expect(nodes.status(node).base).toBe(0);
  const asked = nodes.ask<SnapshotNowReply>(node, (replyTo) => ({ type: "snapshot-now", replyTo }));
  nodes.advance(100);
  expect([asked, refusals()]).toMatchObject([[{ ok: false, code: "store-failed" }], 1]);
  error = null;
  nodes.advance(6000);
  // It was due all the time: nothing like another twenty entries is waited for.
  nodes.write(2, "later");
  nodes.until("one is kept", () => node.last("snapshot")?.origin === "made");
  expect(nodes.status(node).base).toBeGreaterThan(0);
});

// ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────────

test("transfer through any node hands leadership to the node that is named", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  const [to, via] = nodes.followers() as [RaftNode, RaftNode];
  const replies = nodes.ask<TransferResult>(via, (replyTo) => ({
    type: "transfer",
    to: to.name,
    force: false,
    replyTo,
  }));
  nodes.until("it leads", () => to.view?.status().role === "leader");
  expect(replies).toEqual([{ ok: true, to: idOf(to) }]);
  const wrong = nodes.ask<TransferResult>(to, (replyTo) => ({ type: "transfer", to: "n9", force: false, replyTo }));
  expect(wrong).toMatchObject([{ ok: false, code: "not-a-voter", leader: to.name }]);
});

test("change-membership adds by name only a node that waits", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  const replies = nodes.ask<ChangeMembershipResult>(nodes.leader(), (replyTo) => ({
    type: "change-membership",
    change: { type: "add-learner", member: "n9" },
    replyTo,
  }));
  expect(replies).toMatchObject([
    {
      ok: false,
      message:
        'Cannot add "n9" as a learner: no node of that name has said hello lately. Start it with this node among its peers, or name it as NAME@INCARNATION',
    },
  ]);
});

test("status of the leader tells how each member does", () => {
  nodes = new RaftNodes(NAMES);
  nodes.write(1);
  nodes.settled();
  const leader = nodes.leader();
  const [silent, other] = nodes.followers() as [RaftNode, RaftNode];
  nodes.crash(silent.name);
  nodes.advance(3000);
  const { members, lastIndex } = nodes.status(leader);
  const find = (node: RaftNode): unknown => members.find(({ id }) => id === idOf(node));
  expect(find(leader)).toMatchObject({
    node: leader.name,
    votes: "voter",
    isLeader: true,
    match: lastIndex,
    health: "ok",
  });
  expect(find(other)).toMatchObject({ match: lastIndex, state: "replicate", health: "ok" });
  expect(find(silent)).toMatchObject({ health: "silent" });
  expect(nodes.status(other).members.map(({ health }) => health)).toEqual(["unknown", "unknown", "unknown"]);
});
