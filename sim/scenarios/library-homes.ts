/** Where the singleton and the shards of `library-scenario.ts` live, as a replica has it, and whether that is as it must be once all has settled. */
import type { ClusterView } from "../../actors/index.ts";
import type { TenureChecker } from "../checkers/tenure-checker.ts";
import type { Scope } from "./scope.ts";

export const SHARDS = 12;
export const SINGLETON = "ledger";

/** Entities are called `e` and a number. */
export function shardOf(entity: string): number {
  return Number(entity.slice(1)) % SHARDS;
}

export class LibraryHomes {
  readonly #names: readonly string[];
  readonly #tenures: TenureChecker;

  constructor(names: readonly string[], tenures: TenureChecker) {
    this.#names = names;
    this.#tenures = tenures;
  }

  /** What is not yet as it must be; null: nothing. */
  unsettled(view: ClusterView, scope: Scope): string | null {
    return this.#unsettledSingleton(view, scope) ?? this.#unsettledShards(view, scope);
  }

  /**
   * The node where that singleton or entity lives. Outside of the core it may be one that the leader hears and not everybody in the core: then it
   * stays there, as its session does, and who cannot reach that node cannot reach it.
   */
  homeOf(key: string, { coordination }: ClusterView): number {
    const home =
      key === SINGLETON ? coordination.lease(key)?.node : coordination.shardsOf("entities")[shardOf(key)]?.home?.node;
    return this.#names.indexOf(home ?? "");
  }

  /** A copy outside of the core may live on, in a process that stands still for ever; it does not act (`TenureChecker`). */
  #unsettledSingleton({ coordination }: ClusterView, scope: Scope): string | null {
    const lease = coordination.lease(SINGLETON);
    if (lease === undefined) return `nobody holds lease "${SINGLETON}"`;
    const copies = this.#tenures.living(SINGLETON);
    const living = copies.filter(({ node, fence }) => scope.has(node) || fence === lease.fence);
    if (living.length === 1 && living[0]?.fence === lease.fence) return null;
    return `lease "${SINGLETON}" has fence ${lease.fence}; there live ${living.map(({ fence }) => fence).join(", ")}`;
  }

  #unsettledShards({ coordination }: ClusterView, scope: Scope): string | null {
    const counts = new Map<string, number>(this.#names.map((name) => [name, 0]));
    const shards = coordination.shardsOf("entities");
    if (shards.length < SHARDS) return "there are no shards";
    for (const { shard, home, handingOff } of shards) {
      if (home === null) return `shard ${shard} has no home`;
      if (handingOff) return `shard ${shard} is being handed off`;
      counts.set(home.node, (counts.get(home.node) ?? 0) + 1);
    }
    const [fewest, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
    if (!scope.isWhole) return null;
    return most - fewest <= 1 ? null : `one node is the home of ${most} shards, another of ${fewest}`;
  }
}
