/** Faults of the links: partitions, cuts of one direction, resets. */
import type { Random } from "../runtime/index.ts";
import type { Cluster } from "./cluster.ts";
import type { FaultEndings } from "./fault-endings.ts";
import type { SimNode } from "./sim-node.ts";

/** Share of partitions and of one-way cuts after which a link breaks; the others leave it half open until they end. */
const PARTITION_BREAKS = 0.7;
const CUT_BREAKS = 0.5;

interface Direction {
  readonly from: number;
  readonly to: number;
}

export class NetworkFaults {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #endings: FaultEndings;

  constructor(cluster: Cluster, random: Random, endings: FaultEndings) {
    this.#cluster = cluster;
    this.#random = random;
    this.#endings = endings;
  }

  /** Nothing passes between `group` and the rest. */
  partition(group: ReadonlySet<number>, durationUs: number): void {
    const rest = this.#cluster.nodes.filter(({ index }) => !group.has(index));
    const directions = [...group].flatMap((one) =>
      rest.flatMap(({ index }) => [
        { from: one, to: index },
        { from: index, to: one },
      ]),
    );
    const breaks = this.#random.next() < PARTITION_BREAKS;
    this.#cut(directions, { what: `partition ${[...group].join(",")}`, breaks, durationUs });
  }

  /** False with a single node. */
  cutOneWay(durationUs: number): boolean {
    const { length } = this.#cluster.nodes;
    if (length < 2) return false;
    const from = this.#random.integer(length);
    const to = (from + 1 + this.#random.integer(length - 1)) % length;
    const breaks = this.#random.next() < CUT_BREAKS;
    this.#cut([{ from, to }], { what: `cut ${from}>${to}`, breaks, durationUs });
    return true;
  }

  /** The node is not heard by anybody, or hears nobody; links may break over it. */
  makeHalfDeaf(node: SimNode, durationUs: number): void {
    const breaks = this.#random.next() < CUT_BREAKS;
    const directions = this.#random.next() < 0.5 ? this.#from(node) : this.#to(node);
    this.#cut(directions, { what: `half-deaf ${node.index}`, breaks, durationUs });
  }

  /** What the node says is held back. */
  makeMute(node: SimNode, durationUs: number): void {
    this.#cut(this.#from(node), { what: `mute ${node.index}`, breaks: false, durationUs });
  }

  /** What the node is told is held back. */
  makeDeaf(node: SimNode, durationUs: number): void {
    this.#cut(this.#to(node), { what: `deaf ${node.index}`, breaks: false, durationUs });
  }

  /** False when no link is up. */
  reset(): boolean {
    const up = this.#cluster.network.links().filter((link) => link.up);
    if (up.length === 0) return false;
    up[this.#random.integer(up.length)]?.break("reset");
    return true;
  }

  #from({ index: from }: SimNode): readonly Direction[] {
    return this.#cluster.nodes.filter(({ index }) => index !== from).map(({ index: to }) => ({ from, to }));
  }

  #to({ index: to }: SimNode): readonly Direction[] {
    return this.#cluster.nodes.filter(({ index }) => index !== to).map(({ index: from }) => ({ from, to }));
  }

  #cut(
    directions: readonly Direction[],
    { what, breaks, durationUs }: { readonly what: string; readonly breaks: boolean; readonly durationUs: number },
  ): void {
    const { network, timeline } = this.#cluster;
    timeline.note(`fault ${what}`);
    for (const { from, to } of directions) network.link(from, to).cut(from, breaks);
    this.#endings.after(durationUs, () => {
      timeline.note(`heal ${what}`);
      for (const { from, to } of directions) network.link(from, to).heal(from);
    });
  }
}
