/**
 * Live migration in the map: which node has the instance, and which is to have it. The order of the log decides every race.
 *
 *     migrate-vm ─▶ preparing ─migration-ready─▶ copying ─take-over─▶ the instance is the target's
 *                      └──────── cancel-migration, or the end of either lease ────────▶ the source's, as before
 *
 * Invariants (checked at every put, `change-set.ts`): a migration goes on only of an instance that its VM wants as it is, that is neither paused nor
 * stopping; both nodes hold the leases under which it began; room is held on both. Decision: docs/decisions/0027-live-migration.md.
 */
import type { LastMigration, Migration, Vm } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";
import type { CommandOf } from "./commands.ts";
import type { About } from "./first-outcome.ts";
import { timeBound, withoutMigration } from "./migration-end.ts";
import { whyNotMigrate } from "./migration-rules.ts";
import { Refusal } from "./refusal.ts";
import { aboutVm } from "./vm-commands.ts";

/** Below it `move-vm` is refused, so that nobody is pointed to it. */
const LEVEL_OF_COLD = 4;

export function migrateVm(set: ChangeSet, command: CommandOf<"migrate-vm">): About | Refusal {
  const { name, target, limits } = command;
  const vm = set.map.vm(name);
  if (vm === undefined) return new Refusal("not-found", `Cannot migrate VM "${name}": there is none of that name`);
  const { instance } = vm.status;
  const source = instance === null ? undefined : set.map.node(instance.node);
  const sides = { vm, source, target: set.map.room(target), checkpoint: set.map.checkpoint(vm.spec.checkpoint ?? "") };
  const objection = whyNotMigrate(sides);
  if (objection !== null) {
    // Never in place of the other by itself: what the guest has in its memory would be gone.
    const isHelp = set.level >= LEVEL_OF_COLD && whyNotMigrate(sides, "cold") === null;
    const hint = isHelp ? '; with "--cold" it moves by stop and start' : "";
    return new Refusal(objection.code, `Cannot migrate VM "${name}" to node "${target}": ${objection.why}${hint}`);
  }
  const migration: Migration = {
    id: `${name}-move-${set.index}`,
    node: target,
    epoch: set.map.node(target)?.status.epoch ?? 0,
    phase: "preparing",
    limits,
    ...timeBound(set, limits.timeoutMs),
    startedAtMs: set.atMs,
  };
  set.putVm({ ...vm, status: { ...vm.status, migration } });
  const message = `VM "${name}" is to move from node "${instance?.node}" to node "${target}"`;
  set.record({ reason: "Migrating", message, regarding: { kind: "Vm", name } });
  return aboutVm(vm);
}

export function migrationReady(set: ChangeSet, command: CommandOf<"migration-ready">): About | Refusal {
  const found = goingOn(set, command, "target");
  if (found instanceof Refusal) return found;
  const { vm, migration } = found;
  if (migration.phase === "preparing") {
    const { endpoint } = command;
    set.putVm({ ...vm, status: { ...vm.status, migration: { ...migration, phase: "copying", endpoint } } });
  }
  return aboutVm(vm);
}

export function takeOver(set: ChangeSet, command: CommandOf<"take-over">): About | Refusal {
  const found = goingOn(set, command, "target");
  if (found instanceof Refusal) return found;
  const { vm, migration } = found;
  const { migration: _, instance, ...status } = vm.status;
  if (migration.phase !== "copying" || instance === null) {
    return new Refusal("conflict", `${cannot(command)}: nothing was sent to it yet`);
  }
  const { id, node, epoch, lastPagesMs } = migration;
  const from = instance.node;
  const lastMigration: LastMigration = {
    id,
    from,
    to: node,
    outcome: "moved",
    message: "",
    atMs: set.atMs,
    ...(lastPagesMs !== undefined && { lastPagesMs }),
  };
  const { name } = vm.metadata;
  set.putVm({
    ...vm,
    status: {
      ...status,
      instance: { ...instance, node, epoch },
      addresses: [...command.addresses],
      // Its old node keeps what the guest said until now.
      lastInstance: { id: instance.id, node: from },
      lastMigration,
      message: "",
    },
  });
  const message = `VM "${name}" has moved from node "${from}" to node "${node}"`;
  set.record({ reason: "Migrated", message, regarding: { kind: "Vm", name } });
  return aboutVm(vm);
}

