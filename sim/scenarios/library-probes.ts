/** After the faults: each node must reach the singleton and every entity. A probe that was lost is sent again. */
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";

/** A probe without an answer is sent again after this. */
const RESEND_US = 2_000_000;

interface Probe {
  readonly node: number;
  readonly key: string;
  sentUs: number;
  isHandled: boolean;
}

export class LibraryProbes {
  readonly #cluster: Cluster;
  readonly #keys: readonly string[];
  readonly #tell: (node: SimNode, key: string, number: number) => void;
  /** Their numbers are negative: -1 - index. */
  #probes: readonly Probe[] = [];

  constructor(cluster: Cluster, keys: readonly string[], tell: (node: SimNode, key: string, number: number) => void) {
    this.#cluster = cluster;
    this.#keys = keys;
    this.#tell = tell;
  }

  /** True when the message was a probe. */
  onHandled(number: number): boolean {
    if (number >= 0) return false;
    const probe = this.#probes[-1 - number];
    if (probe !== undefined) probe.isHandled = true;
    return true;
  }

  /** Sends what is due; says which probe has not been handled. */
  unanswered(): string | null {
    const { nodes, timeline } = this.#cluster;
    if (this.#probes.length === 0) {
      this.#probes = nodes.flatMap(({ index }) =>
        this.#keys.map((key) => ({ node: index, key, sentUs: -RESEND_US, isHandled: false })),
      );
    }
    for (const [at, probe] of this.#probes.entries()) {
      if (probe.isHandled || timeline.nowUs - probe.sentUs < RESEND_US) continue;
      probe.sentUs = timeline.nowUs;
      this.#tell(this.#cluster.node(probe.node), probe.key, -1 - at);
    }
    const open = this.#probes.find(({ isHandled }) => !isHandled);
    return open === undefined ? null : `"${open.key}" has not handled what node ${open.node} told it`;
  }
}
