/** What the actors of the queue say to each other. */
import type { Ref } from "../../library/index.ts";

/** By job: waiting to be done, or done. */
export type Jobs = Readonly<Record<string, "waiting" | "done">>;

export type LeaderMessage =
  | { readonly type: "submit"; readonly job: string; readonly replyTo: Ref<Accepted> }
  /** From the shelf: what is on it, for the one who has this fence. */
  | { readonly type: "loaded"; readonly jobs: Jobs }
  /** From the shelf: this version, or a later one, is on its disk. */
  | { readonly type: "saved"; readonly version: number }
  /** From a worker. */
  | { readonly type: "worked"; readonly job: string }
  /** Time to ask again for what was not answered. */
  | { readonly type: "retry" };

/** The queue has it for good. */
export interface Accepted {
  readonly job: string;
}

export type ShelfCommand =
  | { readonly type: "load"; readonly fence: number; readonly replyTo: Ref<LeaderMessage> }
  /** All jobs, in place of those that are there. `version` counts what one leader saves. */
  | {
      readonly type: "save";
      readonly fence: number;
      readonly version: number;
      readonly jobs: Jobs;
      readonly replyTo: Ref<LeaderMessage>;
    };

export interface WorkerMessage {
  readonly job: string;
  readonly replyTo: Ref<LeaderMessage>;
}

/** How long an answer is waited for before it is asked for again. */
export const RETRY_MS = 500;
