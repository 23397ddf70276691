/** What a core is stepped with: one union, so that a simulator or a trace has all that happens to a member in one place. */
import type { FinishedSnapshot } from "../../../runtime/ports/snapshot-store.ts";
import type { Configuration } from "./configuration.ts";
import type { RaftMessage } from "./messages.ts";

/** What a core is stepped with. */
export type RaftInput =
  | { readonly type: "message"; readonly from: string; readonly message: RaftMessage }
  /** A read that must be linearizable; answered by an outcome in `Ready.reads`, within an election timeout. */
  | { readonly type: "read"; readonly id: string }
  /** `nextDeadlineMs()` has passed. Too early does nothing. */
  | { readonly type: "timeout" }
  /** Nothing can come from that member any more until a link to it is made again. */
  | { readonly type: "link-lost"; readonly member: string }
  /** The snapshot that `snapshotsWanted` asked for is installed there, as of `index`. */
  | { readonly type: "snapshot-sent"; readonly member: string; readonly index: number }
  /** It is not, and will not be by this transfer. */
  | { readonly type: "snapshot-failed"; readonly member: string }
  /** All chunks of a snapshot of this term's leader are durable here: the log may begin behind it. */
  | {
      readonly type: "snapshot-received";
      readonly snapshot: FinishedSnapshot;
      readonly configuration: Configuration;
    }
  /** The machine's own snapshot as of `index` is durable. `sizeBytes`: its size, by which the log is kept for who takes it. Default 0. */
  | { readonly type: "snapshot-made"; readonly index: number; readonly sizeBytes?: number }
  /** Drops all that the newest snapshot covers, for once without the trailing window. */
  | { readonly type: "compact" }
  /** Whether the disk has room; without, the member refuses proposals and hands leadership over. */
  | { readonly type: "room"; readonly hasRoom: boolean }
  /** Whether whoever else can had better lead: it hands over, waits longer before it campaigns, and is preferred by nobody. */
  | { readonly type: "stand-aside"; readonly stands: boolean }
  /** The write of that token is durable. */
  | { readonly type: "persisted"; readonly token: number };
