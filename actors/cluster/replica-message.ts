/** What the replica actor hears: requests, what Raft tells its subscriber, and its own timers and answers. */
import type { AskResult, Ref } from "../../runtime/index.ts";
import type { RaftEvent, RaftProposeReply } from "../raft/raft-actor-protocol.ts";
import type { ChangeMembershipResult } from "../raft/core/ready.ts";
import type { RaftActorStatus } from "../raft/raft-actor-status.ts";
import type { ChangeMembershipReply, ReplicaRequest, ReplicaStatus } from "./replica-protocol.ts";

export type ReplicaMessage =
  | ReplicaRequest
  | RaftEvent
  /** What Raft made of one attempt of a proposal. */
  | {
      readonly type: "proposal-answered";
      readonly session: string;
      readonly attempt: number;
      readonly result: AskResult<RaftProposeReply>;
    }
  /** Time to propose again. */
  | { readonly type: "proposal-due"; readonly session: string }
  /** Time to ask an overloaded leader again. */
  | { readonly type: "held-due" }
  /** Whoever proposed waits no longer. */
  | { readonly type: "proposal-expired"; readonly session: string }
  /** What Raft made of a change of members. */
  | {
      readonly type: "membership-answered";
      readonly replyTo: Ref<ChangeMembershipReply>;
      readonly result: AskResult<ChangeMembershipResult>;
    }
  /** The members as of the newest configuration are noted; not `done`: the replica did not get it through. */
  | { readonly type: "members-noted"; readonly done: boolean }
  /** What the software of a member can apply; null: it did not say. */
  | { readonly type: "software-told"; readonly node: string; readonly level: number | null }
  /** A higher level was asked for; the map says whether it came. */
  | { readonly type: "level-raised" }
  /** Time for a step of replicated time. */
  | { readonly type: "time-due" }
  /** A step was answered, or given up. */
  | { readonly type: "time-stepped" }
  /** Time to look after reads that wait. */
  | { readonly type: "reads-due" }
  | { readonly type: "raft-status"; readonly replyTo: Ref<ReplicaStatus>; readonly result: AskResult<RaftActorStatus> };
