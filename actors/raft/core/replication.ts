/**
 * Replication: from a leader's log into its followers' logs, until a quorum has an entry on disk (Raft §5.3, §5.4.2).
 *
 * Nothing leaves at once: `flush`, once for all that came in one batch of inputs, counts the quorum and sends each follower what
 * waits, in appends up to the limits of a message, as many as its window takes (`progress.ts`). A follower that does not answer
 * has a full window, costs one append a retry interval, and blocks nobody else.
 *
 * An index is committed when a quorum has it durably. The leader's own log counts as far as it is durable and not more than
 * anybody's: where the others are a quorum by themselves, a slow disk here holds up nobody (Ongaro's dissertation §10.2.1;
 * docs/decisions/0018-replication-windows.md).
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";
import type { Essence } from "./essence.ts";
import type { Member } from "./member.ts";
import type { AppendResponse } from "./messages.ts";
import { Progress } from "./progress.ts";

/**
 * How large the log may grow for the sake of who takes a snapshot: so many trailing windows, and so many times the snapshot. Once the snapshot
 * while it is on its way, or entries come faster than it goes; and once more while the entries of that time follow it.
 */
const HELD_WINDOWS_MAX = 4;
const HELD_SNAPSHOTS_MAX = 2;

const NOTHING: readonly LogEntry[] = [];
const NOBODY: readonly string[] = [];

export class Replication {
  readonly #member: Member;
  readonly #peers = new Map<string, Progress>();
  #sequence = 0;
  /** Peers that need a snapshot and of whom the caller has not been told. */
  #snapshotsWanted: string[] = [];
  /** The last batch that was cut, since followers mostly want the same one. */
  #batchFrom = 0;
  #batchLast = 0;
  #batchBytes = 0;
  #batch: readonly LogEntry[] = NOTHING;

  /** All but the entries from `firstIndex` are assumed to be everywhere, until a follower says otherwise. */
  constructor(member: Member, members: readonly string[], firstIndex: number, nowMs: number) {
    this.#member = member;
    this.setPeers(members, firstIndex, nowMs);
  }

  get peers(): ReadonlyMap<string, Progress> {
    return this.#peers;
  }

