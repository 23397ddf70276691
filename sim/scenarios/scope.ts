/**
 * Of whom it is asked at the end of a run that all is well: of everybody, or of the core that was healed while nothing else was.
 *
 * Who is outside of the core may still take part, as far as it is left to: it may even lead, and then reach some of the core only. A leader
 * outside owes nothing to those who do not hear it; that the core makes progress is asked of it all the same.
 */
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { CoreEnd } from "../faults/core-ending.ts";

export class Scope {
  readonly #cluster: Cluster;
  readonly #end: CoreEnd | null;

  /** `end`: null for everybody. */
  constructor(cluster: Cluster, end: CoreEnd | null) {
    this.#cluster = cluster;
    this.#end = end;
  }

  /** Whether everybody counts. */
  get isWhole(): boolean {
    return this.#end === null;
  }

  has(node: number): boolean {
    return this.#end === null || this.#end.core.has(node);
  }

  /** Who is to be asked for something now: whom the leader serves, and all while there is none. Null: anybody. */
  asked(): ReadonlySet<number> | null {
    if (this.#end === null) return null;
    const leader = this.leader();
    const served = leader === undefined ? [] : this.served(leader).map(({ index }) => index);
    return served.length === 0 ? this.#end.core : new Set(served);
  }

  /** The latest term that one of them is in. */
  term(): number {
    const { nodes, raft } = this.#cluster;
    return Math.max(0, ...nodes.map(({ index }) => (this.has(index) ? (raft.view(index)?.status().term ?? 0) : 0)));
  }

  /** Entries on the disk with most of them that the last of those who are needed for a quorum lacks. */
  lag(): number {
    const { nodes } = this.#cluster;
    const ends = nodes.map(({ index, disk }) => (this.has(index) ? disk.durableLastIndex : 0));
    ends.sort((one, other) => other - one);
    return (ends[0] ?? 0) - (ends[Math.floor(nodes.length / 2)] ?? 0);
  }

  /** Who leads; nobody while the one of the latest term stands still. */
  leader(): number | undefined {
    const leader = this.#cluster.raft.leader();
    return leader === undefined || this.#cluster.node(leader).paused ? undefined : leader;
  }

  /** The nodes that must be as up to date as a leader is. */
  served(leader: number): readonly SimNode[] {
    const { nodes, raft } = this.#cluster;
    if (this.#end === null) return nodes;
    const { core, hub } = this.#end;
    const inCore = nodes.filter(({ index }) => core.has(index));
    if (core.has(leader) && (hub === null || hub === leader)) return inCore;
    const self = raft.view(leader)?.status().self;
    return inCore.filter(({ index }) => {
      return index === leader || (raft.view(index)?.status().leader === self && this.#reaches(index, leader));
    });
  }

  /** One that hears a leader and is not heard by it follows, and falls behind: it gets no more than what may be under way to it. */
  #reaches(node: number, leader: number): boolean {
    return this.#cluster.network.link(node, leader).lane(node).cuts === 0;
  }
}
