/**
 * Third stage: the best of the feasible nodes.
 *
 * Spread, in this order: a node that did not fail to start it, else the one that failed the longest ago; the fewest VMs of the same application, so that the loss of a node takes as little of it as can be;
 * the most memory left; the name, so that every run decides alike.
 */
import type { Room } from "../cluster/rooms.ts";
import type { Vm } from "../resources/index.ts";

/** VMs with the same value of this label are one application. One without it is spread among those without. */
const APP_LABEL = "app";

/** How many instances each application has on each node. */
export class Spread {
  readonly #counts = new Map<string, number>();

  count(vm: Vm, node: string): number {
    return this.#counts.get(key(vm, node)) ?? 0;
  }

  add(vm: Vm, node: string): void {
    this.#counts.set(key(vm, node), this.count(vm, node) + 1);
  }
}

/** The best room; undefined when there is none. */
export function best(vm: Vm, rooms: readonly Room[], spread: Spread): Room | undefined {
  return rooms.toSorted((a, b) => compare(vm, spread, a, b))[0];
}

function compare(vm: Vm, spread: Spread, a: Room, b: Room): number {
  const [nameA, nameB] = [a.node.metadata.name, b.node.metadata.name];
  const failures = failedAt(vm, nameA) - failedAt(vm, nameB);
  if (failures !== 0) return failures;
  const neighbours = spread.count(vm, nameA) - spread.count(vm, nameB);
  if (neighbours !== 0) return neighbours;
  if (a.memoryFreeMiB !== b.memoryFreeMiB) return b.memoryFreeMiB - a.memoryFreeMiB;
  return nameA < nameB ? -1 : 1;
}

/** The later it failed there, the larger; -1 for a node that it has not failed on. */
function failedAt({ status }: Vm, node: string): number {
  return status.failedOn?.findIndex((failed) => failed.node === node) ?? -1;
}

function key(vm: Vm, node: string): string {
  return `${node}/${vm.metadata.labels[APP_LABEL] ?? ""}`;
}
