/** Which links a partition cuts, each in one direction. */
import type { FaultTarget } from "./fault.ts";

export interface Link {
  readonly from: string;
  readonly to: string;
}

export interface PartitionOptions {
  readonly names: readonly string[];
  /** Null when nobody leads: then one that `pick` decides takes its place. */
  readonly leader: string | null;
  /** In [0, 1). */
  readonly pick: number;
}

export function linksToCut(target: FaultTarget, { names, leader, pick }: PartitionOptions): readonly Link[] {
  const one = leader ?? at(names, pick);
  const others = names.filter((name) => name !== one);
  const outward = others.map((to) => ({ from: one, to }));
  const inward = others.map((from) => ({ from, to: one }));
  switch (target) {
    case "leader-mute":
      return outward;
    case "leader-deaf":
      return inward;
    case "two-apart": {
      const other = at(others, pick);
      return between([one], [other]);
    }
    case "minority-apart": {
      const first = Math.floor(pick * names.length);
      const turned = [...names.slice(first), ...names.slice(0, first)];
      const size = Math.floor((names.length - 1) / 2);
      return between(turned.slice(0, size), turned.slice(size));
    }
    default:
      return [...outward, ...inward];
  }
}

/** Both directions. */
function between(some: readonly string[], others: readonly string[]): readonly Link[] {
  return some.flatMap((one) =>
    others.flatMap((other) => [
      { from: one, to: other },
      { from: other, to: one },
    ]),
  );
}

function at(names: readonly string[], pick: number): string {
  return names[Math.floor(pick * names.length)] ?? "";
}
