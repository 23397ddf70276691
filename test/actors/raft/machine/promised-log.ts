/**
 * Three machine actors on one log that is all that Raft promises and no more: leaders come and go and lose what was not committed,
 * entries arrive late, proposals and answers get lost, nodes restart from a snapshot or an empty state, logs are compacted.
 */
import {
  MACHINE_SPAWN_OPTIONS,
  machineActor,
  type MachineMessage,
  type RaftActorMessage,
  type RaftEvent,
} from "../../../../actors/index.ts";
import {
  ActorSystem,
  createRandom,
  stateless,
  type LogEntry,
  type Random,
  type Ref,
} from "../../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../../runtime/testkit/index.ts";
import { Lists } from "./sample-machine.ts";

const NODES = 3;
const EMPTY = new Uint8Array(0);

interface Node {
  readonly machine: Ref<MachineMessage>;
  readonly lists: Lists;
  /** Up to where entries were handed over. */
  delivered: number;
  applied: number;
}

interface Taken {
  readonly index: number;
  readonly chunks: { readonly bytes: Uint8Array; readonly last: boolean }[];
}

type Propose = Extract<RaftActorMessage, { readonly type: "propose" }>;

export class PromisedLog {
  readonly world: ManualWorld = createManualWorld();
  readonly system: ActorSystem;
  readonly random: Random;
  readonly nodes: Node[] = [];
  /** What happened, so that a test can tell that it did. */
  readonly counts: Record<string, number> = {};
  readonly #log: LogEntry[] = [];
  readonly #sessions: { readonly max: number };
  #commit = 0;
  #term = 0;
  #leader: number | null = null;
  #snapshot: Taken | null = null;
  /** Of the machine that writes a snapshot down. */
  #writing: { readonly node: number; readonly taken: Taken } | null = null;
  #lives = 0;

  constructor(seed: number, sessions: { readonly max: number }) {
    this.random = createRandom(seed);
    this.#sessions = sessions;
    this.system = ActorSystem.create({ node: "n", world: { ...this.world, random: this.random.fork() } });
    for (let node = 0; node < NODES; node++) this.nodes.push(this.#start(node));
    this.world.settle();
  }

  /** One thing happens. */
  step(): void {
    const node = this.random.integer(NODES);
    const roll = this.random.integer(100);
    if (roll < 4) this.#elect(this.random.integer(4) === 0 ? null : node);
    else if (roll < 30) this.#commit += this.random.integer(this.#log.length - this.#commit + 1);
    else if (roll < 75) this.#deliver(node, this.#commit);
    else if (roll < 80) this.#takeSnapshot(node);
    else if (roll < 83) this.#restart(node);
    this.world.advance(this.random.integer(20));
  }

  /** Everything arrives everywhere, under one leader. */
  quiet(): void {
    this.#elect(0);
    for (let round = 0; round < 20; round++) {
      this.#commit = this.#log.length;
      for (const node of this.nodes.keys()) {
        // Also what got lost on the way, if anything did.
        this.#node(node).delivered = this.#node(node).applied;
        this.#deliver(node, this.#commit, true);
      }
      this.world.advance(100);
    }
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  #start(node: number): Node {
    const lists = new Lists();
    const life = ++this.#lives;
    const raft = this.system.spawn(
      stateless<RaftActorMessage>("raft", (message) => this.#receive(node, life, message)),
      { name: `raft-${life}` },
    );
    const started: { -readonly [K in keyof Node]?: Node[K] } = { lists, delivered: 0, applied: 0 };
    const behavior = machineActor({
      raft,
      machine: lists,
      blockBytes: 64,
      sessions: this.#sessions,
      onApply: ({ applied }) => (started.applied = applied),
    });
    started.machine = this.system.spawn(behavior, { ...MACHINE_SPAWN_OPTIONS, name: `machine-${life}` });
    this.#lifeOf[node] = life;
    return started as Node;
  }

  readonly #lifeOf: number[] = [];

  #restart(node: number): void {
    this.#count("restart");
    if (this.#leader === node) this.#elect(null);
    if (this.#writing?.node === node) this.#writing = null;
    // Nothing reaches the one before any more; what waits at it ends by its time.
    this.nodes[node] = this.#start(node);
    this.#tellLeadership(node);
    this.world.settle();
  }

  #elect(leader: number | null): void {
    this.#count("election");
    this.#leader = leader;
    this.#term += 1;
    if (leader !== null) {
      // Some of what was not committed is lost, and its places are taken.
      this.#log.length = this.#commit + this.random.integer(this.#log.length - this.#commit + 1);
      this.#append("noop", EMPTY);
    }
    for (let node = 0; node < NODES; node++) this.#tellLeadership(node);
    this.world.settle();
  }

  #tellLeadership(node: number): void {
    const leader = this.#leader === null ? null : `n${this.#leader}`;
    this.#tell(node, { type: "leadership", leader, term: this.#term, isLeader: this.#leader === node });
  }

  #append(type: LogEntry["type"], payload: Uint8Array): number {
    this.#log.push({ index: this.#log.length + 1, term: this.#term, type, payload });
    return this.#log.length;
  }

