/** The end of an instance: by its node's word, or because its lease is over. What the VM wanted decides what follows. */
import type { Instance, Vm } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";
import { arrived, isToArrive } from "./cold-move.ts";
import { withoutMigration } from "./migration-end.ts";

export interface InstanceEnd {
  /** The guest ended by itself, and its restart policy says that this is the end. */
  readonly completed: boolean;
  /** For people: why it ended. */
  readonly message: string;
  readonly reason: "Stopped" | "Completed" | "InstanceLost" | "StartFailed";
}

/** Takes the instance off its VM. A VM that is being deleted goes with it; one that should run is pending again, or begins at the target of a move. */
export function endInstance(set: ChangeSet, known: Vm, end: InstanceEnd): void {
  const { instance } = known.status;
  if (instance === null) return;
  const phase = phaseAfter(known, instance, end.completed);
  const arrives = phase === "Pending" && isToArrive(set, known);
  const vm = arrives ? known : withoutMigration(set, known, "its instance has ended");
  const { name } = vm.metadata;
  const regarding = { kind: "Vm", name } as const;
  const type = end.reason === "InstanceLost" || end.reason === "StartFailed" ? "Warning" : "Normal";
  set.record({
    type,
    reason: end.reason,
    message: `Instance ${instance.id} of VM "${name}" has ended: ${end.message}`,
    regarding,
  });
  if (vm.metadata.deletedAtMs !== undefined) {
    set.remove(vm);
    set.record({ reason: "Deleted", message: `VM "${name}" is deleted`, regarding });
    return;
  }
  if (arrives) {
    set.putVm(arrived(set, vm));
    return;
  }
  const status: Vm["status"] = {
    ...vm.status,
    phase,
    health: "unknown",
    instance: null,
    lastInstance: { id: instance.id, node: instance.node },
    addresses: [],
    message: end.message,
    sinceMs: set.atMs,
  };
  set.putVm({ ...vm, status });
}

function phaseAfter(vm: Vm, instance: Instance, completed: boolean): "Pending" | "Stopped" | "Completed" {
  if (!vm.spec.running) return "Stopped";
  // What ended for good was what an older spec asked for; the newer one has not run yet.
  return completed && instance.generation === vm.metadata.generation ? "Completed" : "Pending";
}
