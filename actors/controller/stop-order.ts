/**
 * In which order instances are stopped that are to stop together: the inverse of how they start (`../cluster/dependency-rules.ts`), as systemd does it.
 * A VM that others name ends after those of them that are to end too; one whose dependents go on is stopped all the same, since its user wants that.
 *
 *     not wanted ──▶ a dependent may be about to be stopped too: GATHER_MS ──▶ dependents that end: each its grace and SLACK_MS ──▶ stop
 *
 * It is the leader's to see to and not verified at apply, for it is bounded by time: a dependent that hangs keeps nobody for longer than its own
 * grace, a new leader begins to count anew, and each VM waits but for those that the graph, which has no cycle, puts before it.
 */
import { isWanted } from "../cluster/is-wanted.ts";
import type { Vm } from "../resources/index.ts";

/** Who deletes or stops many says so of one after the other. */
export const GATHER_MS = 500;

/** Over its grace, in which a node forces a guest and says so; after it, the dependent counts for nothing. */
export const SLACK_MS = 10_000;

/** When to look again at what is not bounded by a time of its own, should no change come. */
const LOOK_MS = 1000;

export class StopOrder {
  /** Since when instances are known not to be wanted, or to be stopping. */
  readonly #sinceMs = new Map<string, number>();

  /** How long the stop of `vm`, which is not wanted as it is, has to wait yet, at least; 0: not at all. */
  waitMs(vm: Vm, vms: Iterable<Vm>, nowMs: number): number {
    const { name } = vm.metadata;
    let waitMs = 0;
    for (const other of vms) {
      if (!names(other, name)) continue;
      waitMs = Math.max(waitMs, this.#holdMs(vm, other, nowMs));
    }
    return waitMs;
  }

  /** Nobody waits. */
  clear(): void {
    this.#sinceMs.clear();
  }

  #holdMs({ status: { instance: own } }: Vm, dependent: Vm, nowMs: number): number {
    const { instance } = dependent.status;
    if (instance === null || own === null) return 0;
    if (instance.stopping) {
      return this.#since(instance.id, nowMs) + dependent.spec.stopGraceMs + SLACK_MS - nowMs;
    }
    return isWanted(dependent, instance) ? this.#since(own.id, nowMs) + GATHER_MS - nowMs : LOOK_MS;
  }

  #since(instance: string, nowMs: number): number {
    const sinceMs = this.#sinceMs.get(instance) ?? nowMs;
    this.#sinceMs.set(instance, sinceMs);
    return sinceMs;
  }
}

function names({ spec: { after, requires } }: Vm, name: string): boolean {
  return after?.includes(name) === true || requires?.includes(name) === true;
}