/** While it goes on only its own nodes may speak of it; how long the guest stood still may be told of the last one too. */
export function migrationProgress(set: ChangeSet, command: CommandOf<"migration-progress">): About | Refusal {
  const { stillMs, progress } = command;
  const over = set.map.vm(command.vm);
  if (over !== undefined && over.status.lastMigration?.id === command.migration && stillMs !== undefined) {
    noteStill(set, over, over.status.lastMigration, { node: command.node, stillMs });
    return aboutVm(over);
  }
  const found = goingOn(set, command, "source");
  if (found instanceof Refusal) return found;
  const { vm, migration } = found;
  const known = { ...migration, ...(progress && { progress }), ...(stillMs !== undefined && { lastPagesMs: stillMs }) };
  set.putVm({ ...vm, status: { ...vm.status, migration: known } });
  return aboutVm(vm);
}

export function cancelMigration(set: ChangeSet, command: CommandOf<"cancel-migration">): About | Refusal {
  const { name, message } = command;
  const vm = set.map.vm(name);
  if (vm === undefined) {
    return new Refusal("not-found", `Cannot cancel the migration of VM "${name}": there is none of that name`);
  }
  const { migration } = vm.status;
  if (migration === undefined || (command.migration !== null && migration.id !== command.migration)) {
    const now = vm.status.instance === null ? "runs nowhere" : `is on node "${vm.status.instance.node}"`;
    return new Refusal("stale", `Cannot cancel the migration of VM "${name}": it goes on no more, and the VM ${now}`);
  }
  set.putVm(withoutMigration(set, vm, message));
  return aboutVm(vm);
}

function noteStill(
  set: ChangeSet,
  vm: Vm,
  last: LastMigration,
  { node, stillMs }: { readonly node: string; readonly stillMs: number },
): void {
  if (last.outcome !== "moved" || (node !== last.from && node !== last.to)) return;
  const known = node === last.from ? { ...last, lastPagesMs: stillMs } : { ...last, takeOverMs: stillMs };
  set.putVm({ ...vm, status: { ...vm.status, lastMigration: known } });
  const { lastPagesMs, takeOverMs } = known;
  if (lastPagesMs === undefined || takeOverMs === undefined) return;
  if (last.lastPagesMs !== undefined && last.takeOverMs !== undefined) return;
  const { name } = vm.metadata;
  const message =
    `VM "${name}" stood still for ${lastPagesMs + takeOverMs} ms: ${lastPagesMs} ms for its last pages, ` +
    `${takeOverMs} ms until node "${known.to}" had it going`;
  set.record({ reason: "Blackout", message, regarding: { kind: "Vm", name } });
}

type FromNode = CommandOf<"migration-ready" | "take-over" | "migration-progress">;

/** The migration that a node speaks of, if it is the one that goes on and the node is that side of it, under that lease. */
function goingOn(
  set: ChangeSet,
  command: FromNode,
  side: "source" | "target",
): { readonly vm: Vm; readonly migration: Migration } | Refusal {
  const { node, epoch } = command;
  const vm = set.map.vm(command.vm);
  const migration = vm?.status.migration;
  if (vm === undefined || migration?.id !== command.migration) {
    return new Refusal("stale", `${cannot(command)}: it goes on no more`);
  }
  const holder = side === "target" ? migration : vm.status.instance;
  if (holder?.node !== node || holder.epoch !== epoch) {
    const who = `its ${side} is node "${holder?.node}" under epoch ${holder?.epoch}`;
    return new Refusal("stale", `${cannot(command)} for node "${node}" under epoch ${epoch}: ${who}`);
  }
  return { vm, migration };
}

const VERBS = {
  "migration-ready": "receive",
  "migration-progress": "report on",
  "take-over": "take over after",
} as const;

function cannot({ type, vm, migration }: FromNode): string {
  return `Cannot ${VERBS[type]} migration ${migration} of VM "${vm}"`;
}
