/** What the core wants done after a step, and what it tells of itself. Plain data; carrying it out is the caller's. */
import type { LogEntry, LogWrite } from "../../runtime/ports/log-store.ts";
import type { Outgoing } from "./outbox.ts";

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
}

export interface Leadership {
  readonly leader: string | null;
  readonly term: number;
  readonly isLeader: boolean;
}

export type ReadOutcome =
  /** A read of a state that has applied `index` is linearizable. */
  | { readonly id: string; readonly ok: true; readonly index: number }
  /** Nothing is known; the same read may be asked again. */
  | { readonly id: string; readonly ok: false; readonly code: ReadFailure };

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

export type ProposeResult =
  /** Appended to the leader's log; committed only when it comes back in `Ready.committed` with this term. */
  | { readonly ok: true; readonly firstIndex: number; readonly lastIndex: number; readonly term: number }
  | { readonly ok: false; readonly code: "not-leader"; readonly leader: string | null }
  /** Too much is waiting for commit; the same proposal may be made again later. */
  | { readonly ok: false; readonly code: "overloaded" }
  | { readonly ok: false; readonly code: "too-large"; readonly sizeBytes: number; readonly sizeBytesMax: number };

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
  /** What the leader knows of the others; empty at any other member. */
  readonly peers: readonly PeerStatus[];
}

export interface PeerStatus {
  readonly node: string;
  /** Last index known to be on the peer's disk. */
  readonly match: number;
  /** The leader's monotonic time of the last message from it. */
  readonly heardAtMs: number;
}
