/**
 * What a library user stands on (`actors/join-cluster.ts`): a singleton, sharded entities, and reliable delivery from each
 * node to the next, all told by the load at random nodes, while nodes crash, hang, are cut off and leave.
 */
import { createRandom, jsonCodec, type PayloadCodec, type Random, type Ref } from "../../runtime/index.ts";
import {
  brokenHoldRule,
  brokenLeaseRule,
  brokenRules,
  brokenShardRules,
  joinCluster,
  startShardRegion,
  startSingleton,
  type RaftLimits,
  type Singleton,
  type Tenure,
} from "../../actors/index.ts";
import { ReliableChecker, type ReliableMessage } from "../checkers/reliable-checker.ts";
import { ReplicaChecker } from "../checkers/replica-checker.ts";
import { TenureChecker } from "../checkers/tenure-checker.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { decodeOnceCodec } from "../network/decode-once-codec.ts";
import { DeliveryDisk } from "../disk/delivery-disk.ts";
import { FencedResource } from "../outside/fenced-resource.ts";
import type { CoreEnd } from "../faults/core-ending.ts";
import type { GuestWatcher } from "../outside/guest.ts";
import { actingActor, type ActorMessage } from "./library-actors.ts";
import { LibraryHomes, SHARDS, shardOf, SINGLETON } from "./library-homes.ts";
import { LibraryProbes } from "./library-probes.ts";
import { whyTooLong, type Compaction } from "./log-length.ts";
import type { PlantedFaults } from "../faults/planted-faults.ts";
import { startReliablePair, type ProducerMessage } from "./reliable-pair.ts";
import { CHANCES, type LoadAct, type TellKind } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { Scenario } from "./scenario.ts";
import { Scope } from "./scope.ts";
import type { Process, SimNode } from "../cluster/sim-node.ts";
import { loggerOf } from "../timeline/simulated-logger.ts";
import type { Timeline } from "../timeline/timeline.ts";

export interface LibraryScenarioOptions {
  readonly random: Random;
  readonly timeline: Timeline;
  readonly planted: PlantedFaults;
  readonly limits: Partial<RaftLimits>;
  /** When snapshots are made, and what of the log stays then. */
  readonly compaction: Compaction;
  /** Mean pause between two messages of the load, in microseconds. */
  readonly everyUs: number;
  /** The load does something of which nobody told it. */
  onAct(act: LoadAct): void;
}

const ENTITIES = 20;

/** Short, so that entities come and go all the time. */
const PASSIVATE_AFTER_MS = 3000;

/** Entries that a replica may be behind and still count as having converged: sessions are renewed all the time. */
const LAG_MAX = 20;

/** Shares of the load: to let a node leave, to give the singleton to another node, reliable messages, for the singleton. */
const LEAVES = 0.003;
const YIELDS = 0.01;
const RELIABLE = 0.3;
const TO_SINGLETON = 0.2;

/** A node that has left comes back after at most this. */
const BACK_MAX_US = 10_000_000;

interface Doors {
  readonly singleton: Singleton<ActorMessage>;
  readonly entities: Ref<ActorMessage>;
  readonly producer: Ref<ProducerMessage>;
}

/** What of a node's reliable delivery outlives its process. */
interface DeliveryHost {
  readonly disk: DeliveryDisk<ReliableMessage>;
  readonly ledger: Map<string, number>;
}

export class LibraryScenario implements Scenario {
  readonly guests: GuestWatcher = { onGuestStarted: () => {}, onGuestEnded: () => {} };
  readonly #options: LibraryScenarioOptions;
  readonly #codec: PayloadCodec = decodeOnceCodec(jsonCodec);
  readonly #replicas: ReplicaChecker;
  readonly #tenures: TenureChecker;
  readonly #reliable: ReliableChecker;
  readonly #deliveryHosts = new Map<number, DeliveryHost>();
  readonly #resource: FencedResource;
  readonly #random: Random;
  readonly #doors = new Map<number, Doors>();
  #cluster!: Cluster;
  #scope!: Scope;
  #homes!: LibraryHomes;
  #probes!: LibraryProbes;
  #active = false;
  #sent = 0;
  #handled = 0;
  #left = 0;

