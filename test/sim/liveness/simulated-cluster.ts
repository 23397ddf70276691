/**
 * A cluster in the simulator, with its hosts, links and disks, in fair weather: nothing goes wrong but what a scenario does. Its machine counts
 * commands, and its snapshots are as large as a scenario wants them.
 *
 * Raft's checker watches as in every simulation; the first rule that does not hold ends the scenario.
 */
import {
  RAFT_SPAWN_OPTIONS,
  raftActor,
  type RaftActorMessage,
  type RaftEvent,
  type RaftLimits,
  type RaftStatus,
  type SnapshotOptions,
} from "../../../actors/raft/index.ts";
import { createRandom, jsonCodec, stateless, type Behavior, type Ref } from "../../../runtime/index.ts";
import { Cluster, type Weather } from "../../../sim/cluster/cluster.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import type { SimNode } from "../../../sim/cluster/sim-node.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";

export interface SimulatedClusterOptions {
  readonly nodes: number;
  readonly limits?: Partial<RaftLimits>;
  readonly snapshotting?: Partial<SnapshotOptions>;
  /** Size of a snapshot. Default: a few bytes. */
  readonly snapshotBytes?: number;
  /** One way of a message. Default 1 ms. */
  readonly delayMs?: number;
}

/** What one life of a node has applied. */
interface Machine {
  applied: number;
  commands: number;
  /** As of which indexes its state was replaced by a snapshot. */
  readonly restored: number[];
}

const CHUNK_BYTES = 10_000;
const STEP_US = 10_000;
const LEADER_WITHIN_MS = 10_000;

export class SimulatedCluster {
  readonly cluster: Cluster;
  readonly #timeline: Timeline;
  readonly #options: SimulatedClusterOptions;
  readonly #machines = new Map<number, Machine>();
  /** When the first machine carried out each command. */
  readonly #actedMs: number[] = [];

  constructor(options: SimulatedClusterOptions) {
    this.#options = options;
    this.#timeline = new Timeline(createRandom(1), new EventLog({ linesKept: 40 }));
    this.cluster = new Cluster({
      nodes: options.nodes,
      timeline: this.#timeline,
      random: createRandom(2),
      weather: fairWeather((options.delayMs ?? 1) * 1000),
      hooks: {
        compose: (process) => this.#compose(process.node),
        check: () => {},
        onEnd: (node) => void this.#machines.delete(node.index),
        onLeader: () => {},
        onCommitted: () => {},
        guests: { onGuestStarted: () => {}, onGuestEnded: () => {} },
      },
    });
    for (const node of this.cluster.nodes) node.start();
    this.until("somebody leads", () => this.cluster.raft.leader() !== undefined, LEADER_WITHIN_MS);
  }

  get nowMs(): number {
    return this.#timeline.nowMs;
  }

  /** Index of the node that leads; of those that believe to, the one of the latest term. */
  get leader(): number {
    const leader = this.cluster.raft.leader();
    if (leader === undefined) throw new Error("Nobody leads");
    return leader;
  }

  /** The other nodes. */
  get followers(): readonly number[] {
    return this.cluster.nodes.map(({ index }) => index).filter((index) => index !== this.leader);
  }

  node(index: number): SimNode {
    return this.cluster.node(index);
  }

  status(index: number): RaftStatus {
    const view = this.cluster.raft.view(index);
    if (view === undefined) throw new Error(`Node ${index} does not take part`);
    return view.status();
  }

  machine(index: number): Machine {
    const machine = this.#machines.get(index);
    if (machine === undefined) throw new Error(`Node ${index} does not run`);
    return machine;
  }

