/**
 * Replication: from a leader's log into its followers' logs, until a quorum has an entry on disk (Raft §5.3, §5.4.2).
 *
 * One append is under way to each follower, and carries whatever waits, up to the limits of a message. A follower that
 * does not answer costs one append a retry interval, and blocks nobody else.
 */
import { invariant } from "./invariant.ts";
import type { Member } from "./member.ts";
import type { AppendResponse } from "./messages.ts";
import { PeerProgress } from "./peer-progress.ts";
import { quorumValue } from "./quorum.ts";

export class Replication {
  readonly #member: Member;
  readonly peers: ReadonlyMap<string, PeerProgress>;
  #sequence = 0;

  /** All but the entries from `firstIndex` are assumed to be everywhere, until a follower says otherwise. */
  constructor(member: Member, firstIndex: number, nowMs: number) {
    this.#member = member;
    const progress = member.otherVoters().map((node) => new PeerProgress(node, firstIndex, nowMs));
    this.peers = new Map(progress.map((peer) => [peer.node, peer]));
  }

  /** Sends what waits to everybody who has nothing under way. */
  replicate(nowMs: number): void {
    for (const peer of this.peers.values()) this.#sendNext(peer, nowMs);
  }

  onResponse(peer: PeerProgress, response: AppendResponse): void {
    if (response.ok) {
      const last = this.#member.log.lastIndex;
      invariant(response.match <= last, () => `"${peer.node}" acknowledged ${response.match}, the log ends at ${last}`);
      peer.acknowledge(response.sequence, response.match);
    } else if (peer.inFlight?.sequence === response.sequence) {
      this.#backOff(peer, peer.inFlight.previousIndex, response.hintIndex, response.hintTerm);
    }
  }

  /**
   * The peer is reachable; an append that it has not answered for long is lost, or its disk is slow. A peer that knows of
   * less than it acknowledged has restarted: it has the entries but may not commit them before an append has shown them
   * to be equal, so they are sent once more.
   */
  onHeartbeatResponse(peer: PeerProgress, matched: number, nowMs: number): void {
    if (peer.inFlight && nowMs - peer.inFlight.sentAtMs >= this.#member.timing.appendRetryMs) peer.retry();
    if (!peer.inFlight && matched < Math.min(peer.match, this.#member.log.commit)) peer.next = matched + 1;
    this.#sendNext(peer, nowMs);
  }

  /** Commits what a quorum has on disk; the leader's own log counts as far as it is on disk. True when commit moved. */
  advanceCommit(): boolean {
    const { log, self, term, rules, configuration } = this.#member;
    const reached = quorumValue(configuration, (voter) =>
      voter === self ? log.durable : (this.peers.get(voter)?.match ?? 0),
    );
    const index = Math.min(reached, log.durable);
    if (index <= log.commit || !rules.mayCommitByCounting(log.termAt(index) ?? 0, term)) return false;
    log.commitTo(index);
    return true;
  }

  #sendNext(peer: PeerProgress, nowMs: number): void {
    const { log, term, limits } = this.#member;
    if (peer.inFlight) return;
    if (peer.next > log.lastIndex) {
      if (log.commit > peer.commitSent) this.#member.send(peer.node, { type: "commit", term, commit: log.commit });
      peer.commitSent = log.commit;
      return;
    }
    const previousIndex = peer.next - 1;
    this.#sequence += 1;
    peer.inFlight = { sequence: this.#sequence, previousIndex, sentAtMs: nowMs };
    peer.commitSent = log.commit;
    this.#member.send(peer.node, {
      type: "append",
      term,
      sequence: this.#sequence,
      previousIndex,
      previousTerm: log.termAt(previousIndex) ?? 0,
      entries: log.batch(peer.next, limits),
      commit: log.commit,
    });
  }

  #backOff(peer: PeerProgress, previousIndex: number, hintIndex: number, hintTerm: number): void {
    const agreed = this.#member.log.lastPositionUpTo(Math.min(hintIndex, previousIndex - 1), hintTerm).index;
    peer.inFlight = null;
    peer.next = agreed + 1;
    if (agreed >= peer.match) return;
    this.#member.alarm({
      type: "peer-lost-entries",
      peer: peer.node,
      acknowledged: peer.match,
      present: agreed,
    });
    peer.match = agreed;
  }
}
