/** What clients and the operator do, and the load of a user's actors, as plain data: recorded beside the blows, and done again when a schedule says so. */
import type { MembershipChange } from "../../actors/raft/index.ts";
import type { KvInput } from "../checkers/history.ts";

/**
 * Nodes by index: the ids of members are others in another run. `chance` decides what else is drawn while it is done, as whom it asks and how long it
 * waits: so an act that is left out changes nothing of the others.
 */
export type LoadAct = (
  | { readonly type: "call"; readonly client: number; readonly key: number; readonly how: KvInput["type"] }
  | { readonly type: "change"; readonly change: MembershipChange["type"]; readonly node: number }
  /** Null: to whoever is fit for it. */
  | { readonly type: "transfer"; readonly node: number | null; readonly force: boolean }
  | { readonly type: "snapshot" }
  /** Of whole nodes: a change of the VM of that number, or with null a read of all; and as many created at once as the run has. */
  | { readonly type: "ask"; readonly node: number; readonly vm: number | null }
  | { readonly type: "create-all"; readonly node: number }
  /** Of users who share VMs: that one reads one of them and writes it back, once. */
  | { readonly type: "update"; readonly user: number; readonly node: number }
  /** That one begins to watch there; null: it stops, wherever it is. */
  | { readonly type: "watch"; readonly user: number; readonly node: number | null }
  /** Some VM is moved, lets be, made to stand still or to go on, or started anew. */
  | { readonly type: "move"; readonly node: number; readonly how: MoveKind }
  /** A checkpoint is made, used or removed, or a VM that was made of one. */
  | { readonly type: "keep"; readonly node: number; readonly how: KeepKind }
  /** VMs that wait for each other are applied, or deleted, all at once; or one of them is stopped or started. */
  | { readonly type: "stack"; readonly node: number; readonly how: StackKind }
  /** A node is drained, or opened again, or a VM moved by stop and start. */
  | { readonly type: "drain"; readonly node: number; readonly how: DrainKind }
  /** So many VMs are created, or deleted, at once. */
  | { readonly type: "burst"; readonly node: number; readonly how: "create" | "delete"; readonly vms: number }
  /** Of `library`: a message for an entity or the singleton, a reliable one, that gives the singleton away, or a node that leaves. */
  | { readonly type: "tell"; readonly node: number; readonly how: TellKind }
  /** A user's own: what he drew, when he told. */
  | { readonly type: "step"; readonly step?: unknown }
) & { readonly chance: number };

/** What the load of `library` asks of a node. */
export type TellKind = "entity" | "singleton" | "reliable" | "yield" | "leave";

/** What users who move VMs do to one. */
export type MoveKind = "migrate" | "cancel" | "pause" | "resume" | "restart";

/** What users who make checkpoints do. */
export type KeepKind = "checkpoint" | "clone" | "restore" | "boot" | "delete" | "delete-clone";

/** What a user does to VMs that wait for each other. */
export type StackKind = "apply" | "stop" | "start" | "delete";

/** What operators do who empty nodes. */
export type DrainKind = "drain" | "undrain" | "cold";

/** What there is of chances. */
export const CHANCES: number = 2 ** 32;
