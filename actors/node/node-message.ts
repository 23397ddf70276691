/** What a NodeActor hears beside the reports of its VmActors. */
import type { FoundInstance, InstanceEvent } from "../../runtime/index.ts";
import type { ProposeReply, WatchMessage } from "../cluster/replica-protocol.ts";
import type { MigrationWord, VmReport } from "../vm/vm-message.ts";
import type { CheckpointNews } from "./checkpoint-message.ts";

export type NodeMessage =
  | VmReport
  | CheckpointNews
  | WatchMessage
  | { readonly type: "found"; readonly instances: readonly FoundInstance[] }
  | { readonly type: "instance-event"; readonly event: InstanceEvent }
  | { readonly type: "register-due" }
  | { readonly type: "registered"; readonly askedMs: number; readonly reply: ProposeReply }
  | { readonly type: "renew-due" }
  | { readonly type: "renewed"; readonly askedMs: number; readonly epoch: number; readonly reply: ProposeReply }
  /** The deadline of the lease has passed by this node's clock. */
  | { readonly type: "lease-ended" }
  | {
      readonly type: "report-answered";
      readonly instance: string;
      /** In which it was said: what was said before is forgotten when a lease ends. */
      readonly epoch: number;
      readonly reply: ProposeReply;
    }
  /** What became of a word of a migration. */
  | {
      readonly type: "word-answered";
      readonly instance: string;
      readonly migration: string;
      readonly word: MigrationWord["type"];
      readonly reply: ProposeReply;
    }
  | { readonly type: "reports-due" }
  /** Time to make a VmActor anew that has crashed. */
  | { readonly type: "respawn-due"; readonly instance: string };
