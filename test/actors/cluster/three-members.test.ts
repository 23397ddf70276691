/** Three replicas on real Raft actors: any node takes any request, and each proposal acts once, whoever leads. */
import { allMembers } from "../../../actors/raft/core/configuration.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  leaderActor,
  LEADER_SPAWN_OPTIONS,
  RAFT_SPAWN_OPTIONS,
  raftActor,
  REPLICA_SPAWN_OPTIONS,
  replicaActor,
  type ChangeMembershipReply,
  type ClusterView,
  type Command,
  type Event,
  type ProposeReply,
  type RaftActorMessage,
  type ReadReply,
  type ReplicaMessage,
  type ReplicaStatus,
  type SnapshotReply,
  type WatchMessage,
} from "../../../actors/index.ts";
import type { ConfigurationInForce, MembershipChange } from "../../../actors/raft/core/ready.ts";
import { jsonCodec, stateless, type ActorSystem, type Ref } from "../../../runtime/index.ts";
import {
  createManualCluster,
  createMemoryLog,
  createMemorySnapshots,
  type ManualCluster,
  type ManualWorld,
  type MemoryLog,
  type MemorySnapshots,
} from "../../../runtime/testkit/index.ts";
import { nodeSpec, vmSpec } from "./sample-map.ts";

const NAMES = ["n1", "n2", "n3"] as const;
type Name = (typeof NAMES)[number];

class Members {
  readonly network: ManualCluster;
  /** Nodes that are not heard and hear nothing: silence, not the loss of a link. */
  readonly cut = new Set<string>();
  readonly views = new Map<string, ClusterView>();
  readonly leads = new Map<string, boolean>();
  readonly logged: string[] = [];
  /** Who belongs, as each node's log has it. */
  readonly configured = new Map<string, readonly string[]>();
  readonly #disks = new Map<string, { readonly log: MemoryLog; readonly snapshots: MemorySnapshots }>();
  #spawned = 0;

  constructor() {
    this.network = createManualCluster(NAMES, {
      delayMs: 1,
      lose: ({ from, to }) => this.cut.has(from.node) || this.cut.has(to.node),
    });
    for (const name of NAMES) this.#start(name, this.network.system(name));
    this.world.settle();
  }

  get world(): ManualWorld {
    return this.network.world;
  }

  crash(name: Name): void {
    this.network.crash(name);
    this.leads.delete(name);
    this.views.delete(name);
  }

  restart(name: Name): void {
    this.#start(name, this.network.restart(name));
  }

  /** Lets time pass until a node leads among those that are not cut off. */
  leader(): Name {
    for (let ms = 0; ms < 10_000; ms += 10) {
      this.world.advance(10);
      const leader = NAMES.find((name) => !this.cut.has(name) && this.leads.get(name) === true);
      if (leader !== undefined) return leader;
    }
    throw new Error("Nobody leads");
  }

  propose(at: Name, command: Command, timeoutMs = 5000): ProposeReply[] {
    const replies: ProposeReply[] = [];
    const replyTo = this.#collect(at, replies);
    this.#tell(at, { type: "propose", command, timeoutMs, replyTo });
    return replies;
  }

  read(at: Name): ReadReply[] {
    const replies: ReadReply[] = [];
    const replyTo = this.#collect(at, replies);
    const query = { kind: "Vm", consistency: "linearizable" } as const;
    this.#tell(at, { type: "read", query, timeoutMs: 2000, replyTo });
    return replies;
  }

  watch(at: Name): WatchMessage[] {
    const seen: WatchMessage[] = [];
    const subscriber = this.#collect(at, seen);
    this.#tell(at, { type: "subscribe", subscriber, selection: { kinds: ["Vm"] } });
    return seen;
  }

  status(at: Name): ReplicaStatus[] {
    const seen: ReplicaStatus[] = [];
    this.#tell(at, { type: "status", replyTo: this.#collect(at, seen) });
    return seen;
  }

  snapshot(at: Name): SnapshotReply[] {
    const seen: SnapshotReply[] = [];
    this.#tell(at, { type: "snapshot-now", replyTo: this.#collect(at, seen) });
    return seen;
  }

  changeMembership(at: Name, change: MembershipChange): ChangeMembershipReply[] {
    const seen: ChangeMembershipReply[] = [];
    this.#tell(at, { type: "change-membership", change, by: "ann", replyTo: this.#collect(at, seen) });
    return seen;
  }

