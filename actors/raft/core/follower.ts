/**
 * A follower in one term: takes the leader's entries and snapshots, acknowledges what is on disk, and hands reads over to the
 * leader.
 *
 * It commits nothing beyond `matched`, the last index that this leader's appends have shown to be equal. A commit index
 * by itself says nothing about a log that may have lost or kept other entries (faults 30 and 31).
 */
import type { FinishedSnapshot } from "../../../runtime/ports/snapshot-store.ts";
import { appendFault } from "./append-check.ts";
import type { Configuration } from "./configuration.ts";
import { agoMs, leftMs, type Essence } from "./essence.ts";
import type { ForwardedReads } from "./forwarded-reads.ts";
import { invariant } from "./invariant.ts";
import type { Member } from "./member.ts";
import type { AppendRequest, CommitNotice, Heartbeat, ReadResponse, SnapshotOffer } from "./messages.ts";
import { priorityDelayMs } from "./priority.ts";
import type { ReadFailure } from "./ready.ts";

export class Follower {
  readonly role = "follower";
  readonly leader: string | null;
  readonly #member: Member;
  readonly #forwarded: ForwardedReads;
  /** Last index known to equal the leader's; what is committed always does. */
  #matched: number;
  /** What the leader has committed, as far as it has told. */
  #leaderCommit: number;
  #heardAtMs: number;
  #electionAtMs: number;

  constructor(member: Member, forwarded: ForwardedReads, leader: string | null, nowMs: number) {
    this.#member = member;
    this.#forwarded = forwarded;
    this.leader = leader;
    this.#matched = member.log.commit;
    this.#leaderCommit = member.log.commit;
    this.#heardAtMs = nowMs;
    this.#electionAtMs = nowMs + member.drawElectionTimeoutMs();
  }

  /** Hears a leader, so it helps nobody to replace it: a member cut off from the leader alone disturbs nobody. */
  isSticky(nowMs: number): boolean {
    return this.leader !== null && nowMs < this.#heardAtMs + this.#member.timing.electionTimeoutMinMs;
  }

