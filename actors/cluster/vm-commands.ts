/**
 * What users ask for: VMs made, changed, started, stopped and deleted. Nothing here touches an instance.
 *
 * Specs were checked where they came in (`../resources/validate-vm.ts`) and are not checked again: replicas of two versions
 * of the software must apply alike, so what a valid spec is may not decide anything here.
 */
import { API_VERSION, type Vm, type VmSpec, type VmStatus } from "../resources/index.ts";
import { isEqual } from "./is-equal.ts";
import type { ChangeSet } from "./change-set.ts";
import { whyNotStartFrom } from "./checkpoint-rules.ts";
import type { CommandOf } from "./commands.ts";
import { cycleOf } from "./dependency-rules.ts";
import { withoutMigration } from "./migration-end.ts";
import { Refusal } from "./refusal.ts";
import type { About } from "./first-outcome.ts";

export function createVm(set: ChangeSet, command: CommandOf<"create-vm">): About | Refusal {
  const existing = set.map.vm(command.name);
  if (existing === undefined) {
    return refuseSpec(set, "create", command) ?? make(set, command);
  }
  const state = existing.metadata.deletedAtMs === undefined ? "exists" : "is still being deleted";
  return new Refusal("already-exists", `Cannot create VM "${command.name}": a VM of that name ${state}`);
}

export function applyVm(set: ChangeSet, command: CommandOf<"apply-vm">): About | Refusal {
  const { name, labels, spec, expectedVersion } = command;
  const vm = set.map.vm(name);
  if (vm === undefined) {
    if (expectedVersion === undefined) {
      return refuseSpec(set, "apply", command) ?? make(set, command);
    }
    return new Refusal(
      "conflict",
      `Cannot apply VM "${name}": expected version ${expectedVersion}, but it does not exist`,
    );
  }
  if (vm.metadata.deletedAtMs !== undefined) {
    return new Refusal("conflict", `Cannot apply VM "${name}": it is being deleted; apply it again when it is gone`);
  }
  if (expectedVersion !== undefined && expectedVersion !== vm.metadata.version) {
    const found = `expected version ${expectedVersion}, it has ${vm.metadata.version}; read it again`;
    return new Refusal("conflict", `Cannot apply VM "${name}": ${found}`);
  }
  if (!isEqual(vm.spec, spec)) {
    const refusal = refuseSpec(set, "apply", command);
    if (refusal !== null) return refusal;
    changeSpec(set, vm, { labels, spec });
  } else if (!isEqual(vm.metadata.labels, labels)) {
    set.putVm({ ...vm, metadata: { ...vm.metadata, labels } });
  }
  return aboutVm(vm);
}

export function setRunning(set: ChangeSet, command: CommandOf<"set-running">): About | Refusal {
  const { name, running } = command;
  const verb = running ? "start" : "stop";
  const vm = set.map.vm(name);
  if (vm === undefined) return new Refusal("not-found", `Cannot ${verb} VM "${name}": there is none of that name`);
  if (vm.metadata.deletedAtMs !== undefined) {
    return new Refusal("conflict", `Cannot ${verb} VM "${name}": it is being deleted`);
  }
  if (vm.spec.running !== running) {
    changeSpec(set, vm, { labels: vm.metadata.labels, spec: { ...vm.spec, running } });
  } else if (running && vm.status.phase === "Completed") {
    // It should run and has ended for good by its restart policy: a start is the user's word to run it once more.
    set.putVm({ ...vm, status: idleStatus(set, "Pending", vm) });
  }
  return aboutVm(vm);
}

export function deleteVm(set: ChangeSet, command: CommandOf<"delete-vm">): About | Refusal {
  const { name } = command;
  const vm = set.map.vm(name);
  if (vm === undefined) return new Refusal("not-found", `Cannot delete VM "${name}": there is none of that name`);
  if (vm.status.instance === null) {
    set.remove(vm);
    set.record({ reason: "Deleted", message: `VM "${name}" is deleted`, regarding: { kind: "Vm", name } });
  } else if (vm.metadata.deletedAtMs === undefined) {
    const rest = withoutMigration(set, vm, "the VM is to go");
    set.putVm({ ...rest, metadata: { ...vm.metadata, deletedAtMs: set.atMs } });
    set.record({ reason: "Deleting", message: `VM "${name}" is to go`, regarding: { kind: "Vm", name } });
  }
  return aboutVm(vm);
}