  #tell(at: Name, message: ReplicaMessage): void {
    const system = this.network.system(at);
    system.tell(system.refAt<ReplicaMessage>({ node: at, path: "replica" }), message);
  }

  #collect<Message>(at: Name, into: Message[]): Ref<Message> {
    const collector = stateless<Message>("collector", (message) => void into.push(message));
    return this.network.system(at).spawn(collector, { name: `collector-${++this.#spawned}` });
  }

  #start(name: Name, system: ActorSystem): void {
    const later = (run: () => void): void => void this.world.clock.setTimer(0, run);
    const disk = this.#disks.get(name) ?? {
      log: createMemoryLog({ later }),
      snapshots: createMemorySnapshots({ later }),
    };
    this.#disks.set(name, disk);
    const raft = system.refAt<RaftActorMessage>({ node: name, path: "raft" });
    const logger = { log: (_: unknown, message: string) => void this.logged.push(message) };
    const onApply = (view: ClusterView) => void this.views.set(name, view);
    const onConfiguration = ({ configuration }: ConfigurationInForce): void =>
      void this.configured.set(name, allMembers(configuration));
    const replicaOptions = { raft, codec: jsonCodec, logger, onApply, onConfiguration };
    const replica = system.spawn(replicaActor(replicaOptions), REPLICA_SPAWN_OPTIONS);
    const leadership = stateless<{ readonly isLeader: boolean }>("leadership", ({ isLeader }) => {
      this.leads.set(name, isLeader);
    });
    system.tell(replica, { type: "watch-leadership", subscriber: system.spawn(leadership) });
    system.spawn(leaderActor({ replica }), LEADER_SPAWN_OPTIONS);
    const options = {
      voters: NAMES,
      store: disk.log.open(),
      snapshots: disk.snapshots.open(),
      subscriber: replica,
      limits: { trailingEntries: 5 },
    };
    system.spawn(raftActor(options), RAFT_SPAWN_OPTIONS);
  }
}

let members: Members;

beforeEach(() => {
  members = new Members();
});

afterEach(() => members.network.close());

const create = (name: string): Command => ({ type: "create-vm", name, labels: {}, spec: vmSpec() });

function others(name: Name): readonly Name[] {
  return NAMES.filter((other) => other !== name);
}

test("propose through any node takes effect at all of them, many at once", () => {
  members.leader();
  const replies = NAMES.map((at) => Array.from({ length: 20 }, (_, i) => members.propose(at, create(`${at}-${i}`))));
  members.world.advance(500);
  expect(replies.flat(2).map((reply) => reply.ok && reply.outcome.ok)).toEqual(Array.from({ length: 60 }, () => true));
  const views = NAMES.map((name) => members.views.get(name));
  expect(views[0]?.list("Vm")).toHaveLength(60);
  expect(new Set(views.map((view) => view?.fingerprint)).size).toBe(1);
});

test("read linearizable at any node sees what was answered at another", () => {
  members.leader();
  const written = members.propose("n1", create("web"));
  while (written.length === 0) members.world.advance(1);
  const reads = NAMES.map((at) => members.read(at));
  members.world.advance(200);
  for (const [reply] of reads) expect(reply).toMatchObject({ ok: true, resources: [{ metadata: { name: "web" } }] });
});

test("proposals that a dead leader swallowed act once, under the next one", () => {
  const first = members.leader();
  const [other] = others(first);
  members.cut.add(first);
  const replies = Array.from({ length: 5 }, (_, i) => members.propose(other as Name, create(`vm-${i}`)));
  const lost = members.propose(first, create("lost"), 1000);
  const second = members.leader();
  expect(second).not.toBe(first);
  members.world.advance(1000);
  expect(replies.flat().map((reply) => reply.ok && reply.outcome.ok)).toEqual([true, true, true, true, true]);
  expect(lost).toMatchObject([{ ok: false, code: "no-leader" }]);
  members.cut.clear();
  members.world.advance(3000);
  const views = NAMES.map((name) => members.views.get(name));
  expect(new Set(views.map((view) => view?.fingerprint)).size).toBe(1);
  const created = (members.views.get("n1")?.list("Event") ?? []).filter(
    (event): event is Event => event.kind === "Event" && event.spec.reason === "Created",
  );
  expect(created.map(({ spec }) => spec.regarding.name).toSorted()).toEqual(["vm-0", "vm-1", "vm-2", "vm-3", "vm-4"]);
});

test("read linearizable at a leader that was cut off is not answered with what is old", () => {
  const first = members.leader();
  members.cut.add(first);
  const second = members.leader();
  members.propose(second, create("web"));
  const stale = members.read(first);
  members.world.advance(3000);
  expect(stale).toMatchObject([{ ok: false, code: "no-leader" }]);
});