  constructor(options: LibraryScenarioOptions) {
    const { timeline, random } = options;
    this.#options = options;
    this.#random = random.fork();
    this.#replicas = new ReplicaChecker(timeline, (node, index) => {
      return this.#cluster.node(node).disk.snapshots.newest?.index === index;
    });
    this.#tenures = new TenureChecker(timeline);
    this.#reliable = new ReliableChecker(timeline);
    this.#resource = new FencedResource(timeline, random.fork());
  }

  attach(cluster: Cluster): void {
    this.#cluster = cluster;
    this.#scope = new Scope(cluster, null);
    this.#homes = new LibraryHomes(cluster.names, this.#tenures);
    for (const { index } of cluster.nodes) {
      const disk = new DeliveryDisk<ReliableMessage>(cluster.timeline, this.#random.fork());
      this.#deliveryHosts.set(index, { disk, ledger: new Map() });
    }
    const keys = [SINGLETON, ...Array.from({ length: ENTITIES }, (_, entity) => `e${entity}`)];
    this.#probes = new LibraryProbes(cluster, keys, (node, key, number) => this.#tell(node, key, number));
  }

  compose({ node, life, system, store, snapshots }: Process): void {
    const { planted, limits, timeline } = this.#options;
    joinCluster(system, {
      members: this.#cluster.names,
      store,
      snapshots,
      codec: this.#codec,
      logger: loggerOf(node.index, life, timeline),
      raftLimits: limits,
      snapshotting: { everyEntries: this.#options.compaction.everyEntries },
      raftRules: brokenRules(planted.raft ?? []),
      leaseRule: brokenLeaseRule(planted),
      holdRule: brokenHoldRule(planted),
      onRaftStart: (view) => this.#cluster.raft.onStart(node.index, view),
      onApply: (view) => this.#replicas.onApply(node.index, view),
    });
    const acting = (key: string, tenure: Tenure, tickMs: number): ReturnType<typeof actingActor> =>
      actingActor({
        key,
        tenure,
        tickMs,
        node: node.index,
        checker: this.#tenures,
        resource: this.#resource,
        onWork: (number) => this.#onWork(number),
      });
    const singleton = startSingleton<unknown, ActorMessage>(system, {
      name: SINGLETON,
      make: (tenure) => acting(SINGLETON, tenure, 200),
    });
    const entities = startShardRegion<unknown, ActorMessage>(system, {
      type: "entities",
      shards: SHARDS,
      entityOf: (message) => (message.type === "work" ? message.key : ""),
      shardOf,
      make: ({ id, tenure }) => acting(id, tenure, 500),
      passivateAfterMs: PASSIVATE_AFTER_MS,
      rules: brokenShardRules(planted),
    });
    const { disk, ledger } = this.#deliveryHosts.get(node.index) as DeliveryHost;
    const producer = startReliablePair(system, {
      to: this.#cluster.names[this.#consumerOf(node.index)] as string,
      store: disk.open(life),
      ledger: planted.ledgerForgotten === true ? new Map<string, number>() : ledger,
      checker: this.#reliable,
    });
    this.#doors.set(node.index, { singleton, entities, producer });
  }

  check(node: SimNode): void {
    this.#replicas.check(node.index);
  }

  onEnd(node: SimNode): void {
    this.#replicas.onEnd(node.index);
    this.#tenures.onNodeEnd(node.index);
    this.#doors.delete(node.index);
  }

  load(load: Schedule["load"] = "drawn"): void {
    this.#active = true;
    if (load === "drawn") this.#actSoon();
  }

  perform(act: LoadAct): boolean {
    const node = act.type === "tell" ? this.#cluster.nodes[act.node] : undefined;
    if (!this.#active || act.type !== "tell" || node === undefined || node.process === null) return false;
    this.#act(node, act.how, createRandom(act.chance));
    return true;
  }

  unload(): void {
    this.#active = false;
  }

  keepTo(end: CoreEnd): void {
    this.#scope = new Scope(this.#cluster, end);
  }

  term(): number {
    return this.#scope.term();
  }

  unsettled(): string | null {
    const { raft } = this.#cluster;
    const leader = this.#scope.leader();
    if (leader === undefined) return "no member leads";
    const served = this.#scope.served(leader);
    const down = served.find((node) => !node.running);
    if (down !== undefined) return `${down.name} has left and is not back`;
    for (const node of served) {
      const applied = this.#replicas.view(node.index)?.applied ?? 0;
      if (applied < raft.committed.lastIndex - LAG_MAX) {
        return `${node.name} has applied ${applied} of ${raft.committed.lastIndex} entries`;
      }
      const status = raft.view(node.index)?.status();
      const wrong = status === undefined ? "does not take part" : whyTooLong(status, this.#options.compaction);
      if (wrong !== null) return `${node.name} ${wrong}`;
    }
    const view = this.#replicas.view(leader);
    if (view === undefined) return "the leader has no replica";
    return (
      this.#homes.unsettled(view, this.#scope) ??
      this.#reliable.missing((node) => this.#isAmong(node) && this.#isAmong(this.#consumerOf(node))) ??
      this.#probes.unanswered(served, (key) => this.#isAmong(this.#homes.homeOf(key, view)))
    );
  }

  checkEnd(): void {
    this.#replicas.checkEnd();
  }

  marks(): Readonly<Record<string, number>> {
    return {
      "messages sent": this.#sent,
      "messages handled": this.#handled,
      "reliable taken": this.#reliable.taken,
      "reliable recorded": this.#reliable.recorded,
      "nodes left": this.#left,
      "copies begun": this.#tenures.begun,
      acts: this.#tenures.acts,
      "effects accepted": this.#resource.accepted,
      "effects fenced off": this.#resource.refused,
      "maps compared": this.#replicas.comparisons,
    };
  }

  #isAmong(node: number): boolean {
    return this.#scope.has(node);
  }

  #consumerOf(producer: number): number {
    return (producer + 1) % this.#cluster.names.length;
  }

  /** Who decides upon the load draws aside, and as much for each act, so that what is drawn later does not hang on it. */
  #actSoon(): void {
    const random = this.#random;
    const act = (): void => {
      if (!this.#active) return;
      const node = random.integer(this.#cluster.nodes.length);
      const tell: LoadAct = {
        type: "tell",
        node,
        how: drawTell(random.next(), random.next()),
        chance: random.integer(CHANCES),
      };
      if (this.perform(tell)) this.#options.onAct(tell);
      this.#actSoon();
    };
    this.#cluster.timeline.afterAside(-Math.log(1 - random.next()) * this.#options.everyUs, act, "load");
  }

  #act(node: SimNode, how: TellKind, random: Random): void {
    if (how === "leave") return this.#leave(node, random);
    if (how === "yield") return this.#yield(node, random);
    this.#sent += 1;
    if (how === "reliable") this.#send(node, this.#sent);
    else this.#tell(node, how === "singleton" ? SINGLETON : `e${random.integer(ENTITIES)}`, this.#sent);
  }

  #send(node: SimNode, number: number): void {
    const producer = this.#doors.get(node.index)?.producer;
    const process = node.process;
    if (producer === undefined || process === null) return;
    const message: ReliableMessage = { producer: node.index, number };
    process.life.enter(() => process.system.tell(producer, { type: "send", message }));
  }

  #tell(node: SimNode, key: string, number: number): void {
    const doors = this.#doors.get(node.index);
    const process = node.process;
    if (doors === undefined || process === null) return;
    const to = key === SINGLETON ? doors.singleton.ref : doors.entities;
    process.life.enter(() => process.system.tell(to, { type: "work", key, number }));
  }

  #yield(node: SimNode, random: Random): void {
    const to = this.#cluster.names[random.integer(this.#cluster.names.length)] as string;
    const doors = this.#doors.get(node.index);
    this.#cluster.timeline.note(`yield ${node.index} ${to}`);
    node.process?.life.enter(() => doors?.singleton.yieldTo(random.next() < 0.5 ? to : null));
  }

  /** The node ends in an orderly way and comes back. */
  #leave(node: SimNode, random: Random): void {
    const process = node.process;
    if (process === null) return;
    const { timeline } = this.#cluster;
    timeline.note(`leave ${node.index}`);
    const backUs = random.integer(BACK_MAX_US);
    process.life.enter(() =>
      process.system.beginShutdown(() => {
        this.#left += 1;
        timeline.note(`left ${node.index}`);
        if (node.process !== process) return;
        timeline.after(0, () => {
          if (node.process === process) node.kill();
        });
        timeline.after(backUs, () => node.start());
      }),
    );
  }

  #onWork(number: number): void {
    if (!this.#probes.onHandled(number)) this.#handled += 1;
  }
}

function drawTell(drawn: number, further: number): TellKind {
  if (drawn < LEAVES) return "leave";
  if (drawn < YIELDS) return "yield";
  if (drawn < RELIABLE) return "reliable";
  return further < TO_SINGLETON ? "singleton" : "entity";
}
