/**
 * What a leader knows of one follower's log, and how entries go to it:
 *
 *                  accepted                  needs what is compacted
 *     ┌─▶ probe ─────────────▶ replicate ─────────────┐
 *     │     ▲ ◀── lost, or refused ──┘                ▼
 *     │     └──────── installed, failed, stalled ─ snapshot
 *     └ a new leader knows nothing yet
 *
 * `probe`: one append at a time, until it is known where the logs agree. `replicate`: appends follow each other without waiting,
 * as far as the window goes, so a slow follower fills its own window and nobody else notices. `snapshot`: no appends.
 *
 * Appends carry numbers, and an answer that is not of one under way moves nothing back: an old refusal says nothing about now. A
 * refusal of any but the oldest is explained by one before it that is late or lost: the follower could not take it. It is sent
 * again when the one before is acknowledged, or at once after `REFUSALS_MEAN_LOSS` of them (as TCP's fast retransmit).
 * `match` moves by any answer of the term, since a follower never loses what it has acknowledged to its leader.
 *
 * Source: etcd-io/raft `tracker/progress.go`; Ongaro's dissertation §10.2.1.
 */
import { agoMs, type Essence } from "./essence.ts";
import { InFlight, type WindowLimits } from "./in-flight.ts";
import type { Heartbeat } from "./messages.ts";
import type { RaftTiming } from "./raft-options.ts";

/** Late by reordering, an append arrives soon; behind one that is lost, each of the window is refused. */
const REFUSALS_MEAN_LOSS = 3;

/** How entries go to a follower. */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** Where a leader's log ends, and as of where its newest snapshot is. */
export interface LogMarks {
  readonly lastIndex: number;
  readonly snapshot: { readonly index: number };
}

/**
 * How long what was told does for a heartbeat, as a part of the time between two. Whom was told longer ago gets one now, with those who get one anyhow:
 * so a leader wakes up at most four times as often, and each member hears it as often as by heartbeats alone.
 */
const FRESH = 0.75;

/** What a leader knows of one follower's log, and what may be sent to it now. */
export class Progress {
  readonly node: string;
  readonly inFlight = new InFlight();
  /** Last index known to be durable there. */
  match = 0;
  heardAtMs: number;
  /** Newest round of reads it has answered. */
  round = 0;
  /** Highest commit index it was told. */
  commitSent = 0;
  /** When it was last sent what resets its election timeout: an append, a commit index, a heartbeat. -Infinity: it needs a heartbeat. */
  toldAtMs = -Infinity;
  #state: ProgressState = "probe";
  #next: number;
  /** Since when nothing new was acknowledged or reported. */
  #stillSinceMs: number;
  /** Lowest number under way that was refused because one before it was missing; Infinity when none was. */
  #refusedFrom = Infinity;
  #refusals = 0;
  #owesProof = false;
  #snapshotIndex = 0;
  /** It takes the entries behind a snapshot that it has just got. */
  #catchesUp = false;

  /** The first append is a guess: that the follower has all before `next`. */
  constructor(node: string, next: number, nowMs: number) {
    this.node = node;
    this.#next = next;
    this.heardAtMs = nowMs;
    this.#stillSinceMs = nowMs;
  }

  get state(): ProgressState {
    return this.#state;
  }
  /** First index to send. */
  get next(): number {
    return this.#next;
  }
  /** An append must go to it even when it holds nothing. */
  get owesProof(): boolean {
    return this.#owesProof;
  }
  /** What the snapshot under way to it covers; 0 when none is. */
  get snapshotIndex(): number {
    return this.#snapshotIndex;
  }

  /**
   * Whether appends do for it what a heartbeat would, so that it needs none now: it was just told, and has just answered, something; it knows what is
   * committed, and has no round of reads to confirm. An answer to an append waits for its disk, that to a heartbeat does not: so whoever has a
   * slow disk gets heartbeats, and is heard.
   */
  needsNoHeartbeat({ commit, round }: Heartbeat, heartbeatMs: number, nowMs: number): boolean {
    const isTold = nowMs - this.toldAtMs < heartbeatMs * FRESH && this.commitSent >= commit;
    return isTold && nowMs - this.heardAtMs < heartbeatMs && this.round >= round;
  }

