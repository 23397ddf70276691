/** What the replica does for operators: members, leadership, snapshots, status; and what the leader notes of the cluster. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createConfiguration,
  type ChangeMembershipReply,
  type Configuration,
  type Event,
  type ReplicaStatus,
  type SnapshotReply,
  type TransferReply,
} from "../../../actors/index.ts";
import { Refusals } from "../../../actors/raft/core/refusals.ts";
import { isReplicaRequest } from "../../../actors/cluster/replica-protocol.ts";
import { stateless, StoreError, type Ref } from "../../../runtime/index.ts";
import { FakeRaft } from "./fake-raft.ts";

let raft: FakeRaft;

beforeEach(() => {
  raft = new FakeRaft();
});

afterEach(() => raft.system.stop());

function collect<Message>(): { readonly seen: Message[]; readonly ref: Ref<Message> } {
  const seen: Message[] = [];
  return { seen, ref: raft.system.spawn(stateless<Message>("collector", (message) => void seen.push(message))) };
}

function events(): readonly string[] {
  const list = (raft.view?.list("Event") ?? []) as readonly Event[];
  return list.map(({ spec }) => `${spec.reason} ${spec.regarding.name}: ${spec.message}`);
}

/** Raft says that a configuration is in force. */
function inForce(index: number, changes: Partial<Configuration>, committed = true): void {
  const configuration = { ...createConfiguration(["n1@a", "n2@b"]), ...changes };
  raft.emit({ type: "configuration", configuration, index, committed });
}

test("change-membership goes to Raft at the leader, and its answer to who asked", () => {
  raft.lead();
  const { seen, ref } = collect<ChangeMembershipReply>();
  const change = { type: "add-learner", member: "n3@c" } as const;
  raft.system.tell(raft.replica, { type: "change-membership", change, by: "ann", replyTo: ref });
  raft.world.settle();
  const asked = raft.said.find((message) => message.type === "change-membership");
  expect(asked).toMatchObject({ change: { ...change, askedBy: "ann" } });
  const refusal = { ok: false, code: "change-under-way", message: "another is", leader: "n1" } as const;
  if (asked?.type === "change-membership") raft.system.tell(asked.replyTo, refusal);
  raft.world.settle();
  expect(seen).toEqual([refusal]);
});

test("change-membership without an answer of Raft is unknown in time", () => {
  raft.lead();
  const { seen, ref } = collect<ChangeMembershipReply>();
  const change = { type: "remove", member: "n2" } as const;
  raft.system.tell(raft.replica, { type: "change-membership", change, by: "ann", replyTo: ref });
  raft.world.advance(2100);
  expect(seen).toMatchObject([{ ok: false, code: "no-leader" }]);
});

test("change-membership goes on to the leader's node, and not round in circles", () => {
  raft.emit({ type: "leadership", leader: "n2", term: 1, isLeader: false });
  const { ref } = collect<ChangeMembershipReply>();
  const change = { type: "remove", member: "n3" } as const;
  raft.system.tell(raft.replica, { type: "change-membership", change, by: "ann", replyTo: ref });
  raft.world.settle();
  expect(raft.said).toEqual([]);
  raft.system.tell(raft.replica, { type: "change-membership", change, by: "ann", replyTo: ref, hops: 3 });
  raft.world.settle();
  expect(raft.said).toMatchObject([{ type: "change-membership", change }]);
});

test("transfer-leadership and snapshot-now go to Raft, whose answer goes to who asked; a failed store refuses them", () => {
  const [transfer, snapshot] = [collect<TransferReply>(), collect<SnapshotReply>()];
  const ask = () => {
    raft.system.tell(raft.replica, { type: "transfer-leadership", to: "n2", force: false, replyTo: transfer.ref });
    raft.system.tell(raft.replica, { type: "snapshot-now", replyTo: snapshot.ref });
    raft.world.settle();
  };
  ask();
  expect(raft.said).toMatchObject([
    { type: "transfer", to: "n2", force: false, replyTo: transfer.ref },
    { type: "snapshot-now", replyTo: snapshot.ref },
  ]);
  const error = new StoreError("store-io", { message: "bad sector", path: "/data/log", hint: "look at dmesg" });
  raft.emit({ type: "store-failed", error });
  ask();
  expect([...transfer.seen, ...snapshot.seen].map((reply) => reply.ok || reply.code)).toEqual([
    "store-failed",
    "store-failed",
  ]);
});

test("the leader notes each configuration that is committed and simple as Events, once, with who asked for it", () => {
  inForce(1, {});
  raft.lead();
  // The first one is how the cluster was formed: nothing has changed.
  expect([raft.proposals.length, events()]).toEqual([1, []]);
  const grown = { voters: ["n1@a", "n2@b", "n3@c"], learners: ["n4@d"], askedBy: "ann" };
  inForce(10, { ...grown, votersOutgoing: ["n1@a", "n2@b"] });
  inForce(11, grown, false);
  expect(raft.proposals).toHaveLength(1);
  inForce(11, grown);
  inForce(11, grown);
  expect(events()).toEqual([
    'MemberAdded n3: Member "n3@c" was added to the cluster as a voter, asked for by "ann"',
    'MemberAdded n4: Member "n4@d" was added to the cluster as a learner, asked for by "ann"',
  ]);
  inForce(12, { voters: ["n1@a", "n4@d"], learners: ["n2@b"] });
  expect(events().slice(2)).toEqual([
    'MemberDemoted n2: Member "n2@b" votes no more; it still gets the log',
    'MemberRemoved n3: Member "n3@c" was removed from the cluster',
    'MemberPromoted n4: Member "n4@d" votes from now on',
  ]);
  expect(raft.proposals).toHaveLength(3);
});

