/**
 * What one command does to the map: the door through which the command files read and write it.
 *
 * It stamps versions, records Events for people in a bounded ring, and collects the changes for those who watch. A command
 * first decides, then writes: one that refuses has written nothing.
 */
import {
  API_VERSION,
  type Checkpoint,
  type Event,
  type EventSpec,
  type Kind,
  type Migration,
  type Node,
  type Resource,
  type Vm,
} from "../resources/index.ts";
import type { Proposal } from "./commands.ts";
import { invariant } from "./cluster-invariant.ts";
import type { Change } from "./replica-protocol.ts";
import type { ResourceMap } from "./resource-map.ts";

/** Events that are kept: some hours of a busy cluster, about 500 kB. Past it the oldest goes. */
export const EVENTS_MAX = 1000;

export interface ChangeSetOptions {
  readonly map: ResourceMap;
  readonly index: number;
  readonly proposal: Proposal;
  readonly eventsMax: number;
  /** The cluster's (`cluster-level.ts`). */
  readonly level: number;
  /** Replicated time. */
  readonly timeMs: number;
  /** As of ClusterLimits. Default: false. */
  readonly dependenciesIgnored?: boolean;
}

export class ChangeSet {
  readonly map: ResourceMap;
  readonly index: number;
  /** The proposer's wall clock, for labels only. */
  readonly atMs: number;
  /** Index that the proposer had applied. */
  readonly after: number;
  /** The cluster's. What a command means may change with it, never otherwise. */
  readonly level: number;
  /** Replicated time. */
  readonly timeMs: number;
  readonly dependenciesIgnored: boolean;
  readonly #eventsMax: number;
  readonly #changes: Change[] = [];
  #events = 0;

  constructor(options: ChangeSetOptions) {
    this.map = options.map;
    this.index = options.index;
    this.atMs = options.proposal.atMs;
    this.after = options.proposal.after;
    this.level = options.level;
    this.timeMs = options.timeMs;
    this.#eventsMax = options.eventsMax;
    this.dependenciesIgnored = options.dependenciesIgnored ?? false;
  }

  get changes(): readonly Change[] {
    return this.#changes;
  }

  putVm(vm: Vm): void {
    const { instance, migration } = vm.status;
    if (migration !== undefined) this.#requireMigration(vm, migration);
    if (instance !== null) {
      const node = this.map.node(instance.node);
      invariant(
        node?.status.phase === "Ready" && node.status.epoch === instance.epoch,
        () => `Instance ${instance.id} has lease epoch ${instance.epoch} of node "${instance.node}", which has another`,
      );
    }
    this.#put({ ...vm, metadata: { ...vm.metadata, version: this.index } });
  }

  #requireMigration({ metadata, spec, status: { instance } }: Vm, { id, node: to, epoch, phase }: Migration): void {
    const target = this.map.node(to)?.status;
    invariant(
      target?.phase === "Ready" && target.epoch === epoch && instance !== null && instance.node !== to,
      () => `Migration ${id} goes to node "${to}" under epoch ${epoch}, which is over, or from nowhere`,
    );
    const isWanted = spec.running && metadata.deletedAtMs === undefined && instance.generation === metadata.generation;
    invariant(
      isWanted && instance.stopping === (phase === "stopping") && instance.paused !== true,
      () => `Migration ${id} goes on of an instance that is not wanted as it is`,
    );
  }

  putNode(node: Node): void {
    this.#put({ ...node, metadata: { ...node.metadata, version: this.index } });
  }

  putCheckpoint(checkpoint: Checkpoint): void {
    const { phase, node, id } = checkpoint.status;
    invariant(
      phase !== "Making" || this.map.node(node)?.status.phase === "Ready",
      () => `Checkpoint ${id} is being made by node "${node}", which holds no lease`,
    );
    this.#put({ ...checkpoint, metadata: { ...checkpoint.metadata, version: this.index } });
  }

  remove(resource: Vm | Node | Checkpoint): void {
    this.#remove(resource);
  }

  /** Records something for people. */
  record(happening: {
    readonly type?: EventSpec["type"];
    readonly reason: string;
    readonly message: string;
    readonly regarding: { readonly kind: Kind; readonly name: string };
  }): void {
    const name = `event-${this.index}-${++this.#events}`;
    const { type = "Normal", reason, message, regarding } = happening;
    const event: Event = {
      apiVersion: API_VERSION,
      kind: "Event",
      metadata: { name, uid: name, version: this.index, generation: 1, createdAtMs: this.atMs, labels: {} },
      spec: { type, reason, message, regarding: { ...regarding }, atMs: this.atMs },
    };
    this.#put(event);
    const oldest = this.map.eventCount > this.#eventsMax ? this.map.oldestEvent() : undefined;
    if (oldest !== undefined) this.#remove(oldest);
  }

  #put(resource: Resource): void {
    this.map.put(resource);
    this.#changes.push({ type: "put", resource });
  }

  #remove(resource: Resource): void {
    this.map.remove(resource);
    this.#changes.push({ type: "delete", resource });
  }
}
