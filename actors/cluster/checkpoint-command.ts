/**
 * The commands of checkpoints, all of level 3. What they make of the map: `checkpoint-commands.ts`.
 *
 * What a node says names the checkpoint's id, which is never used twice, and carries the epoch of its lease.
 */
import type { CheckpointManifest } from "../../runtime/index.ts";

export type CheckpointCommand =
  /** Wants a checkpoint of the guest that a VM runs now. Refused before the guest stands still. */
  | {
      readonly type: "create-checkpoint";
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly vm: string;
    }
  /** What became of it, by the node that makes it or has it. */
  | ({
      readonly type: "observe-checkpoint";
      readonly observation: CheckpointObservation;
    } & FromNode)
  /** Asks for a checkpoint to go: its node removes its bytes, then the resource is removed. Refused while a VM's spec names it. */
  | { readonly type: "delete-checkpoint"; readonly name: string }
  /** A node's word that it has nothing of a checkpoint that is to go. */
  | ({ readonly type: "drop-checkpoint" } & FromNode)
  /** Has a VM go on from a checkpoint of its own, now and at each later start. Another instance takes the place of the one that runs. */
  | { readonly type: "restore-vm"; readonly name: string; readonly checkpoint: string };

export type CheckpointObservation =
  | { readonly phase: "Ready"; readonly manifest: CheckpointManifest }
  /** Not made, and nothing of it is left; or, of one that was Ready, a guest could not be started from it. */
  | { readonly phase: "Failed"; readonly message: string };

interface FromNode {
  readonly node: string;
  readonly epoch: number;
  readonly checkpoint: string;
  readonly id: string;
  /** Of which it is made. */
  readonly instance: string;
}