test("a node that does not lead notes nothing; one that begins to lead notes what nobody has", () => {
  inForce(5, {});
  expect(raft.proposals).toEqual([]);
  raft.mode = "takes";
  raft.lead();
  const payload = raft.proposals[0]?.payload as Uint8Array;
  // Two leaders in a row have noted it: the second one does nothing.
  raft.commit(payload);
  raft.commit(payload);
  expect(raft.view?.applied).toBe(3);
  raft.world.advance(60_000);
  const commands = raft.proposals.map((_, at) => raft.proposal(at).command.type);
  expect(commands.filter((type) => type === "note-members")).toHaveLength(1);
});

test("a name of who asked that is too long for a log is cut", () => {
  raft.lead();
  const { ref } = collect<ChangeMembershipReply>();
  const change = { type: "remove", member: "n2" } as const;
  raft.system.tell(raft.replica, { type: "change-membership", change, by: "x".repeat(1000), replyTo: ref });
  raft.world.settle();
  const asked = raft.said.find((message) => message.type === "change-membership");
  expect(asked?.type === "change-membership" && asked.change.askedBy).toBe("x".repeat(256));
});

test("another node may ask the replica, and not speak in the place of its Raft actor", () => {
  expect(isReplicaRequest({ type: "status", replyTo: null })).toBe(true);
  for (const message of [null, 1, {}, { type: 1 }, { type: "committed", entries: [] }, { type: "toString" }]) {
    expect(isReplicaRequest(message)).toBe(false);
  }
});

test("the leader proposes how much time went by, while something happens", () => {
  raft.lead();
  const steps = () =>
    raft.proposals.map((_, at) => raft.proposal(at).command).filter(({ type }) => type === "advance-time");
  raft.world.advance(10_000);
  expect(steps()).toEqual([{ type: "advance-time", toMs: 10_000 }]);
  raft.world.advance(100_000);
  expect(steps()).toHaveLength(1);
  raft.propose({ type: "renew-lease", node: "n9", epoch: 0 });
  raft.world.advance(10_000);
  expect(steps().slice(1)).toEqual([{ type: "advance-time", toMs: 120_000 }]);
  raft.emit({ type: "leadership", leader: "n2", term: 2, isLeader: false });
  raft.world.advance(60_000);
  expect(steps()).toHaveLength(2);
});

test("status tells members, configuration and the state of the disk", () => {
  raft.emit({ type: "read-only", readOnly: true });
  const { seen, ref } = collect<ReplicaStatus>();
  raft.system.tell(raft.replica, { type: "status", replyTo: ref });
  raft.world.settle();
  const asked = raft.said.find((message) => message.type === "status");
  if (asked?.type !== "status") throw new Error("Raft was not asked");
  const configuration = {
    ...createConfiguration(["n1@a", "n3@c"]),
    votersOutgoing: ["n1@a", "n2@b"],
    learners: ["n4@d"],
    addresses: { "n4@d": "10.0.0.4:7000" },
  };
  const peer = { state: "replicate", heardAtMs: raft.world.clock.monotonicMs() - 5, match: 7, next: 9 } as const;
  raft.system.tell(asked.replyTo, {
    ...{ self: "n1@a", term: 3, role: "leader", leader: "n1@a", vote: null, applied: 8, commit: 8, durable: 8 },
    ...{ lastIndex: 9, lastTerm: 3, voters: configuration.voters, base: 4, recovering: false, transferringTo: "n3@c" },
    configuration: { configuration, index: 6, committed: false },
    peers: [{ node: "n3@c", ...peer }],
    ...{ node: "n1", leaderNode: "n1", cluster: "c", membership: "member", members: [], waiting: ["n5@e"] },
    preferences: { priority: 2, leaseReads: true },
    ...{ readOnly: true, snapshotIndex: 4, snapshotBytes: 100, refused: {} },
    refusals: new Refusals().counts,
  });
  raft.world.settle();
  expect(seen).toMatchObject([
    {
      member: "n1@a",
      preferences: { priority: 2, leaseReads: true },
      leader: "n1",
      base: 4,
      readOnly: true,
      configuration: { index: 6, committed: false, joint: true },
      members: [
        { member: "n1@a", node: "n1", role: "voter", address: null, progress: null },
        { member: "n2@b", node: "n2", role: "leaving" },
        { member: "n3@c", role: "voter", progress: { match: 7, next: 9, state: "replicate", heardAgoMs: 5 } },
        { member: "n4@d", role: "learner", address: "10.0.0.4:7000" },
      ],
    },
  ]);
});
