/** What the machine actor hears: requests, what Raft tells its subscriber, and its own timers and answers. */
import type { AskResult } from "../../../runtime/index.ts";
import type { RaftEvent, RaftProposeReply } from "../raft-actor-protocol.ts";
import type { MachineRequest } from "./machine-protocol.ts";

/** All that a machine actor hears; from other nodes it accepts `MachineRequest` only. */
export type MachineMessage =
  | MachineRequest
  | RaftEvent
  /** The end of the turn in which the first command was queued. */
  | { readonly type: "flush" }
  /** Commands have gathered for the next block for long enough. */
  | { readonly type: "gathered" }
  /** What Raft made of a block. */
  | { readonly type: "block-answered"; readonly number: number; readonly result: AskResult<RaftProposeReply> }
  /** Time to look after what waits. */
  | { readonly type: "tick" }
  /** Time for a step of replicated time. */
  | { readonly type: "time-due" };
