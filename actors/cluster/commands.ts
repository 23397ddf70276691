/**
 * Commands: the only things that change the replicated map. Wire tags are appended, never reused.
 *
 * Applying is deterministic: no clock, no randomness, no floats whose order matters; time enters as a value. Each command
 * carries what its proposer believed (generation, epoch, index), and applying refuses it when the map has moved on: a plan
 * is only carried out if it still holds.
 */
import type { CoordinationCommand } from "../coordination/coordination-commands.ts";
import type { NodeSpec, Resource, VmAddress, VmPhase, VmSpec, VmStatus } from "../resources/index.ts";
import type { BalloonCommand } from "./balloon-command.ts";
import type { CheckpointCommand } from "./checkpoint-command.ts";
import type { DrainCommand } from "./drain-commands.ts";
import type { MigrationCommand } from "./migration-command.ts";

export type Command = ResourceCommand | CoordinationCommand | ClusterCommand;

/** What the leader's replica says of the cluster itself. */
export type ClusterCommand =
  /** Replicated time is at least that (`../raft/machine/time-keeper.ts`). Never refused, never takes time back. */
  | { readonly type: "advance-time"; readonly toMs: number }
  /** A configuration is committed and simple. Refused as stale when it, or a later one, was noted. */
  | {
      readonly type: "note-members";
      /** Of the log entry that holds the configuration. */
      readonly index: number;
      readonly voters: readonly string[];
      readonly learners: readonly string[];
      /** Who asked for the change; empty when the leader does not know. */
      readonly by: string;
      /** The configuration was written by an operator, on the disk of one member, without the others. */
      readonly recovery?: RecoveryNote;
    }
  /** All members can apply commands up to that level (`cluster-level.ts`). Refused as stale when the cluster is at it. Level 2. */
  | { readonly type: "raise-level"; readonly to: number };

/** What a recovery gave up, for the Event that tells of it. */
export interface RecoveryNote {
  readonly formerCluster: string;
  readonly cluster: string;
  /** Ids of the members that count no more. */
  readonly givenUp: readonly string[];
}

export type ResourceCommand =
  | BalloonCommand
  | MigrationCommand
  | CheckpointCommand
  | DrainCommand
  /** Makes a VM. Refused when the name is taken. */
  | {
      readonly type: "create-vm";
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly spec: VmSpec;
    }
  /** Makes a VM or replaces its spec; `expectedVersion` makes it conditional. Without a change it does nothing. */
  | {
      readonly type: "apply-vm";
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly spec: VmSpec;
      readonly expectedVersion?: number;
    }
  /** Starts or stops a VM. */
  | { readonly type: "set-running"; readonly name: string; readonly running: boolean }
  /** Has the processors of a VM's instance stand still, or go on. Level 3. */
  | { readonly type: "set-paused"; readonly name: string; readonly paused: boolean }
  /** Wants the instance of a VM gone and another one in its place, on whatever node. Level 3. */
  | { readonly type: "restart-vm"; readonly name: string }
  /** Asks for a VM to go: its instance is stopped, then the resource is removed. */
  | { readonly type: "delete-vm"; readonly name: string }
  /** A node joins or comes back: opens a lease with a new epoch. Instances it does not name in `running` are released. */
  | {
      readonly type: "register-node";
      readonly name: string;
      readonly spec: NodeSpec;
      readonly running: readonly string[];
    }
  /** Keeps the lease. Refused under another epoch. */
  | { readonly type: "renew-lease"; readonly node: string; readonly epoch: number }
  /** The leader waited a lease and the clock bound since `renewedAt` was applied: the node's instances are gone. */
  | { readonly type: "expire-lease"; readonly node: string; readonly epoch: number; readonly renewedAt: number }
  /** Forgets a node that holds no lease. */
  | { readonly type: "remove-node"; readonly name: string }
  /** Gives a VM without instance to a node. Verified again at apply: lease, room, ports, generation. */
  | {
      readonly type: "place";
      readonly vm: string;
      readonly uid: string;
      readonly generation: number;
      readonly node: string;
      readonly epoch: number;
    }
  /** Says why a VM has no place. */
  | { readonly type: "explain-pending"; readonly vm: string; readonly uid: string; readonly message: string }
  /** Wants an instance gone: its VM was stopped, deleted or changed. */
  | { readonly type: "stop-instance"; readonly vm: string; readonly instance: string; readonly message: string }
  /** What a node sees of its instance. Refused under another epoch or for an instance that is not the VM's. */
  | {
      readonly type: "observe";
      readonly node: string;
      readonly epoch: number;
      readonly vm: string;
      readonly instance: string;
      readonly observation: Observation;
    }
  /** A node's word that nothing of the instance runs, and never will again. */
  | {
      readonly type: "release";
      readonly node: string;
      readonly epoch: number;
      readonly vm: string;
      readonly instance: string;
      readonly phase: "Stopped" | "Completed";
      readonly message: string;
    }
  /** As `release`, of an instance that the node could not start time and again: the VM had better go to another one. Level 2. */
  | {
      readonly type: "give-back";
      readonly node: string;
      readonly epoch: number;
      readonly vm: string;
      readonly instance: string;
      /** Why it did not start. */
      readonly message: string;
    };

export type CommandOf<Type extends Command["type"]> = Extract<Command, { readonly type: Type }>;

export interface Observation {
  readonly phase: Extract<VmPhase, "Starting" | "Running" | "Paused" | "Stopping" | "Crashed">;
  readonly health: VmStatus["health"];
  readonly addresses: readonly VmAddress[];
  readonly restarts: number;
  readonly message: string;
}

/** What goes into the Raft log. */
export interface Proposal {
  /** Who proposes; with `sequence` it makes a retry harmless (Raft §8, Ongaro's thesis §6.3). */
  readonly session: string;
  /** Grows by one a proposal of its session. */
  readonly sequence: number;
  /** Index that the proposer had applied when it first made this; what tells a late repetition (0009-sessions.md). */
  readonly after: number;
  /** The proposer's wall clock, for labels. */
  readonly atMs: number;
  readonly command: Command;
}

export type Outcome =
  /** `version` is the index it was applied at; `resource` the one it was about, as it is now, if it still exists and it was about one. */
  | { readonly ok: true; readonly version: number; readonly changed: boolean; readonly resource: Resource | null }
  | { readonly ok: false; readonly version: number; readonly code: RefusalCode; readonly message: string };

export type RefusalCode =
  | "not-found"
  | "already-exists"
  /** `expectedVersion` is not the current one, or the plan no longer holds. */
  | "conflict"
  /** Said under a lease epoch or about an instance that is over. */
  | "stale"
  | "invalid";