export function aboutVm(vm: Vm): About {
  return { kind: "Vm", name: vm.metadata.name, uid: vm.metadata.uid };
}

interface Wanted {
  readonly labels: Vm["metadata"]["labels"];
  readonly spec: VmSpec;
}

function make(set: ChangeSet, { name, labels, spec }: Wanted & { readonly name: string }): About {
  const vm: Vm = {
    apiVersion: API_VERSION,
    kind: "Vm",
    metadata: { name, uid: `vm-${set.index}`, version: set.index, generation: 1, createdAtMs: set.atMs, labels },
    spec,
    status: idleStatus(set, spec.running ? "Pending" : "Stopped"),
  };
  set.putVm(vm);
  set.record({ reason: "Created", message: `VM "${name}" is created`, regarding: { kind: "Vm", name } });
  return aboutVm(vm);
}

type NamedSpec = Pick<CommandOf<"create-vm">, "name" | "spec">;

function refuseSpec(set: ChangeSet, verb: "create" | "apply", wanted: NamedSpec): Refusal | null {
  return refuseOrigin(set, verb, wanted) ?? refuseCycle(set, verb, wanted) ?? refuseCards(set, verb, wanted);
}

/** Two cards of one address in one network take each other's frames away. Only cards that name one are looked at, and those are of level 4. */
function refuseCards(set: ChangeSet, verb: "create" | "apply", { name, spec }: NamedSpec): Refusal | null {
  for (const { name: card, kind, mac } of spec.networks ?? []) {
    const holder = kind === "tap" && mac !== undefined ? set.map.cardHolder(mac.toLowerCase(), name) : undefined;
    if (holder === undefined) continue;
    const why = `its network "${card}" is to have the address ${mac}, which a card of VM "${holder}" has`;
    return new Refusal("conflict", `Cannot ${verb} VM "${name}": ${why}; leave "mac" out, or choose another`);
  }
  return null;
}

/** Only what names a checkpoint is looked at, and that is of level 3: all replicas decide alike. */
function refuseOrigin(
  set: ChangeSet,
  verb: "create" | "apply",
  { name, spec }: { readonly name: string; readonly spec: VmSpec },
): Refusal | null {
  const objection = whyNotStartFrom(spec, set.map.checkpoint(spec.checkpoint ?? ""), set.level);
  return objection === null ? null : new Refusal(objection.code, `Cannot ${verb} VM "${name}": ${objection.why}`);
}

/** As with checkpoints: only what names other VMs is looked at, and that is of level 3. */
function refuseCycle(
  set: ChangeSet,
  verb: "create" | "apply",
  { name, spec }: { readonly name: string; readonly spec: VmSpec },
): Refusal | null {
  const cycle = cycleOf(name, spec, (other) => set.map.vm(other));
  if (cycle === null) return null;
  return new Refusal(
    "invalid",
    `Cannot ${verb} VM "${name}": it would wait for itself: ${cycle}; take one of them out`,
  );
}

/** A VM without instance takes the new spec at once; else the controller has the instance stopped, and it is placed anew. */
export function changeSpec(set: ChangeSet, known: Vm, { labels, spec }: Wanted): void {
  const vm = withoutMigration(set, known, "the VM has a new spec");
  const { name } = vm.metadata;
  const status = vm.status.instance === null ? idleStatus(set, spec.running ? "Pending" : "Stopped", vm) : vm.status;
  set.putVm({ ...vm, metadata: { ...vm.metadata, labels, generation: vm.metadata.generation + 1 }, spec, status });
  const what = spec.running === vm.spec.running ? "has a new spec" : spec.running ? "is to start" : "is to stop";
  set.record({ reason: "Changed", message: `VM "${name}" ${what}`, regarding: { kind: "Vm", name } });
}

/** Of a VM that nothing runs of. `earlier`: what it was until now, whose last log can still be read. */
function idleStatus(set: ChangeSet, phase: "Pending" | "Stopped", earlier?: Vm): VmStatus {
  return {
    phase,
    health: "unknown",
    instance: null,
    lastInstance: earlier?.status.lastInstance ?? null,
    addresses: [],
    restarts: 0,
    message: "",
    sinceMs: set.atMs,
  };
}
