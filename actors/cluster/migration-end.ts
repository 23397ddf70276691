/**
 * The end of a migration without a move: whatever takes an instance, a wish or a lease away from under it ends it in the same command, and so does
 * replicated time, which the leader keeps: nodes that are silent about it, or never begin, hold room for it no longer.
 */
import type { Migration, Vm } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";

/** The VM without its migration, for the caller to put; as it was when there is none. */
export function withoutMigration(set: ChangeSet, vm: Vm, message: string): Vm {
  const { migration, ...status } = vm.status;
  if (migration === undefined || status.instance === null) return vm;
  const { name } = vm.metadata;
  const { id, node, phase } = migration;
  const isCold = phase === "stopping";
  // By then its guest is being stopped, if it is not.
  const rest = isCold ? "and it starts wherever there is room" : `and it stays on node "${status.instance.node}"`;
  const told = `Migration of VM "${name}" to node "${node}" has ended, ${rest}: ${message}`;
  set.record({ type: "Warning", reason: "MigrationEnded", message: told, regarding: { kind: "Vm", name } });
  const lastMigration = {
    id,
    from: status.instance.node,
    to: node,
    outcome: "ended",
    ...(isCold && { cold: true }),
    message,
    atMs: set.atMs,
  } as const;
  return { ...vm, status: { ...status, lastMigration } };
}

/** Ends what is on its way to a node: its lease is over, or another one begins. What goes on from it is its instances', each put once a command. */
export function endMigrationsTo(set: ChangeSet, node: string, message: string): void {
  for (const vm of set.map.migrationsTo(node)) set.putVm(withoutMigration(set, vm, message));
}

/**
 * Beyond its own time-out, which its source keeps from when it takes it on: replicated time goes in steps of 10 s, so what is in the map when a
 * migration begins may be that old; and a source that gives up by itself says why.
 */
const OVERDUE_MS = 30_000;

/** Below it members would not end it, and hold room that others do not. */
const LEVEL_OF_ENDS = 4;

/** Replicated time from which on a migration that begins now is over. */
export function timeBound({ timeMs, level }: ChangeSet, timeoutMs: number): Pick<Migration, "untilMs"> {
  return level < LEVEL_OF_ENDS ? {} : { untilMs: timeMs + timeoutMs + OVERDUE_MS };
}

export function endOverdueMigrations(set: ChangeSet, timeMs: number): void {
  for (const vm of set.map.migrating()) {
    const { migration } = vm.status;
    if (migration?.untilMs === undefined || migration.untilMs > timeMs) continue;
    const why = "its time is over, and its nodes have not said what became of it";
    set.putVm(withoutMigration(set, vm, why));
  }
}