  maySend(limits: WindowLimits): boolean {
    if (this.#state === "replicate") return !this.inFlight.isFull(limits);
    return this.#state === "probe" && this.inFlight.size === 0;
  }

  sent(sequence: number, lastIndex: number, sizeBytes: number, nowMs: number): void {
    this.toldAtMs = nowMs;
    this.inFlight.add({ sequence, previousIndex: this.#next - 1, lastIndex, sizeBytes, sentAtMs: nowMs });
    this.#next = lastIndex + 1;
    this.#owesProof = false;
  }

  /** Its log equals the leader's up to `match`, durably. Whether that is news. */
  acknowledge(match: number, nowMs: number): boolean {
    const isNews = match > this.match;
    if (isNews) {
      this.match = match;
      this.#stillSinceMs = nowMs;
    }
    this.inFlight.freeTo(match);
    if (this.#state === "snapshot") return isNews;
    this.#next = Math.max(this.#next, this.match + 1);
    if (this.#state === "probe" && this.inFlight.size === 0) this.#enter("replicate");
    if ((this.inFlight.oldest?.sequence ?? 0) >= this.#refusedFrom) this.#sendAgain();
    return isNews;
  }

  /**
   * What a refusal of append `sequence` means: `stale`: nothing. `explained`: an append before it is missing there, and all
   * is sent again when that is the reason. `conflict`: its log differs before that append; the caller says where by `backOffTo`.
   */
  refused(sequence: number): "stale" | "explained" | "conflict" {
    const { oldest } = this.inFlight;
    if (!oldest || !this.inFlight.has(sequence)) return "stale";
    if (oldest.sequence === sequence) return "conflict";
    this.#refusedFrom = Math.min(this.#refusedFrom, sequence);
    this.#refusals += 1;
    if (this.#refusals >= REFUSALS_MEAN_LOSS) this.#sendAgain();
    return "explained";
  }

  /** The logs agree at best up to `agreed`. Below `match` it has lost what it acknowledged. */
  backOffTo(agreed: number): void {
    this.#enter("probe");
    this.match = Math.min(this.match, agreed);
    this.#next = agreed + 1;
  }

  /** It answers other messages, but nothing that was appended for `retryMs`: the appends are lost, or its disk hangs. */
  retryIfLost(retryMs: number, nowMs: number): void {
    const { oldest } = this.inFlight;
    if (!oldest || nowMs - Math.max(oldest.sentAtMs, this.#stillSinceMs) < retryMs) return;
    const next = Math.max(this.match, oldest.previousIndex) + 1;
    this.#enter("probe");
    this.#next = next;
  }

  /**
   * It knows of less than it acknowledged, so it has restarted: it has the entries, but may not commit them before an append
   * has shown them to be equal. One behind the last that it acknowledged does, if need be an empty one.
   */
  showAgain(matched: number): void {
    if (this.#state === "snapshot" || this.inFlight.size > 0 || matched >= this.match) return;
    this.#enter("probe");
    this.#next = this.match + 1;
    this.#owesProof = true;
  }

  /** It gets a snapshot as of `index`; until then nothing is appended. */
  beginSnapshot(index: number, nowMs: number): void {
    this.#enter("snapshot");
    this.#snapshotIndex = index;
    this.#catchesUp = false;
    this.#stillSinceMs = nowMs;
  }

  /** Something of the snapshot has arrived there. */
  noteSnapshotProgress(nowMs: number): void {
    if (this.#state === "snapshot") this.#stillSinceMs = nowMs;
  }

  /** The snapshot as of `index` is installed there. */
  endSnapshot(index: number, nowMs: number): void {
    this.acknowledge(index, nowMs);
    this.failSnapshot();
  }

  /** It is not, or not needed. `has`: how far its log is known to equal the leader's, durably or not. */
  failSnapshot(has = 0): void {
    if (this.#state !== "snapshot") return;
    const reached = Math.max(this.match, has);
    this.#catchesUp = reached >= this.#snapshotIndex;
    this.#enter("probe");
    this.#next = reached + 1;
  }

  /**
   * First entry that must not be compacted away yet, or it would need another snapshot: what follows the one under way; and behind one that
   * it has got, what it lacks, as long as it takes entries, until it has all that the newest snapshot covers and nothing waits. Infinity: none.
   */
  keepFrom({ lastIndex, snapshot }: LogMarks, stalledMs: number, nowMs: number): number {
    if (this.#state === "snapshot") return this.#snapshotIndex + 1;
    const isLevel = this.#state === "replicate" && this.match >= snapshot.index && this.#next > lastIndex;
    if (isLevel || nowMs - this.#stillSinceMs >= stalledMs) this.#catchesUp = false;
    return this.#catchesUp ? this.match + 1 : Infinity;
  }

  /** Since when the snapshot under way has not moved; Infinity when none is. */
  get snapshotStillSinceMs(): number {
    return this.#state === "snapshot" ? this.#stillSinceMs : Infinity;
  }

  /** `essence.ts`. Since when nothing moved counts for a snapshot, under way or just taken, and for appends that were sent before. */
  essence(nowMs: number, timing: RaftTiming): Essence {
    const { appendRetryMs, snapshotStalledMs, electionTimeoutMaxMs, heartbeatMs } = timing;
    const heard = agoMs(this.heardAtMs, nowMs, electionTimeoutMaxMs);
    const isTimed = this.#state === "snapshot" || this.#catchesUp;
    const still = isTimed ? agoMs(this.#stillSinceMs, nowMs, snapshotStalledMs) : 0;
    const marks = [
      this.match,
      this.round,
      this.commitSent,
      this.#state,
      this.#next,
      this.#owesProof,
      this.#snapshotIndex,
      this.#catchesUp,
    ];
    const refusals = [Number.isFinite(this.#refusedFrom) ? this.#refusedFrom : null, this.#refusals];
    const told = agoMs(this.toldAtMs, nowMs, heartbeatMs * FRESH);
    return [
      this.node,
      heard,
      told,
      still,
      marks,
      refusals,
      this.inFlight.essence(nowMs, this.#stillSinceMs, appendRetryMs),
    ];
  }

  /** From the first that is not acknowledged. */
  #sendAgain(): void {
    const { oldest } = this.inFlight;
    const next = Math.max(this.match, oldest?.previousIndex ?? 0) + 1;
    this.#enter(this.#state);
    this.#next = next;
  }

  #enter(state: ProgressState): void {
    this.#state = state;
    this.inFlight.clear();
    this.#refusedFrom = Infinity;
    this.#refusals = 0;
    this.#owesProof = false;
    this.#snapshotIndex = 0;
  }
}
