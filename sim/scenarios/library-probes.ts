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
  readonly #probes: Probe[] = [];

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

  /** Sends what is due at these nodes, to those keys that are asked for; says which of these probes has not been handled. */
  unanswered(at: readonly SimNode[], isAskedFor: (key: string) => boolean): string | null {
    const { timeline } = this.#cluster;
    let open: Probe | undefined;
    for (const { index: node } of at) {
      if (!this.#probes.some((probe) => probe.node === node)) {
        for (const key of this.#keys) this.#probes.push({ node, key, sentUs: -RESEND_US, isHandled: false });
      }
    }
    const asked = new Set(at.map(({ index }) => index));
    for (const [number, probe] of this.#probes.entries()) {
      if (probe.isHandled || !asked.has(probe.node) || !isAskedFor(probe.key)) continue;
      open ??= probe;
      if (timeline.nowUs - probe.sentUs < RESEND_US) continue;
      probe.sentUs = timeline.nowUs;
      this.#tell(this.#cluster.node(probe.node), probe.key, -1 - number);
    }
    return open === undefined ? null : `"${open.key}" has not handled what node ${open.node} told it`;
  }
}
