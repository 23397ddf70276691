/** What a VmActor hears and says. Its parent is the NodeActor, which speaks to the map for it. */
import type {
  InstanceEvent,
  MigrationProgress,
  ProbeResult,
  StartResult,
  StopResult,
  VerbResult,
} from "../../runtime/index.ts";
import type { CommandOf, Observation } from "../cluster/commands.ts";
import type { InstanceOrigin, Migration } from "../resources/index.ts";

/** What the map wants of an instance on this node, beyond that it runs. */
export interface Wish {
  /** `own`: the map names this node; `incoming`: another one, and the instance is on its way here. */
  readonly role: "own" | "incoming";
  readonly paused: boolean;
  /** What its balloon is to leave its guest. Absent: as it was started. */
  readonly balloonMiB?: number;
  /** From here, or to here, by the role. */
  readonly migration: Migration | null;
  /** A checkpoint of it is being made: it stands still at any moment, and is neither turned nor asked how it is. Absent: no. */
  readonly checkpointing?: true;
}

export type VmMessage =
  /** The node's lease, and so this instance's, was renewed. */
  | { readonly type: "lease"; readonly untilMs: number }
  /** The map wants something else than before. */
  | { readonly type: "wish"; readonly wish: Wish }
  /** Shut the guest down and release the instance. */
  | { readonly type: "stop"; readonly message: string }
  /** End the guest at once, without a word to the map: the lease is over or the map has forgotten the instance. */
  | { readonly type: "discard" }
  | { readonly type: "instance-event"; readonly event: InstanceEvent }
  | { readonly type: "started"; readonly attempt: number; readonly result: StartResult }
  | { readonly type: "ended"; readonly result: StopResult }
  | { readonly type: "probed"; readonly attempt: number; readonly result: ProbeResult }
  /** `id`: of the call. */
  | { readonly type: "verb-answered"; readonly id: number; readonly result: VerbResult }
  /** What became of `setBalloon`, of the run of that attempt. */
  | {
      readonly type: "ballooned";
      readonly attempt: number;
      readonly memoryMiB: number;
      readonly result: VerbResult;
    }
  /** What became of `migrate`. */
  | { readonly type: "sent"; readonly migration: string; readonly result: VerbResult<{ readonly downtimeMs: number }> }
  | { readonly type: "sent-so-far"; readonly migration: string; readonly progress: MigrationProgress }
  /** What became of a word of a migration; null when nobody knows. */
  | {
      readonly type: "word-answered";
      readonly migration: string;
      readonly word: MigrationWord["type"];
      readonly carriedOut: boolean | null;
    }
  /** Timers. */
  | { readonly type: "probe-due" }
  | { readonly type: "start-due" }
  | { readonly type: "boot-due" }
  | { readonly type: "end-due" }
  | { readonly type: "verb-due" }
  | { readonly type: "balloon-due" }
  | { readonly type: "word-due" }
  | { readonly type: "migration-due"; readonly migration: string }
  /** A copy that was sent has stood still here for long enough, for so many milliseconds of them for its last pages. */
  | { readonly type: "left-due"; readonly migration: string; readonly stillMs: number }
  | { readonly type: "settled" }
  | { readonly type: "stable" };

/** What a side of a migration says to the map, as a command without what its node fills in. */
export type MigrationWord =
  | Pick<CommandOf<"migration-ready">, "type" | "endpoint">
  | Pick<CommandOf<"migration-progress">, "type" | "progress" | "stillMs">
  | Pick<CommandOf<"take-over">, "type" | "addresses">
  | Pick<CommandOf<"cancel-migration">, "type" | "message">;

/** From a VmActor to its NodeActor. */
export type VmReport =
  | { readonly type: "vm-observed"; readonly instance: string; readonly observation: Observation }
  /** Answered by `word-answered`. */
  | {
      readonly type: "vm-says";
      readonly instance: string;
      readonly migration: string;
      readonly word: MigrationWord;
    }
  /** The checkpoint that it is started from does not fit this host, or is not what it was. */
  | {
      readonly type: "vm-origin-refused";
      readonly instance: string;
      readonly from: InstanceOrigin;
      readonly message: string;
    }
  /** Nothing of the instance runs, and never will again; the VmActor has stopped. */
  | {
      readonly type: "vm-released";
      readonly instance: string;
      /** `Unstartable`: the hypervisor refused to start it, time and again. */
      readonly phase: "Stopped" | "Completed" | "Unstartable";
      readonly message: string;
      /** True when the map should not be told: after `discard`. */
      readonly silent: boolean;
    };