  /** To whom the log goes from now on; `next` is the guess for those that are new. Progress of those that stay is kept. */
  setPeers(members: readonly string[], next: number, nowMs: number): void {
    for (const node of this.#peers.keys()) if (!members.includes(node)) this.#peers.delete(node);
    for (const node of members) if (!this.#peers.has(node)) this.#peers.set(node, new Progress(node, next, nowMs));
  }

  /** Sends what waits to everybody whose window has room. */
  flush(nowMs: number): void {
    for (const peer of this.#peers.values()) this.#sendWhatWaits(peer, nowMs);
  }

  /** What a follower says of an append. Commit and the next appends follow at the next `advanceCommit` and `flush`. */
  onResponse(peer: Progress, response: AppendResponse, nowMs: number): void {
    const { log, refusals } = this.#member;
    if (response.ok) {
      if (response.match > log.lastIndex) return refusals.count("acknowledged-beyond-log");
      peer.acknowledge(response.match, nowMs);
      if (peer.match >= log.base.index) peer.failSnapshot();
      return;
    }
    const { oldest } = peer.inFlight;
    if (peer.refused(response.sequence) === "conflict" && oldest) {
      this.#backOff(peer, oldest.previousIndex, response.hintIndex, response.hintTerm);
    }
  }

  /** The peer is reachable: what it has not answered for long is sent again, and what it cannot know any more is shown again. */
  onHeartbeatResponse(peer: Progress, matched: number, nowMs: number): void {
    const { log, refusals, timing } = this.#member;
    if (matched > log.lastIndex) return refusals.count("acknowledged-beyond-log");
    peer.retryIfLost(timing.appendRetryMs, nowMs);
    if (matched < log.commit) peer.showAgain(matched);
    // It has got the snapshot in some other way: its report was lost, or it was installed before a restart.
    if (matched >= log.base.index) peer.failSnapshot(matched);
  }

  /** Commits what a quorum has on disk. True when commit moved. */
  advanceCommit(): boolean {
    const { log, self, term, rules, configuration } = this.#member;
    if (log.commit === log.lastIndex) return false;
    const index = rules.agreedIndex(configuration, (voter) =>
      voter === self ? rules.ownMatch(log) : (this.#peers.get(voter)?.match ?? 0),
    );
    if (index <= log.commit || !rules.mayCommitByCounting(log.termAt(index) ?? 0, term)) return false;
    log.commitTo(index);
    return true;
  }

  /** The snapshot that was wanted is installed there as of `index`. */
  onSnapshotSent(peer: Progress, index: number, nowMs: number): void {
    if (index <= this.#member.log.commit) peer.endSnapshot(index, nowMs);
    else peer.failSnapshot();
  }

  /** Gives up what has not moved for too long (fault 42); it is wanted again when the peer answers and still needs it. */
  giveUpSnapshots(nowMs: number): void {
    const { snapshotStalledMs } = this.#member.timing;
    for (const peer of this.#peers.values())
      if (nowMs - peer.snapshotStillSinceMs >= snapshotStalledMs) peer.failSnapshot();
  }

  /**
   * What follows a snapshot that is under way to somebody is kept until it is there and what follows it has been taken, or another snapshot
   * would be needed at once, and again after that one. Within bounds: for a receiver that is slower than what is written there is no end, and
   * it gets snapshots for ever rather than all memory.
   */
  keepFrom(nowMs: number): number {
    const { log, limits, timing, snapshotBytes } = this.#member;
    const heldBytesMax = HELD_WINDOWS_MAX * limits.trailingBytesMax + HELD_SNAPSHOTS_MAX * snapshotBytes;
    let from = Infinity;
    for (const peer of this.#peers.values()) {
      const needed = peer.keepFrom(log, timing.snapshotStalledMs, nowMs);
      // Whoever lacks what is gone already takes another snapshot in any case.
      if (needed > log.base.index) from = Math.min(from, needed);
    }
    return log.memoryBytes > heldBytesMax ? Infinity : from;
  }

  /** Each once, until `snapshot-sent` or `snapshot-failed`. */
  takeSnapshotsWanted(): readonly string[] {
    if (this.#snapshotsWanted.length === 0) return NOBODY;
    const wanted = this.#snapshotsWanted.filter((node) => this.#peers.get(node)?.state === "snapshot");
    this.#snapshotsWanted = [];
    return wanted;
  }

  /** `essence.ts`. The batch that was cut follows from the log. */
  essence(nowMs: number): Essence {
    const peers = [...this.#peers.values()].map((peer) => peer.essence(nowMs, this.#member.timing));
    return [this.#sequence, peers];
  }

  #sendWhatWaits(peer: Progress, nowMs: number): void {
    const { log, limits } = this.#member;
    while (peer.maySend(limits)) {
      if (peer.next > log.lastIndex && !peer.owesProof) return this.#tellCommit(peer, nowMs);
      const previousTerm = log.termAt(peer.next - 1);
      if (previousTerm === undefined) return this.#wantSnapshot(peer, nowMs);
      this.#append(peer, previousTerm, nowMs);
    }
  }

  #append(peer: Progress, previousTerm: number, nowMs: number): void {
    const { log, term } = this.#member;
    const previousIndex = peer.next - 1;
    const entries = this.#cutBatch(peer.next);
    this.#sequence += 1;
    peer.sent(this.#sequence, previousIndex + entries.length, this.#batchBytes, nowMs);
    peer.commitSent = log.commit;
    this.#member.send(peer.node, {
      type: "append",
      term,
      sequence: this.#sequence,
      previousIndex,
      previousTerm,
      entries,
      commit: log.commit,
    });
  }

  #tellCommit(peer: Progress, nowMs: number): void {
    const { log, term } = this.#member;
    if (log.commit <= peer.commitSent) return;
    this.#member.send(peer.node, { type: "commit", term, commit: log.commit });
    peer.commitSent = log.commit;
    peer.toldAtMs = nowMs;
  }

  /** A leader's log only grows, so a batch stays as it was cut unless more has come behind it. */
  #cutBatch(from: number): readonly LogEntry[] {
    const { log, limits } = this.#member;
    if (from !== this.#batchFrom || log.lastIndex !== this.#batchLast) {
      this.#batch = log.batch(from, limits);
      this.#batchFrom = from;
      this.#batchLast = log.lastIndex;
      this.#batchBytes = 0;
      for (const entry of this.#batch) this.#batchBytes += entry.payload.length;
    }
    return this.#batch;
  }

  /** Of a peer that is heard only: a snapshot to one that is gone would wait for nothing (fault 42). */
  #wantSnapshot(peer: Progress, nowMs: number): void {
    const { log, timing } = this.#member;
    if (nowMs - peer.heardAtMs >= timing.electionTimeoutMaxMs) return;
    peer.beginSnapshot(log.snapshot.index, nowMs);
    this.#snapshotsWanted.push(peer.node);
  }

  #backOff(peer: Progress, previousIndex: number, hintIndex: number, hintTerm: number): void {
    const { log } = this.#member;
    const best = log.lastPositionUpTo(Math.min(hintIndex, previousIndex - 1), hintTerm);
    // At the base nothing more is known, but that the logs differ there too: a snapshot is needed.
    const agreed = best.term > hintTerm ? best.index - 1 : best.index;
    const acknowledged = peer.match;
    peer.backOffTo(agreed);
    if (agreed < acknowledged) {
      this.#member.alarm({ type: "peer-lost-entries", peer: peer.node, acknowledged, present: agreed });
    }
  }
}
