/** What a CheckpointActor hears and says. */
import type { CheckpointManifest, VerbResult } from "../../runtime/index.ts";
import type { ProposeReply } from "../cluster/replica-protocol.ts";
import type { CommandOf } from "../cluster/commands.ts";

export type CheckpointMessage =
  /** The map wants it gone. */
  | { readonly type: "unwanted" }
  | { readonly type: "made"; readonly result: VerbResult<{ readonly manifest: CheckpointManifest }> }
  | { readonly type: "dropped"; readonly result: VerbResult }
  /** What became of the last word; null when nobody knows. */
  | { readonly type: "word-answered"; readonly carriedOut: boolean | null }
  /** Timers. */
  | { readonly type: "making-due" }
  | { readonly type: "drop-due" }
  | { readonly type: "word-due" };

/** What it says to the map, as a command without what its node fills in. */
export type CheckpointWord =
  | Pick<CommandOf<"observe-checkpoint">, "type" | "observation">
  | Pick<CommandOf<"drop-checkpoint">, "type">;

/** From a CheckpointActor to its NodeActor. */
export type CheckpointReport =
  /** Answered by `word-answered`. */
  | { readonly type: "checkpoint-says"; readonly id: string; readonly word: CheckpointWord }
  /** The map has heard all that there was to say, and the actor has stopped. */
  | { readonly type: "checkpoint-done"; readonly id: string };

/** What a NodeActor hears of its checkpoints, beside that a guest could not be started from one. */
export type CheckpointNews =
  | CheckpointReport
  /** What became of a word. */
  | { readonly type: "checkpoint-answered"; readonly id: string; readonly reply: ProposeReply }
  /** Nobody waits for what became of it. */
  | { readonly type: "checkpoint-heard" }
  /** Time to make an actor anew that has crashed. */
  | { readonly type: "checkpoint-respawn-due"; readonly id: string };
