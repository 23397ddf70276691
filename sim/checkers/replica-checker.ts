/**
 * State-machine safety: whoever has applied the same index has the same map, by fingerprint.
 *
 * A fingerprint is read where a replica comes to rest after an event and, so that replicas which take entries in batches are
 * compared too, at every `STRIDE`th index.
 */
import type { ClusterView } from "../../actors/index.ts";
import type { Timeline } from "../timeline.ts";

const STRIDE = 64;

export class ReplicaChecker {
  comparisons = 0;
  readonly #timeline: Timeline;
  /** By index: the fingerprint of whoever was there first. */
  readonly #fingerprints = new Map<number, { readonly fingerprint: string; readonly node: number }>();
  /** By node: its map and how far it was when last looked at. */
  readonly #replicas = new Map<number, { readonly view: ClusterView; applied: number; checked: number }>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  view(node: number): ClusterView | undefined {
    return this.#replicas.get(node)?.view;
  }

  onApply(node: number, view: ClusterView): void {
    let replica = this.#replicas.get(node);
    if (replica?.view !== view) {
      replica = { view, applied: 0, checked: 0 };
      this.#replicas.set(node, replica);
    }
    if (view.applied !== replica.applied + 1) {
      this.#timeline.fail("applied-in-order", `Node ${node} applied ${view.applied} after ${replica.applied}`);
    }
    replica.applied = view.applied;
    if (view.applied % STRIDE === 0) this.#compare(node, view);
  }

  onEnd(node: number): void {
    this.#replicas.delete(node);
  }

  check(node: number): void {
    const replica = this.#replicas.get(node);
    if (replica === undefined || replica.checked === replica.applied) return;
    replica.checked = replica.applied;
    this.#timeline.note(`applied ${node} ${replica.applied}`);
    this.#compare(node, replica.view);
  }

  #compare(node: number, { applied, fingerprint }: ClusterView): void {
    const first = this.#fingerprints.get(applied);
    if (first === undefined) {
      this.#fingerprints.set(applied, { fingerprint, node });
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
