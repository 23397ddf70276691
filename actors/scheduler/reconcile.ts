/** First stage: which VMs need a place. Oldest first, so that a newcomer does not overtake what has waited. */
import type { Vm } from "../resources/index.ts";

export function reconcile(vms: Iterable<Vm>): readonly Vm[] {
  return [...vms].filter(needsPlace).toSorted(byAge);
}

function needsPlace({ metadata, spec, status }: Vm): boolean {
  return spec.running && metadata.deletedAtMs === undefined && status.phase === "Pending" && status.instance === null;
}

function byAge(a: Vm, b: Vm): number {
  const ageMs = a.metadata.createdAtMs - b.metadata.createdAtMs;
  return ageMs === 0 ? (a.metadata.name < b.metadata.name ? -1 : 1) : ageMs;
}
