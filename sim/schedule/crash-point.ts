/**
 * Names of moments at which a process may end, between one thing that it does and the next. They are seen where it calls its ports, so the code of
 * production knows nothing of them: a write is handed over, or durable and its caller not told yet; a message has left and nothing behind it.
 */

/** Kinds of writes to the Raft log: of a log that begins anew, of a configuration, of other entries, of a vote, of a term alone. */
export type WriteKind = "reset" | "configuration" | "entries" | "vote" | "term";

const WRITES: readonly WriteKind[] = ["reset", "configuration", "entries", "vote", "term"];

/** Messages between members behind which nothing else leaves: `proposed` is the answer to whoever proposed elsewhere. */
export type SentKind =
  | "vote-request"
  | "vote-response"
  | "append"
  | "append-response"
  | "commit"
  | "timeout-now"
  | "snapshot-offer"
  | "snapshot-part"
  | "snapshot-report"
  | "proposed";

const MESSAGES: readonly SentKind[] = [
  "vote-request",
  "vote-response",
  "append",
  "append-response",
  "commit",
  "timeout-now",
  "snapshot-offer",
  "snapshot-part",
  "snapshot-report",
  "proposed",
];

/** A moment at which a process may end. */
export type CrashPoint =
  /** Handed to the disk, not durable. */
  | `${WriteKind} written`
  /** Durable, and nobody told. */
  | `${WriteKind} synced`
  /** It has left, and nothing behind it. */
  | `${SentKind} sent`
  /** A snapshot is begun; durable, and the log not told to begin behind it; the log is told. */
  | "snapshot begun"
  | "snapshot synced"
  | "log compacted"
  /** A guest runs, and nothing of it is recorded. */
  | "guest started"
  | HandOverPoint
  | MovePoint;

/** What lies on the way of a VM from the node that had it to the one that gets it. */
export type HandOverPoint =
  /** Released by the old holder: its guest is gone, and nothing of that is recorded. */
  | "guest ended"
  /** An entry is committed and applied here by which a node has a VM no longer; or by which one gets it. Nobody has acted upon it. */
  | "instance released"
  | "instance placed"
  /** Taken up by the new holder: its host is asked for the guest, and has none yet. */
  | "guest asked for"
  /** The guard of a guest is set to a later deadline, that of a lease that was renewed. */
  | "guard armed";

/** What lies on the way of a running guest from its host to another. */
export type MovePoint =
  /** An entry is applied here by which a migration begins, its target is ready, the instance is the target's, or the migration has ended. */
  | "migration begun"
  | "migration ready"
  | "migration taken over"
  | "migration ended"
  /** The guest stands still at the source, for its last pages or because somebody wants it. */
  | "guest stands still"
  /** All of it is there, and its node has not heard of it; it goes on, and nothing of that is recorded. */
  | "guest came"
  | "guest goes on";

export const MOVE_POINTS: readonly MovePoint[] = [
  "migration begun",
  "migration ready",
  "migration taken over",
  "migration ended",
  "guest stands still",
  "guest came",
  "guest goes on",
];

export const HAND_OVER_POINTS: readonly HandOverPoint[] = [
  "guest ended",
  "instance released",
  "instance placed",
  "guest asked for",
  "guard armed",
];

/** What consensus comes by. */
export const RAFT_CRASH_POINTS: readonly CrashPoint[] = [
  ...WRITES.flatMap((kind) => [`${kind} written`, `${kind} synced`] as const),
  ...MESSAGES.map((type) => `${type} sent` as const),
  ...(["snapshot begun", "snapshot synced", "log compacted"] as const),
];

/** What any process may come by. */
export const COMMON_CRASH_POINTS: readonly CrashPoint[] = [...RAFT_CRASH_POINTS, "guest started"];

export const CRASH_POINTS: readonly CrashPoint[] = [...COMMON_CRASH_POINTS, ...HAND_OVER_POINTS, ...MOVE_POINTS];

/** The mark that says that a process ended there. */
export function crashMark(point: CrashPoint): string {
  return `crashed at "${point}"`;
}