  #deliver(node: number, upTo: number, whole = false): void {
    const at = this.#node(node);
    // What lies before a snapshot is compacted away, now and then.
    if (this.#snapshot !== null && at.delivered < this.#snapshot.index && this.random.integer(2) === 0) {
      this.#count("restore");
      const { index, chunks } = this.#snapshot;
      for (const [number, { bytes, last }] of chunks.entries())
        this.#tell(node, { type: "restore", index, number, bytes, last });
      at.delivered = index;
    }
    const to = whole ? upTo : at.delivered + this.random.integer(upTo - at.delivered + 1);
    // Now and then a batch is lost on the way.
    if ((whole || this.random.integer(30) !== 0) && to > at.delivered) {
      this.#tell(node, { type: "committed", entries: this.#log.slice(at.delivered, to) });
    }
    at.delivered = Math.max(at.delivered, to);
    this.world.settle();
  }

  #takeSnapshot(node: number): void {
    if (this.#writing !== null) return;
    this.#tell(node, { type: "take-snapshot", request: 1 });
    this.world.settle();
  }

  #receive(node: number, life: number, message: RaftActorMessage): void {
    if (this.#lifeOf[node] !== life) return;
    switch (message.type) {
      case "propose":
        return this.#propose(node, message);
      case "read":
        if (this.#leader !== null) this.#tell(node, { type: "read-ready", id: message.id, index: this.#commit });
        else this.#tell(node, { type: "read-failed", id: message.id, code: "no-leader" });
        return;
      case "replay":
        this.#count("replay");
        this.#node(node).delivered = message.fromIndex - 1;
        return;
      case "snapshot-taken":
        this.#writing = { node, taken: { index: message.index, chunks: [] } };
        return this.#tell(node, { type: "next-chunk", request: message.request, number: 0 });
      case "snapshot-chunk": {
        if (this.#writing === null) return;
        const { taken } = this.#writing;
        taken.chunks.push(message);
        if (!message.last) return this.#tell(node, { type: "next-chunk", request: 1, number: message.number + 1 });
        if (taken.index > (this.#snapshot?.index ?? 0)) this.#snapshot = taken;
        this.#writing = null;
        return this.#count("snapshot");
      }
      default:
    }
  }

  #propose(node: number, { payload, replyTo }: Propose): void {
    // On its way to a leader elsewhere it may get lost, and so may the answer.
    const isLost = (): boolean => node !== this.#leader && this.random.integer(5) === 0;
    if (isLost()) return;
    if (this.#leader === null || this.random.integer(20) === 0) {
      if (replyTo) this.system.tell(replyTo, { type: "propose-refused", code: "no-leader", leader: null });
      return;
    }
    const index = this.#append("command", payload);
    if (replyTo && !isLost()) this.system.tell(replyTo, { type: "proposed", index, term: this.#term });
  }

  #node(node: number): Node {
    return this.nodes[node] as Node;
  }

  #tell(node: number, event: RaftEvent): void {
    this.system.tell(this.#node(node).machine, event);
  }
}
