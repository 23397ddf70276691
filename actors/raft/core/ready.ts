/** What the core wants done after a step, and what it tells of itself. Plain data; carrying it out is the caller's. */
import type { LogEntry, LogPosition, LogWrite } from "../../../runtime/ports/log-store.ts";
import type { FinishedSnapshot } from "../../../runtime/ports/snapshot-store.ts";
import type { Configuration } from "./configuration.ts";
import type { SnapshotOffer, SnapshotPart, SnapshotReport } from "./messages.ts";
import type { Outgoing } from "./outbox.ts";
import type { RaftRefusal } from "./refusals.ts";

/** What a member is in its term; a pre-candidate polls before it campaigns (dissertation §9.6). */
export type RaftRole = "follower" | "pre-candidate" | "candidate" | "leader";

/** Everything since the last `takeReady`. Messages that need a write appear only after it was reported as persisted. */
export interface Ready {
  /** To be made durable, then answered by `persisted` with the token. None while one is in flight. */
  readonly write?: { readonly token: number; readonly write: LogWrite };
  /** To be sent now, in order. Losing one is harmless. */
  readonly messages: readonly Outgoing[];
  /** To be applied, in order; each index once in the life of a core, from 1. */
  readonly committed: readonly LogEntry[];
  readonly reads: readonly ReadOutcome[];
  /** Present when it has changed. */
  readonly leadership?: Leadership;
  readonly alarms: readonly RaftAlarm[];
  /** Present when the configuration in force has changed. */
  readonly configuration?: ConfigurationInForce;
  /** Its state takes the machine's place, before `committed` is applied; present when the log begins behind it now. */
  readonly install?: FinishedSnapshot;
  /** Peers that need entries which are compacted: a snapshot must be sent to each, then `snapshot-sent` or `snapshot-failed` stepped. */
  readonly snapshotsWanted: readonly string[];
  /** Snapshot traffic that the core has admitted: of its leader in this term, or of a peer it leads. Carried out by the host. */
  readonly snapshotTraffic: readonly { readonly from: string; readonly message: SnapshotMessage }[];
  /** Entries up to here may be compacted away: the machine's snapshot covers them, less the trailing window. */
  readonly compact?: LogPosition;
}

/** What members say to each other about a snapshot on its way. */
export type SnapshotMessage = SnapshotOffer | SnapshotPart | SnapshotReport;

/** The configuration that counts now: the last one in the log, committed or not. */
export interface ConfigurationInForce {
  readonly configuration: Configuration;
  /** Of the entry that holds it; the base of the log when none does. */
  readonly index: number;
  readonly committed: boolean;
}

/** Who leads, as this member knows. */
export interface Leadership {
  readonly leader: string | null;
  readonly term: number;
  readonly isLeader: boolean;
}

/** What became of a read that must be linearizable. */
export type ReadOutcome =
  /** A read of a state that has applied `index` is linearizable. */
  | { readonly id: string; readonly ok: true; readonly index: number }
  /** Nothing is known; the same read may be asked again. */
  | { readonly id: string; readonly ok: false; readonly code: ReadFailure };

/** Why a read got no index. */
export type ReadFailure = "no-leader" | "leader-changed" | "timeout" | "overloaded";

/** Something an operator must hear of. */
export type RaftAlarm =
  /** A member acknowledged entries up to `acknowledged` and has no longer more than `present`: its disk has lost data. */
  | {
      readonly type: "peer-lost-entries";
      readonly peer: string;
      readonly acknowledged: number;
      readonly present: number;
    };

/** Whether commands are in the leader's log. */
export type ProposeResult =
  /** Appended to the leader's log; committed only when it comes back in `Ready.committed` with this term. */
  | { readonly ok: true; readonly firstIndex: number; readonly lastIndex: number; readonly term: number }
  | { readonly ok: false; readonly code: "not-leader"; readonly leader: string | null }
  /** Too much is waiting for commit; the same proposal may be made again later: after `retryAfterMs`, where that is known. */
  | { readonly ok: false; readonly code: "overloaded"; readonly retryAfterMs?: number }
  | { readonly ok: false; readonly code: "too-large"; readonly sizeBytes: number; readonly sizeBytesMax: number };

/** What a core says of itself. */
export interface RaftStatus {
  readonly self: string;
  readonly term: number;
  readonly role: RaftRole;
  readonly leader: string | null;
  readonly vote: string | null;
  readonly applied: number;
  readonly commit: number;
  readonly durable: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly voters: readonly string[];
  readonly configuration: ConfigurationInForce;
  /** The log holds what comes after this index. */
  readonly base: number;
  /** Damage was found on disk: the member does not vote until a later term's entry is in its log. */
  readonly recovering: boolean;
  /** To whom leadership is being handed over. */
  readonly transferringTo: string | null;
  /** What the leader knows of the others; empty at any other member. */
  readonly peers: readonly PeerStatus[];
  /** Messages that were not taken, by reason. */
  readonly refusals: Readonly<Record<RaftRefusal, number>>;
}

/** What a leader knows of one other member. */
export interface PeerStatus {
  readonly node: string;
  /** Last index known to be on the peer's disk. */
  readonly match: number;
  /** How entries go to it: one at a time until its log is known, in a window, or not at all while it takes a snapshot. */
  readonly state: "probe" | "replicate" | "snapshot";
  /** First index to send. */
  readonly next: number;
  /** The leader's monotonic time of the last message from it. */
  readonly heardAtMs: number;
}

/**
 * One change of who belongs. Members are named by their ids. `askedBy` goes with the configuration into the log, so that whoever leads when
 * the change is done can still say it.
 */
export type MembershipChange = { readonly askedBy?: string } & (
  | /** Adds a learner, which gets the log and does not vote. `address` is where it is reached. */
    { readonly type: "add-learner"; readonly member: string; readonly address?: string }
  /** Makes a learner a voter. Refused until it has caught up. */
  | { readonly type: "promote"; readonly member: string }
  /** Makes a voter a learner. */
  | { readonly type: "demote"; readonly member: string }
  | { readonly type: "remove"; readonly member: string }
);

/** Whether a change is in the log and in force, or exactly why not. */
export type ChangeMembershipResult =
  /** In the leader's log at `index`, and in force; done when the configuration is simple again and committed. */
  | { readonly ok: true; readonly index: number; readonly term: number }
  | {
      readonly ok: false;
      readonly code:
        | "not-leader"
        /** Another change is under way, or its entry is not committed yet. */
        | "change-under-way"
        /** The leader has committed nothing in its own term yet (Ongaro's bug of 2015, fault 2). */
        | "term-not-committed"
        | "not-a-member"
        | "already-a-member"
        | "not-caught-up"
        | "last-voter"
        /** There is no joint configuration to leave. */
        | "not-joint"
        | "overloaded";
      /** What was tried, why not, what would help. */
      readonly message: string;
      readonly leader: string | null;
    };

/** Whether leadership is being handed over, or exactly why not. */
export type TransferResult =
  | { readonly ok: true; readonly to: string }
  | {
      readonly ok: false;
      readonly code: "not-leader" | "not-a-voter" | "transfer-under-way" | "unreachable";
      readonly message: string;
      readonly leader: string | null;
    };
