/**
 * Dependency rules: which VMs another one waits for before it gets a place, and why a chain of them may not close. The scheduler waits by them and
 * applying `place` verifies by them; what stops in which order is the leader's to see to (`../controller/stop-order.ts`).
 *
 * `after` orders alone, as `After=` of systemd: it waits until a VM runs, and not for one that its user has stopped or that has run to its end.
 * `requires` waits until a VM serves, as `depends_on` with `service_healthy` of docker compose, whatever keeps it from it. Both wait for a VM that
 * does not exist: it may be applied later. What runs already goes on when what it requires fails, stops, moves or goes: one lost VM must not end
 * all that stand on it, and each of them can tell better than the cluster what it cannot do without.
 *
 * Invariant: the graph of all specs has no cycle, since each command that adds edges is refused where it would close one.
 * Decision: docs/decisions/0029-dependencies.md.
 */
import type { Vm, VmSpec } from "../resources/index.ts";
import { isWanted } from "./is-wanted.ts";

/** Finds a VM of the map by its name. */
export type VmOf = (name: string) => Vm | undefined;

type Edges = Pick<VmSpec, "after" | "requires">;

export function hasDependencies({ after, requires }: Edges): boolean {
  return (after?.length ?? 0) + (requires?.length ?? 0) > 0;
}

/** What a VM waits for, as half a sentence: `VM "db" to be healthy; VM "cache", which does not exist`. Null: for nothing. */
export function waitsFor(spec: Edges, vmOf: VmOf): string | null {
  if (!hasDependencies(spec)) return null;
  const required = new Set(spec.requires);
  const after = (spec.after ?? []).filter((name) => !required.has(name));
  const waits = [
    ...[...required].map((name) => whyNotServing(name, vmOf(name))),
    ...after.map((name) => whyNotRun(name, vmOf(name))),
  ].filter((wait) => wait !== null);
  return waits.length === 0 ? null : waits.join("; ");
}

/** How the message of a VM begins that is not placed because of others. */
export const WAITING = "Waits for ";

/** Whether it has no place because of others, which comes to an end without anybody making room. */
export function isWaiting({ spec, status }: Vm): boolean {
  return status.phase === "Pending" && hasDependencies(spec) && status.message.startsWith(WAITING);
}

/** Whether it can be used: as wanted, running, and healthy where it has a health check. */
function isServing(vm: Vm): boolean {
  const { phase, health, instance } = vm.status;
  if (instance === null || !isWanted(vm, instance) || phase !== "Running") return false;
  return vm.spec.health === undefined || health === "healthy";
}

/**
 * The chain by which a VM would wait for itself if its spec were this one: `"web" requires "db", "db" is after "web"`. Null: there is none.
 * Costs what is reached from it.
 */
export function cycleOf(name: string, spec: Edges, vmOf: VmOf): string | null {
  if (!hasDependencies(spec)) return null;
  const seen = new Set<string>();
  const open: Step[] = edgesOf(name, spec, null);
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    if (step.to === name) return describe(step);
    if (seen.has(step.to)) continue;
    seen.add(step.to);
    open.push(...edgesOf(step.to, vmOf(step.to)?.spec ?? {}, step));
  }
  return null;
}

interface Step {
  readonly from: string;
  readonly how: "requires" | "is after";
  readonly to: string;
  readonly before: Step | null;
}

function edgesOf(from: string, { after = [], requires = [] }: Edges, before: Step | null): Step[] {
  return [
    ...after.map((to): Step => ({ from, how: "is after", to, before })),
    ...requires.map((to): Step => ({ from, how: "requires", to, before })),
  ];
}

function describe(last: Step): string {
  const parts: string[] = [];
  for (let step: Step | null = last; step !== null; step = step.before) {
    parts.unshift(`"${step.from}" ${step.how} "${step.to}"`);
  }
  return parts.join(", ");
}

/** Says what only a user can change, and nothing that changes by itself: each new word is an entry of the log. */
function whyNotServing(name: string, vm: Vm | undefined): string | null {
  if (vm === undefined) return `VM "${name}", which does not exist`;
  if (isServing(vm)) return null;
  if (vm.metadata.deletedAtMs !== undefined) return `VM "${name}", which is being deleted`;
  if (!vm.spec.running) return `VM "${name}", which is stopped`;
  if (vm.status.phase === "Completed") return `VM "${name}", which has completed`;
  if (vm.status.instance?.paused === true) return `VM "${name}", which is paused`;
  return `VM "${name}" to ${vm.spec.health === undefined ? "run" : "be healthy"}`;
}

function whyNotRun(name: string, vm: Vm | undefined): string | null {
  if (vm === undefined) return `VM "${name}", which does not exist`;
  if (vm.metadata.deletedAtMs !== undefined) return `VM "${name}", which is being deleted`;
  const { phase, instance } = vm.status;
  if (!vm.spec.running || phase === "Completed") return null;
  const runs = instance !== null && isWanted(vm, instance) && (phase === "Running" || phase === "Paused");
  return runs ? null : `VM "${name}" to run`;
}
