/** The end of a migration without a move: whatever takes an instance, a wish or a lease away from under it ends it in the same command. */
import type { Vm } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";

/** The VM without its migration, for the caller to put; as it was when there is none. */
export function withoutMigration(set: ChangeSet, vm: Vm, message: string): Vm {
  const { migration, ...status } = vm.status;
  if (migration === undefined || status.instance === null) return vm;
  const { name } = vm.metadata;
  const { id, node } = migration;
  const told = `Migration of VM "${name}" to node "${node}" has ended, and it stays on node "${status.instance.node}": ${message}`;
  set.record({ type: "Warning", reason: "MigrationEnded", message: told, regarding: { kind: "Vm", name } });
  const lastMigration = {
    id,
    from: status.instance.node,
    to: node,
    outcome: "ended",
    message,
    atMs: set.atMs,
  } as const;
  return { ...vm, status: { ...status, lastMigration } };
}

/** Ends what is on its way to a node: its lease is over, or another one begins. What goes on from it is its instances', each put once a command. */
export function endMigrationsTo(set: ChangeSet, node: string, message: string): void {
  for (const vm of set.map.migrationsTo(node)) set.putVm(withoutMigration(set, vm, message));
}