  /** Longest time since `sinceMs` in which no command was carried out anywhere. */
  longestPauseMs(sinceMs: number): number {
    const times = [sinceMs, ...this.#actedMs.filter((atMs) => atMs >= sinceMs), this.nowMs];
    return Math.max(...times.slice(1).map((atMs, at) => atMs - (times[at] ?? 0)));
  }

  /** Lets time pass. */
  run(durationMs: number): void {
    this.#timeline.run(this.#timeline.nowUs + durationMs * 1000);
    const { failure } = this.#timeline;
    if (failure !== null) throw new Error(`${failure.invariant}: ${failure.message}`);
  }

  /** Milliseconds until the condition holds. @throws {Error} when it does not within `withinMs`. */
  until(what: string, condition: () => boolean, withinMs: number): number {
    const beganMs = this.nowMs;
    while (!condition()) {
      if (this.nowMs - beganMs >= withinMs) throw new Error(`Not within ${withinMs} ms: ${what}`);
      this.run(STEP_US / 1000);
    }
    return this.nowMs - beganMs;
  }

  /** Waits until a node leads that is none of these, and returns it. */
  next(formerly: readonly number[], withinMs: number): number {
    const found = (): number | undefined => this.cluster.raft.leader();
    this.until("another leads", () => !formerly.includes(found() ?? formerly[0] ?? -1), withinMs);
    return this.leader;
  }

  /** Proposes `sizeBytes` at every node that leads, every so often, for ever. */
  load(everyMs: number, sizeBytes: number): void {
    this.propose(1, sizeBytes);
    this.#timeline.after(everyMs * 1000, () => this.load(everyMs, sizeBytes));
  }

  /** Proposes commands at every node that believes to lead. */
  propose(count: number, sizeBytes: number): void {
    for (const { index, name, process } of this.cluster.nodes) {
      if (process === null || this.cluster.raft.view(index)?.status().role !== "leader") continue;
      const raft = process.system.refAt<RaftActorMessage>({ node: name, path: "raft" });
      const payload = new Uint8Array(sizeBytes);
      process.life.enter(() => {
        for (let at = 0; at < count; at++) process.system.tell(raft, { type: "propose", payload });
      });
    }
  }

  close(): void {
    this.cluster.close();
  }

  #compose(node: SimNode): void {
    const { process } = node;
    if (process === null) throw new Error(`Node ${node.index} has no process`);
    const { system, store, snapshots } = process;
    const machine: Machine = { applied: 0, commands: 0, restored: [] };
    this.#machines.set(node.index, machine);
    const raft = system.refAt<RaftActorMessage>({ node: node.name, path: "raft" });
    const subscriber = system.spawn(this.#subscriber(raft, machine), { name: "machine" });
    const behavior = raftActor({
      voters: this.cluster.names,
      store,
      snapshots,
      subscriber,
      limits: this.#options.limits ?? {},
      snapshotting: this.#options.snapshotting ?? {},
      onStart: (view) => this.cluster.raft.onStart(node.index, view),
    });
    system.spawn(behavior, RAFT_SPAWN_OPTIONS);
  }

  #subscriber(raft: Ref<RaftActorMessage>, machine: Machine): Behavior<null, RaftEvent> {
    const views = new Map<number, number>();
    const full = Math.floor((this.#options.snapshotBytes ?? 0) / CHUNK_BYTES);
    return stateless<RaftEvent>("machine", (event, ctx) => {
      switch (event.type) {
        case "committed":
          for (const { index, type } of event.entries) {
            machine.applied = index;
            if (type === "command") this.#onCommand(machine);
          }
          return;
        case "take-snapshot":
          views.set(event.request, machine.commands);
          return ctx.tell(raft, { type: "snapshot-taken", request: event.request, index: machine.applied });
        case "next-chunk": {
          const { request, number } = event;
          const last = number === full;
          const bytes = last ? jsonCodec.encode(views.get(request) ?? 0) : new Uint8Array(CHUNK_BYTES);
          return ctx.tell(raft, { type: "snapshot-chunk", request, number, bytes, last });
        }
        case "restore":
          if (!event.last) return;
          machine.commands = jsonCodec.decode(event.bytes) as number;
          machine.applied = event.index;
          machine.restored.push(event.index);
          return;
        default:
      }
    });
  }

  #onCommand(machine: Machine): void {
    machine.commands += 1;
    if (machine.commands > this.#actedMs.length) this.#actedMs.push(this.nowMs);
  }
}

function fairWeather(delayUs: number): Weather {
  return {
    network: {
      delayMinUs: delayUs,
      delayMeanUs: 100,
      loss: 0,
      spikes: 0,
      spikeUs: 0,
      duplicates: 0,
      reordered: 0,
      spread: 1,
    },
    disk: { syncMinUs: 200, syncMeanUs: 200, slowness: 1 },
    guests: { spawnMaxUs: 1, bootMinUs: 1, bootMaxUs: 1, startFailures: 0, deafness: 0 },
    drift: false,
    strict: false,
  };
}
