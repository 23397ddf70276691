/**
 * Which proposals a leader takes: by their size, by the bytes that wait, and by how long they would wait. What is taken stands in one queue with all else, the renewals of leases among
 * it, and a cluster that commits thirty entries a second is not helped by a thousand that it was given in one.
 *
 * How long one would wait is the length of the queue over the rate at which it gets shorter (Little's law). Both are seen on the oldest
 * entry that is not committed: while it waited `age`, so many others were. That rate is of a time in which something always waited, so
 * it is what the cluster can do and not what it was asked for; and it is of now, whatever the disks did a minute ago. A queue whose oldest
 * entry is young is let alone, however long it is: a large burst on fast disks is gone before anybody can judge it. Nothing waits: anything may come.
 *
 * Bounding the wait and not the length is CoDel's idea (Nichols and Jacobson, "Controlling Queue Delay", 2012); refusing at the door and not
 * dropping at the head is ours, since what is in a log stays in it. Decision: docs/decisions/0024-bound-by-time.md.
 */
import type { Essence } from "./essence.ts";
import type { RaftLimits } from "./raft-options.ts";
import type { ProposeResult } from "./ready.ts";

/**
 * `vital` is what keeps the cluster alive: a renewal that waits behind all that clients want comes too late, and what it was to keep is
 * made anew, which asks for more than was refused. There must be little of it, a few proposals a member and second. Whatever is not called vital is ordinary, also
 * what an older version sends, which says nothing.
 */
export type Urgency = "ordinary" | "vital";

/** Vital proposals may wait for so many times as long: four seconds of a lease of six. */
const VITAL_FACTOR = 4;

/** An oldest entry that has waited for less judges nothing: twice a round trip around the world with a write on either side. */
const JUDGED_FROM_MS = 200;

/** Fewer commits than that in its life tell no rate; then its age alone counts. */
const COMMITS_MIN = 3;

/** What is refused is asked to come again after so long at least, and at most. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2000;

/** Entries that were appended together, as far as anybody tells. */
interface Arrival {
  lastIndex: number;
  readonly atMs: number;
  /** What was committed then. */
  readonly commit: number;
}

/** The queue as it is. */
export interface Uncommitted {
  readonly commit: number;
  readonly lastIndex: number;
  readonly uncommittedBytes: number;
}

type Limits = Pick<RaftLimits, "payloadBytesMax" | "uncommittedBytesMax" | "uncommittedMsMax">;

type Refusal = Extract<ProposeResult, { readonly code: "overloaded" | "too-large" }>;

export class Admission {
  readonly #limits: Limits;
  /** In order; one a millisecond at most. */
  #arrivals: Arrival[] = [];
  /** Those before it are committed. */
  #oldest = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The log was appended to; at the beginning of a term, what is not committed counts as appended then. */
  appended({ commit, lastIndex }: Uncommitted, nowMs: number): void {
    if (this.#limits.uncommittedMsMax === Infinity) return;
    const newest = this.#arrivals.at(-1);
    if (newest !== undefined && nowMs - newest.atMs < 1) newest.lastIndex = lastIndex;
    else this.#arrivals.push({ lastIndex, atMs: nowMs, commit });
  }

  committed(commit: number): void {
    const arrivals = this.#arrivals;
    while (this.#oldest < arrivals.length && (arrivals[this.#oldest] as Arrival).lastIndex <= commit) this.#oldest += 1;
    // Moving what is left costs, amortized, less than one move an arrival.
    if (this.#oldest === arrivals.length) this.#arrivals = [];
    else if (this.#oldest * 2 > arrivals.length) this.#arrivals = arrivals.slice(this.#oldest);
    else return;
    this.#oldest = 0;
  }

  /** Null: they may be appended, all of them. */
  refuse(payloads: readonly Uint8Array[], urgency: Urgency, queue: Uncommitted, nowMs: number): Refusal | null {
    const { payloadBytesMax, uncommittedBytesMax } = this.#limits;
    let sizeBytes = 0;
    for (const { length } of payloads) {
      if (length > payloadBytesMax) {
        return { ok: false, code: "too-large", sizeBytes: length, sizeBytesMax: payloadBytesMax };
      }
      sizeBytes += length;
    }
    // Nothing under way: also what is larger than the quota may go, or it never could (as in etcd-io/raft).
    const waiting = queue.uncommittedBytes;
    if (waiting > 0 && waiting + sizeBytes > uncommittedBytesMax) return { ok: false, code: "overloaded" };
    const retryAfterMs = this.#lateForMs(payloads.length, urgency, queue, nowMs);
    return retryAfterMs === null ? null : { ok: false, code: "overloaded", retryAfterMs };
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    const waiting = this.#arrivals.slice(this.#oldest);
    return waiting.map(({ lastIndex, atMs, commit }) => [lastIndex, nowMs - atMs, commit]);
  }

  /** Null: so many more entries would wait for no longer than they may. Otherwise when to come again. */
  #lateForMs(count: number, urgency: Urgency, { commit, lastIndex }: Uncommitted, nowMs: number): number | null {
    const oldest = this.#arrivals[this.#oldest];
    if (oldest === undefined || lastIndex === commit) return null;
    const ageMs = nowMs - oldest.atMs;
    if (ageMs < JUDGED_FROM_MS) return null;
    const commits = commit - oldest.commit;
    const waitMs = commits < COMMITS_MIN ? ageMs : (ageMs / commits) * (lastIndex - commit + count);
    const excessMs = waitMs - (urgency === "vital" ? VITAL_FACTOR : 1) * this.#limits.uncommittedMsMax;
    return excessMs <= 0 ? null : Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, Math.round(excessMs)));
  }
}
