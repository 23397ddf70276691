/**
 * Levels: what all members of a cluster can apply. Two versions of the software must make the same of the same log, so a command that older
 * software does not know may not be in it before the last member that runs such software is gone or upgraded.
 *
 *     every member says what it can apply ─▶ the leader raises the cluster's level to what all can ─▶ commands of that level may be proposed
 *
 * The level is part of the replicated map and of its snapshots, and never goes down. Software that meets a level or a command beyond its own
 * refuses by name and applies nothing more (`store-version`), rather than go on with another map than the others. Models: etcd's cluster
 * version, CockroachDB's version gates. Decision: docs/decisions/0023-cluster-level.md.
 *
 * A change of what a known command means, of a field that decides something among it, is a new command of a new level; the old one stays as
 * it is for as long as logs may hold it.
 */
import { StoreError } from "../../runtime/index.ts";
import { isCoordinationCommand, type CoordinationCommand } from "../coordination/coordination-commands.ts";
import type { Command, Outcome } from "./commands.ts";
import { hasDependencies } from "./dependency-rules.ts";

/** What this software can apply, and asks for as soon as all members can. Counts up with the commands below. */
export const LEVEL = 5;

/** Where a cluster begins, and whatever does not say what it can apply. */
export const FIRST_LEVEL = 1;

type OwnCommand = Exclude<Command["type"], CoordinationCommand["type"]>;

/** From which level on a command may be proposed; those of coordination are of the first. */
const LEVELS: Readonly<Record<OwnCommand, number>> = {
  "create-vm": 1,
  "apply-vm": 1,
  "set-running": 1,
  "delete-vm": 1,
  "register-node": 1,
  "renew-lease": 1,
  "expire-lease": 1,
  "remove-node": 1,
  place: 1,
  "explain-pending": 1,
  "stop-instance": 1,
  observe: 1,
  release: 1,
  "advance-time": 1,
  "note-members": 1,
  "raise-level": 2,
  "give-back": 2,
  "set-paused": 3,
  "restart-vm": 3,
  "migrate-vm": 3,
  "move-vm": 4,
  "drain-node": 4,
  "undrain-node": 4,
  "note-drained": 4,
  "migration-ready": 3,
  "migration-progress": 3,
  "take-over": 3,
  "cancel-migration": 3,
  "create-checkpoint": 3,
  "observe-checkpoint": 3,
  "delete-checkpoint": 3,
  "drop-checkpoint": 3,
  "restore-vm": 3,
  "set-balloon": 3,
};

/** From which on a VM's spec may name a checkpoint: before, members would boot it all the same. */
const LEVEL_OF_CHECKPOINTS = 3;

/** From which on it may have a balloon: before, members would start it without. */
const LEVEL_OF_BALLOONS = 3;

/** The level that a command needs; undefined for one that this software does not know. */
export function levelOf(command: { readonly type: string }): number | undefined {
  if (isCoordinationCommand(command)) return FIRST_LEVEL;
  return Object.hasOwn(LEVELS, command.type) ? LEVELS[command.type as OwnCommand] : undefined;
}

/** What some member could not apply may not come into the log; a raise of the level says itself that all can. Null: it may. */
export function refuseLevel(
  command: Command,
  { level, applied }: { readonly level: number; readonly applied: number },
): Outcome | null {
  const needed = Math.max(
    levelOf(command) ?? LEVEL + 1,
    namesCheckpoint(command) ? LEVEL_OF_CHECKPOINTS : FIRST_LEVEL,
    levelOfSpec(command),
  );
  if (needed <= level || command.type === "raise-level") return null;
  const message = `Cannot propose "${command.type}": it needs level ${needed} and the cluster is at ${level}; upgrade the nodes that run an older version`;
  return { ok: false, version: applied, code: "invalid", message };
}

function namesCheckpoint(command: Command): boolean {
  const { type } = command;
  return (type === "create-vm" || type === "apply-vm") && command.spec.checkpoint !== undefined;
}

/**
 * From which on a VM's spec may name other VMs that it waits for, before which members would place it all the same; and may have a health check in the
 * guest, which nodes of before ask a port that is not there.
 */
const LEVEL_OF_DEPENDENCIES = 3;
const LEVEL_OF_GUEST_CHECKS = 3;

/** From which on it may have disks and words for cloud-init: before, members would start it without, or move it away from them. */
const LEVEL_OF_DISKS = 3;

/** From which on it may name network cards: before, members would start it without, where nobody offers their bridges. */
const LEVEL_OF_NETWORKS = 4;

function levelOfSpec(command: Command): number {
  const { type } = command;
  if (type !== "create-vm" && type !== "apply-vm") return FIRST_LEVEL;
  const { disks, cloudInit, health, networks } = command.spec;
  return Math.max(
    command.spec.balloon === true ? LEVEL_OF_BALLOONS : FIRST_LEVEL,
    hasDependencies(command.spec) ? LEVEL_OF_DEPENDENCIES : FIRST_LEVEL,
    disks !== undefined || cloudInit !== undefined ? LEVEL_OF_DISKS : FIRST_LEVEL,
    networks === undefined ? FIRST_LEVEL : LEVEL_OF_NETWORKS,
    health?.type === "exec" || health?.type === "heartbeat" ? LEVEL_OF_GUEST_CHECKS : FIRST_LEVEL,
  );
}

/** Whether this software can apply a command. @throws {StoreError} `store-version` when it cannot. */
export function requireKnown(command: Command, index: number): void {
  if (levelOf(command) === undefined) {
    throw tooOld(`entry ${index} of the log is a "${command.type}", which this version does not know`);
  }
  if (command.type === "raise-level") requireLevel(command.to, `entry ${index} of the log`);
}

/** @throws {StoreError} `store-version` for a level beyond this software's. `where` begins a sentence that goes on with "is of level". */
export function requireLevel(level: number, where: string): void {
  if (level > LEVEL) throw tooOld(`${where} is of level ${level}, this version knows levels up to ${LEVEL}`);
}

function tooOld(why: string): StoreError {
  return new StoreError("store-version", {
    message: `Cannot apply what the cluster has agreed on: ${why}`,
    path: "the Raft log",
    hint: "start the version that the other nodes run; a cluster whose nodes have all been upgraded does not take older ones back",
  });
}
