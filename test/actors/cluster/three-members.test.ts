/** Three replicas on real Raft actors: any node takes any request, and each proposal acts once, whoever leads. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  leaderActor,
  LEADER_SPAWN_OPTIONS,
  RAFT_SPAWN_OPTIONS,
  raftActor,
  REPLICA_SPAWN_OPTIONS,
  replicaActor,
  type ClusterView,
  type Command,
  type Event,
  type ProposeReply,
  type RaftActorMessage,
  type ReadReply,
  type ReplicaMessage,
} from "../../../actors/index.ts";
import {
  ActorSystem,
  createRandom,
  jsonCodec,
  stateless,
  type Envelope,
  type LinkEvent,
  type Ref,
} from "../../../runtime/index.ts";
import { createManualWorld, createMemoryLog, type ManualWorld } from "../../../runtime/testkit/index.ts";
import { vmSpec } from "./sample-map.ts";

const NAMES = ["n1", "n2", "n3"] as const;
type Name = (typeof NAMES)[number];

class Members {
  readonly world: ManualWorld = createManualWorld();
  readonly cut = new Set<string>();
  readonly views = new Map<string, ClusterView>();
  readonly leads = new Map<string, boolean>();
  readonly #systems = new Map<string, ActorSystem>();
  readonly #receivers = new Map<string, (envelope: Envelope) => void>();
  #spawned = 0;

  constructor() {
    for (const [at, name] of NAMES.entries()) this.#start(name, at);
    this.world.settle();
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

  stop(): void {
    for (const system of this.#systems.values()) system.stop();
  }

  #tell(at: Name, message: ReplicaMessage): void {
    const system = this.#systems.get(at) as ActorSystem;
    system.tell(system.refAt<ReplicaMessage>({ node: at, path: "replica" }), message);
  }

  #collect<Message>(at: Name, into: Message[]): Ref<Message> {
    const collector = stateless<Message>("collector", (message) => void into.push(message));
    return (this.#systems.get(at) as ActorSystem).spawn(collector, { name: `collector-${++this.#spawned}` });
  }

  #start(name: Name, seed: number): void {
    const remoting = {
      send: (envelope: Envelope) => {
        if (this.cut.has(envelope.from.node) || this.cut.has(envelope.to.node)) return;
        this.world.clock.setTimer(1, () => this.#receivers.get(envelope.to.node)?.(envelope));
      },
      onEnvelope: (receive: (envelope: Envelope) => void) => void this.#receivers.set(name, receive),
      // A cut of this network is silence, not the loss of a link.
      onLink: (listen: (event: LinkEvent) => void) => {
        for (const peer of NAMES) if (peer !== name) listen({ type: "up", node: peer, incarnation: peer });
      },
    };
    const system = ActorSystem.create({ node: name, world: { ...this.world, random: createRandom(seed), remoting } });
    this.#systems.set(name, system);
    const raft = system.refAt<RaftActorMessage>({ node: name, path: "raft" });
    const logger = { log: () => {} };
    const onApply = (view: ClusterView) => void this.views.set(name, view);
    const replica = system.spawn(replicaActor({ raft, codec: jsonCodec, logger, onApply }), REPLICA_SPAWN_OPTIONS);
    const leadership = stateless<{ readonly isLeader: boolean }>("leadership", ({ isLeader }) => {
      this.leads.set(name, isLeader);
    });
    system.tell(replica, { type: "watch-leadership", subscriber: system.spawn(leadership) });
    system.spawn(leaderActor({ replica }), LEADER_SPAWN_OPTIONS);
    const store = createMemoryLog({ later: (run) => void this.world.clock.setTimer(0, run) }).open();
    system.spawn(raftActor({ voters: NAMES, store, subscriber: replica }), RAFT_SPAWN_OPTIONS);
  }
}

let members: Members;

beforeEach(() => {
  members = new Members();
});

afterEach(() => members.stop());

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
