/**
 * A move by stop and start, in the map: the guest is stopped at its node, and another one is started at the target.
 *
 *     move-vm ─▶ stopping ──the instance ends, by its node's word or with its lease──▶ another one begins at the target, in the same command
 *                    └──── a new wish, the end of the target's lease, its time-out ────▶ the scheduler's, wherever there is room
 *
 * Never two copies, by what holds for every instance: nothing takes one off its VM but its own node's word that nothing of it runs and never will
 * again, or the end of that node's lease, and only then another one begins. Room is held on both nodes meanwhile, so that the one that begins has it.
 * Decision: docs/decisions/0033-moves-and-drains.md.
 */
import type { LastMigration, Migration, Vm } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";
import { whyNotFromOn } from "./checkpoint-rules.ts";
import type { CommandOf } from "./commands.ts";
import { waitsFor } from "./dependency-rules.ts";
import type { About } from "./first-outcome.ts";
import { timeBound } from "./migration-end.ts";
import { whyNotMigrate } from "./migration-rules.ts";
import { begun } from "./placement-commands.ts";
import { Refusal } from "./refusal.ts";
import { aboutVm } from "./vm-commands.ts";

export function moveVm(set: ChangeSet, { name, target, timeoutMs }: CommandOf<"move-vm">): About | Refusal {
  const vm = set.map.vm(name);
  if (vm === undefined) return new Refusal("not-found", `Cannot move VM "${name}": there is none of that name`);
  const { instance } = vm.status;
  const source = instance === null ? undefined : set.map.node(instance.node);
  const checkpoint = set.map.checkpoint(vm.spec.checkpoint ?? "");
  const objection = whyNotMigrate({ vm, source, target: set.map.room(target), checkpoint }, "cold");
  if (objection !== null || instance === null) {
    return new Refusal(
      objection?.code ?? "conflict",
      `Cannot move VM "${name}" to node "${target}": ${objection?.why ?? "it runs nowhere"}`,
    );
  }
  const migration: Migration = {
    id: `${name}-move-${set.index}`,
    node: target,
    epoch: set.map.node(target)?.status.epoch ?? 0,
    phase: "stopping",
    ...timeBound(set, timeoutMs),
    startedAtMs: set.atMs,
  };
  const message = `it moves to node "${target}"`;
  const status = { ...vm.status, phase: "Stopping", instance: { ...instance, stopping: true }, migration } as const;
  set.putVm({ ...vm, status: { ...status, message, sinceMs: set.atMs } });
  const told = `VM "${name}" is to move from node "${instance.node}" to node "${target}", by stop and start`;
  set.record({ reason: "Migrating", message: told, regarding: { kind: "Vm", name } });
  return aboutVm(vm);
}

/** Whether the end of its instance, after which it waits for a node, is a beginning at the target of a move. */
export function isToArrive(set: ChangeSet, vm: Vm): boolean {
  const { migration } = vm.status;
  const node = migration?.phase === "stopping" ? set.map.node(migration.node) : undefined;
  if (node === undefined || whyNotFromOn(vm.spec, set.map.checkpoint(vm.spec.checkpoint ?? ""), node) !== null) {
    return false;
  }
  // What it waits for may have ended while it was stopped.
  return set.dependenciesIgnored || waitsFor(vm.spec, (name) => set.map.vm(name)) === null;
}

/** The VM, whose instance has ended at its source, with another one at the target: for the caller to put. */
export function arrived(set: ChangeSet, vm: Vm): Vm {
  const { migration, instance, ...status } = vm.status;
  if (migration === undefined || instance === null) return vm;
  const { id, node, epoch } = migration;
  const [{ name }, from] = [vm.metadata, instance.node];
  const message = `VM "${name}" has moved from node "${from}" to node "${node}", by stop and start`;
  set.record({ reason: "Migrated", message, regarding: { kind: "Vm", name } });
  const lastMigration: LastMigration = {
    ...{ id, from, to: node, outcome: "moved", cold: true, message: "", atMs: set.atMs },
  };
  const lastInstance = { id: instance.id, node: from };
  const ended: Vm["status"] = {
    ...{ ...status, health: "unknown", addresses: [], instance: null, lastInstance, lastMigration },
  };
  return begun(set, { ...vm, status: ended }, { node, epoch });
}