function events(name: Name, reason: string): readonly string[] {
  const list = (members.views.get(name)?.list("Event") ?? []) as readonly Event[];
  return list.filter(({ spec }) => spec.reason === reason).map(({ spec }) => spec.message);
}

test("a replica that was away while the log was compacted takes over a snapshot; who watched there reads again", () => {
  const leader = members.leader();
  const [away] = others(leader) as [Name];
  const seen = members.watch(away);
  members.cut.add(away);
  const replies = Array.from({ length: 30 }, (_, i) => members.propose(leader, create(`vm-${i}`)));
  members.world.advance(1000);
  expect(replies.flat()).toHaveLength(30);
  const made = members.snapshot(leader);
  members.world.advance(500);
  expect(made).toMatchObject([{ ok: true }]);
  members.cut.clear();
  members.world.advance(3000);
  expect(members.views.get(away)?.list("Vm")).toHaveLength(30);
  expect(members.views.get(away)?.fingerprint).toBe(members.views.get(leader)?.fingerprint);
  expect(seen.at(-1)).toMatchObject({ type: "compacted" });
  const status = members.status(away);
  members.world.advance(100);
  expect(status).toMatchObject([{ role: "follower", readOnly: false, recovering: false }]);
  expect(status[0]?.base).toBeGreaterThan(0);
});

test("replicas that all restart begin with their snapshots, and go on as one", () => {
  const leader = members.leader();
  for (let i = 0; i < 10; i++) members.propose(leader, create(`vm-${i}`));
  members.world.advance(1000);
  const made = NAMES.map((name) => members.snapshot(name));
  members.world.advance(500);
  expect(made.flat()).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
  for (const name of NAMES) members.crash(name);
  for (const name of NAMES) members.restart(name);
  const next = members.leader();
  const replies = members.propose(next, create("after"));
  members.world.advance(500);
  expect(replies).toMatchObject([{ ok: true, outcome: { ok: true } }]);
  for (const name of NAMES) expect(members.views.get(name)?.list("Vm")).toHaveLength(11);
  expect(new Set(NAMES.map((name) => members.views.get(name)?.fingerprint)).size).toBe(1);
});

test("a change of members that any node was asked for is an Event everywhere, once, with who asked", () => {
  const leader = members.leader();
  const [asked, removed] = others(leader) as [Name, Name];
  members.world.advance(500);
  const replies = members.changeMembership(asked, { type: "demote", member: removed });
  members.world.advance(2000);
  expect(replies).toMatchObject([{ ok: true }]);
  for (const name of NAMES) {
    expect(events(name, "MemberDemoted")).toEqual([expect.stringMatching(`^Member "${removed}.*asked for by "ann"$`)]);
  }
});

test("who asked for a change stands in its Event, though the leader that was asked is lost in the middle of it", () => {
  const leader = members.leader();
  const left = others(leader);
  members.world.advance(500);
  const replies = members.changeMembership(leader, { type: "add-learner", member: "n9@new" });
  for (let ms = 0; !left.some((name) => members.configured.get(name)?.includes("n9@new")); ms++) {
    if (ms > 1000) throw new Error("No other node has the change after 1 s");
    members.world.advance(1);
  }
  expect(replies).toMatchObject([{ ok: true }]);
  members.crash(leader);
  for (const name of left) expect(events(name, "MemberAdded")).toEqual([]);
  members.leader();
  members.world.advance(2000);
  for (const name of left) {
    expect(events(name, "MemberAdded")).toEqual([
      'Member "n9@new" was added to the cluster as a learner, asked for by "ann"',
    ]);
  }
});

test("a drained node hands leadership to one that is not, and leads again only when all others are drained, too", () => {
  const first = members.leader();
  members.propose(first, { type: "raise-level", to: 4 });
  for (const name of NAMES) members.propose(first, { type: "register-node", name, spec: nodeSpec(), running: [] });
  members.world.advance(1000);
  const limits = { liveOnly: false, atOnce: 2, timeoutMs: 60_000 };
  const [drained] = [members.propose(first, { type: "drain-node", name: first, limits })];
  members.world.advance(3000);
  expect(drained).toMatchObject([{ ok: true, outcome: { ok: true } }]);
  const second = members.leader();
  expect(second).not.toBe(first);
  // Whoever is left when the new leader goes, it is not the drained one.
  const third = NAMES.find((name) => name !== first && name !== second)!;
  members.crash(second);
  expect(members.leader()).toBe(third);
  members.world.advance(20_000);
  expect(members.leader()).toBe(third);
  members.restart(second);
  members.world.advance(3000);
  for (const name of [second, third]) members.propose(first, { type: "drain-node", name, limits });
  members.world.advance(30_000);
  expect(NAMES).toContain(members.leader());
});
