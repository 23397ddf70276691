/** A small cluster to explore: how many members, and how much may happen. */
import type { MembershipChange, RaftMessage } from "../../../actors/raft/index.ts";
import type { ClusterRule } from "./cluster-rules.ts";
import type { RaftMark } from "./raft-marks.ts";

/** What may happen in a cluster that is explored. What is not bounded here may happen any number of times. */
export interface RaftSetup {
  readonly name: string;
  /** One line, for lists. */
  readonly summary: string;
  /** How many members the cluster is born with: n1, n2, … */
  readonly voters: number;
  /** Members with empty disks that are there to be added, behind the voters. Default: 0. */
  readonly joining?: number;
  /** The last term in which anybody campaigns: in it nobody's deadline passes but its leader's. The cluster is born in term 1. */
  readonly termMax: number;
  /** Whose deadlines pass, by place. Default: everybody's. */
  readonly impatient?: readonly number[];
  /** Whether a poll that found no quorum is made again when its time is over. Default: true. */
  readonly pollsAgain?: boolean;
  /** Whether the deadlines of a leader pass: its heartbeats, its end without a quorum. Default: true. */
  readonly leaderBeats?: boolean;
  /** Most appends of a leader in one term; what follows from a state with more is not looked at. */
  readonly appendsMax: number;
  /** Kinds of messages that may arrive; others are lost. Default: all. */
  readonly carries?: readonly RaftMessage["type"][];
  /** Most processes that end and are started again, at all members together. Default: 0. */
  readonly crashesMax?: number;
  /** Most commands that are proposed. Default: 0. */
  readonly proposalsMax?: number;
  /** Changes of membership that are asked for, in this order. Default: none. */
  readonly changes?: readonly MembershipChange[];
  /** What must be reached. */
  readonly reaches: readonly RaftMark[];
  /** Rules that are judged. Default: all. */
  readonly rules?: readonly ClusterRule[];
  /** Faults that are planted, by number (docs/seeds-to-find.md): those of the core, and 5, of the disk. Default: none. */
  readonly planted?: readonly number[];
}
