/** Faults of the links: cuts of directions, resets. */
import type { Cluster } from "../cluster/cluster.ts";
import type { FaultEndings } from "./fault-endings.ts";

export class NetworkFaults {
  readonly #cluster: Cluster;
  readonly #endings: FaultEndings;

  constructor(cluster: Cluster, endings: FaultEndings) {
    this.#cluster = cluster;
    this.#endings = endings;
  }

  cut({
    what,
    directions,
    breaks,
    durationUs,
  }: {
    readonly what: string;
    readonly directions: readonly (readonly [number, number])[];
    readonly breaks: boolean;
    readonly durationUs: number;
  }): void {
    const { network, timeline } = this.#cluster;
    timeline.note(`fault ${what}`);
    for (const [from, to] of directions) network.link(from, to).cut(from, breaks);
    this.#endings.after(durationUs, (core) => {
      const healed = core === null ? directions : directions.filter((pair) => pair.every((node) => core.has(node)));
      timeline.note(`heal ${what}`);
      for (const [from, to] of healed) network.link(from, to).heal(from);
    });
  }

  /** False when the link is not up. */
  reset([one, other]: readonly [number, number]): boolean {
    const link = this.#cluster.network.link(one, other);
    const { up } = link;
    link.break("reset");
    return up;
  }
}