  onAppend(leader: string, message: AppendRequest, nowMs: number): void {
    const { log, term, limits, refusals, priority } = this.#member;
    const fault = appendFault(message, limits);
    if (fault !== null) return refusals.count(fault);
    this.#heardLeader(nowMs);
    const { previousIndex, entries, sequence } = message;
    if (!log.matches(previousIndex, message.previousTerm)) return this.#refuseAppend(leader, message);
    log.merge(entries);
    this.#matched = Math.max(this.#matched, previousIndex + entries.length);
    this.#learnCommit(message.commit);
    const response = { type: "append-response", term, sequence, ok: true, match: this.#matched } as const;
    this.#member.sendWhenDurable(leader, priority === 0 ? response : { ...response, priority });
  }

  /** A snapshot of what is committed here already is as good as installed: the leader may go on behind it. */
  onSnapshotOffer(leader: string, message: SnapshotOffer, nowMs: number): "wanted" | "stale" {
    this.#heardLeader(nowMs);
    if (message.snapshot.index > this.#member.log.commit) return "wanted";
    this.#reportInstalled(leader, message.snapshot);
    return "stale";
  }

  onSnapshotPart(nowMs: number): void {
    this.#heardLeader(nowMs);
  }

  /** All of it is durable here; the leader hears of it when the log is too. */
  onSnapshotReceived(snapshot: FinishedSnapshot, configuration: Configuration): void {
    const { log } = this.#member;
    if (this.#member.installSnapshot(snapshot, configuration) !== "stale") {
      this.#matched = Math.max(log.commit, Math.min(this.#matched, log.lastIndex));
    }
    if (this.leader !== null) this.#reportInstalled(this.leader, snapshot);
  }

  onHeartbeat(leader: string, message: Heartbeat, nowMs: number): void {
    this.#heardLeader(nowMs);
    this.#learnCommit(message.commit);
    const { term, leaseReads, priority } = this.#member;
    // Whose disk is stuck acknowledges nothing: a leader that hears a quorum only with its help commits nothing, and must find that out (fault 41).
    if (nowMs >= this.#member.diskStuckAtMs()) return;
    if (leaseReads) this.#member.promise(nowMs);
    this.#member.send(leader, {
      type: "heartbeat-response",
      term,
      round: message.round,
      matched: this.#matched,
      ...(leaseReads && { keepsLease: true }),
      ...(priority !== 0 && { priority }),
    });
  }

  onCommitNotice(message: CommitNotice, nowMs: number): void {
    this.#heardLeader(nowMs);
    this.#learnCommit(message.commit);
  }

  /** The link to the leader is lost: it can no longer be heard, so nothing speaks for waiting, unless the leader counts on it. */
  onLeaderLost(nowMs: number): void {
    const { random, timing, priority, leaseReads } = this.#member;
    if (leaseReads) return;
    const waitMs = random.integer(timing.successionMs + 1) + priorityDelayMs(priority, timing);
    this.#heardAtMs = -Infinity;
    this.#electionAtMs = Math.min(this.#electionAtMs, nowMs + waitMs);
  }

  onPersisted(): void {
    this.#learnCommit(this.#leaderCommit);
  }

  read(id: string, nowMs: number): void {
    const { term, limits, timing } = this.#member;
    if (this.leader === null) return this.#refuse(id, "no-leader");
    if (this.#forwarded.size >= limits.pendingReadsMax) return this.#refuse(id, "overloaded");
    const token = this.#forwarded.add(id, nowMs + timing.electionTimeoutMaxMs);
    this.#member.send(this.leader, { type: "read-request", term, token });
  }

  onReadResponse(message: ReadResponse): void {
    const id = this.#forwarded.take(message.token);
    if (id === undefined) return;
    if (message.index === null) this.#refuse(id, "leader-changed");
    else this.#member.finishRead({ id, ok: true, index: message.index });
  }

  onTimeout(nowMs: number): void {
    for (const id of this.#forwarded.takeExpired(nowMs)) this.#refuse(id, "timeout");
  }

  /** When it has waited for a leader long enough. */
  get electionAtMs(): number {
    return this.#electionAtMs;
  }

  nextDeadlineMs(): number {
    return Math.min(this.#electionAtMs, this.#forwarded.nextDeadlineMs());
  }

  /** `essence.ts`. When it heard the leader counts only where it has one. */
  essence(nowMs: number): Essence {
    const { electionTimeoutMinMs } = this.#member.timing;
    const heard = this.leader === null ? 0 : agoMs(this.#heardAtMs, nowMs, electionTimeoutMinMs);
    const times = [heard, leftMs(this.#electionAtMs, nowMs)];
    return [this.role, this.leader, this.#matched, this.#leaderCommit, times, this.#forwarded.essence(nowMs)];
  }

  end(): void {
    for (const id of this.#forwarded.takeAll()) this.#refuse(id, "leader-changed");
  }

  #heardLeader(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#electionAtMs = nowMs + this.#member.drawElectionTimeoutMs();
  }

  #refuseAppend(leader: string, { previousIndex, previousTerm, sequence }: AppendRequest): void {
    const { log, term } = this.#member;
    invariant(
      previousIndex > log.commit,
      () => `"${leader}" has term ${previousTerm} at index ${previousIndex}, which is committed here with another`,
    );
    const hint = log.lastPositionUpTo(previousIndex, previousTerm);
    const refusal = { type: "append-response", term, sequence, ok: false } as const;
    this.#member.send(leader, { ...refusal, hintIndex: hint.index, hintTerm: hint.term });
  }

  #reportInstalled(leader: string, { id, chunks }: FinishedSnapshot): void {
    const { term } = this.#member;
    this.#member.sendWhenDurable(leader, { type: "snapshot-report", term, id, next: chunks, state: "installed" });
  }

  #learnCommit(commit: number): void {
    const { log, rules } = this.#member;
    this.#leaderCommit = Math.max(this.#leaderCommit, commit);
    const { durable } = log;
    const known = rules.knownCommitted({ leaderCommit: this.#leaderCommit, matched: this.#matched, durable });
    if (known > log.commit) log.commitTo(known);
  }

  #refuse(id: string, code: ReadFailure): void {
    this.#member.finishRead({ id, ok: false, code });
  }
}
