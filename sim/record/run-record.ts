/**
 * What happened in one run, as plain data: what `sim/report` draws, whoever ran it.
 *
 *     moment ─┬─ one lane, one time: what came, what changed, what was sent
 *             └─ cause: the moment without which it would not have been
 *
 * A long run has a million moments: those that weigh (faults, roles, ends and starts) are all kept, of the others the last.
 */

/** A node by its index; the clients; the operator and whoever strikes. */
export type Lane = number | "clients" | "outside";

/** What kind of thing a fact is; also how it is drawn. */
export type FactKind =
  /** A process or a host ends, starts, pauses, goes on. */
  "life" | "fault" | "operator" | "configuration" | "link" | "client" | "disk" | "apply" | "guest" | "note";

/** One thing in a moment. */
export type Fact =
  | { readonly type: "receive" | "send"; readonly message: RecordedMessage }
  | { readonly type: "role"; readonly role: Role; readonly term: number }
  /** `with`: the lane that it goes to or comes from, without a message between nodes. */
  | {
      readonly type: "said";
      readonly kind: FactKind;
      readonly text: string;
      readonly to?: Lane;
      readonly from?: Lane;
    };

/** What a member of Raft is at a time. */
export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

/** One lane at one time. */
export interface Moment {
  /** Counts the moments of a run, from 0. */
  readonly number: number;
  readonly atUs: number;
  readonly lane: Lane;
  readonly facts: readonly Fact[];
  /** The number of the moment that this one follows from: where its message was sent, its write begun. Null: a timer, or nobody knows. */
  readonly cause: number | null;
}

/** A message from one node to another. */
export interface RecordedMessage {
  readonly from: number;
  readonly to: number;
  /** `append`, `vote-request`, … */
  readonly kind: string;
  /** Its main fields in words. */
  readonly fields: string;
  /** Says every little while that all is as it was. */
  readonly isRoutine: boolean;
  readonly sentUs: number;
  /** The moment in which it was sent. */
  readonly sentIn: number;
  /** When it came, and in which moment: more than once when it was repeated, never when it was lost or is under way. */
  readonly arrivals: readonly { readonly atUs: number; readonly moment: number }[];
  /** When it was lost, and how; null: it came, or is under way when the run ends. */
  readonly lost: { readonly atUs: number; readonly why: string } | null;
}

/** What lasts: a fault, a process that is down. */
export interface Span {
  readonly kind: "down" | "paused" | "network" | "disk" | "weather";
  readonly text: string;
  /** Lanes that it lies on. */
  readonly lanes: readonly Lane[];
  readonly fromUs: number;
  /** Infinity: until the end. */
  readonly toUs: number;
}

/** From when to when a member was what, in which term. */
export interface RoleSpan {
  readonly node: number;
  readonly role: Role;
  readonly term: number;
  readonly fromUs: number;
  readonly toUs: number;
}

/** A fault that struck. */
export interface FaultRow {
  readonly atUs: number;
  readonly text: string;
  /** Null: it has no length. */
  readonly durationUs: number | null;
}

/** A run as it is drawn. Times in microseconds since its start. */
export interface RunRecord {
  /** By index. */
  readonly nodes: readonly string[];
  /** In order. */
  readonly moments: readonly Moment[];
  /** How many moments there were; those that are not in `moments` were left out on the way. */
  readonly momentsSeen: number;
  readonly spans: readonly Span[];
  readonly roles: readonly RoleSpan[];
  readonly faults: readonly FaultRow[];
  /** How many messages of each kind were sent, most frequent first. */
  readonly messages: Readonly<Record<string, number>>;
  readonly endUs: number;
  readonly failure: RecordedFailure | null;
}

/** The rule that did not hold. */
export interface RecordedFailure {
  readonly rule: string;
  readonly message: string;
  readonly atUs: number;
  /** Nodes that the message names. */
  readonly nodes: readonly number[];
  /** The moment that broke it; null: it was found at the end. */
  readonly moment: number | null;
}
