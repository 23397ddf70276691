/**
 * State-machine safety: whoever has applied the same index has the same map, by fingerprint.
 *
 * A fingerprint covers the whole map, and maps that differ once go on to differ; so it is enough to compare at every
 * `STRIDE`th index, which all replicas pass, also those that take entries in batches; and more rarely in a long run, and where a restarted
 * replica applies again what is long past. Comparing at each index would cost half of a run, at each 64th a twentieth: what changes several
 * times in between is hashed once. A run can be repeated, so nothing is lost by seeing a difference some entries later.
 */
import type { ClusterView } from "../../actors/index.ts";
import type { Timeline } from "../timeline/timeline.ts";

const STRIDE = 256;
const STRIDE_LATER = 1024;
const STRIDE_PAST = 4096;

/** Index up to which it is compared as in a short run. */
const EARLY = 2048;

/** Indexes that are remembered: a million entries back, where no log goes. */
const INDEXES_MAX = 1024;

export class ReplicaChecker {
  comparisons = 0;
  /** What maps are compared by. Default: the fingerprint that they keep. */
  digestOf: (view: ClusterView) => string = ({ fingerprint }) => fingerprint;
  readonly #timeline: Timeline;
  readonly #isSnapshot: (node: number, index: number) => boolean;
  /** Highest index that was compared. */
  #newest = 0;
  /** By index: the fingerprint of whoever was there first. */
  readonly #fingerprints = new Map<number, { readonly fingerprint: string; readonly node: number }>();
  /** By node: its map and how far it was when last looked at. */
  readonly #replicas = new Map<number, { readonly view: ClusterView; applied: number; noted: number }>();

  /** `isSnapshot`: whether a node has a snapshot as of an index; only to such a one may its replica jump. */
  constructor(timeline: Timeline, isSnapshot: (node: number, index: number) => boolean = () => false) {
    this.#timeline = timeline;
    this.#isSnapshot = isSnapshot;
  }

  view(node: number): ClusterView | undefined {
    return this.#replicas.get(node)?.view;
  }

  onApply(node: number, view: ClusterView): void {
    let replica = this.#replicas.get(node);
    if (replica?.view !== view) {
      replica = { view, applied: 0, noted: 0 };
      this.#replicas.set(node, replica);
    }
    const isNext = view.applied === replica.applied + 1;
    if (!isNext && !(view.applied > replica.applied && this.#isSnapshot(node, view.applied))) {
      this.#timeline.fail("applied-in-order", `Node ${node} applied ${view.applied} after ${replica.applied}`);
    }
    replica.applied = view.applied;
    if (view.applied % this.#strideAt(view.applied) === 0) this.#compare(node, view);
  }

  onEnd(node: number): void {
    this.#replicas.delete(node);
  }

  /** Notes how far the replica has come; what it applied on the way is decided by the log. */
  check(node: number): void {
    const replica = this.#replicas.get(node);
    if (replica === undefined || replica.noted === replica.applied) return;
    replica.noted = replica.applied;
    this.#timeline.noteParts("applied", node, replica.applied);
  }

  /** Compares all replicas that have come equally far, whatever the index. */
  checkEnd(): void {
    for (const [node, { view }] of this.#replicas) this.#compare(node, view);
  }

  #strideAt(index: number): number {
    if (index + STRIDE_LATER < this.#newest) return STRIDE_PAST;
    return index <= EARLY ? STRIDE : STRIDE_LATER;
  }

  #compare(node: number, view: ClusterView): void {
    const { applied } = view;
    const fingerprint = this.digestOf(view);
    const first = this.#fingerprints.get(applied);
    if (first === undefined) {
      this.#fingerprints.set(applied, { fingerprint, node });
      const [oldest] = this.#fingerprints.size > INDEXES_MAX ? this.#fingerprints.keys() : [];
      if (oldest !== undefined) this.#fingerprints.delete(oldest);
      this.#newest = Math.max(this.#newest, applied);
      return;
    }
    this.comparisons += 1;
    if (first.fingerprint === fingerprint) return;
    this.#timeline.fail(
      "state-machine-safety",
      `At index ${applied} node ${node} has fingerprint ${fingerprint}, node ${first.node} had ${first.fingerprint}`,
    );
  }
}
