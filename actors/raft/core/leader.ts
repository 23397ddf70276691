/**
 * The leader of one term. Made when an election is won, thrown away when it ends: nothing of it can leak into a later
 * term. It never gives up its own entries, and answers no read from what it merely believes (fault 15).
 */
import type { Member } from "./member.ts";
import type { AppendResponse, HeartbeatResponse, RaftMessage, ReadRequest } from "./messages.ts";
import type { PeerProgress } from "./peer-progress.ts";
import { quorumValue } from "./quorum.ts";
import { ReadRounds, type PendingRead } from "./read-rounds.ts";
import type { PeerStatus, ProposeResult, ReadFailure } from "./ready.ts";
import { Replication } from "./replication.ts";

const EMPTY = new Uint8Array(0);

export class Leader {
  readonly role = "leader";
  readonly #member: Member;
  /** Index of the no-op that opens the term (Raft §8). */
  readonly #firstIndex: number;
  readonly #replication: Replication;
  readonly #reads: ReadRounds;
  #heartbeatAtMs: number;
  #uncommittedBytes = 0;

  constructor(member: Member, nowMs: number) {
    this.#member = member;
    this.#firstIndex = member.log.append({ term: member.term, type: "noop", payload: EMPTY }).index;
    this.#replication = new Replication(member, this.#firstIndex, nowMs);
    this.#reads = new ReadRounds(member.limits.pendingReadsMax);
    this.#heartbeatAtMs = nowMs + member.timing.heartbeatMs;
    this.#replication.replicate(nowMs);
  }

  get leader(): string {
    return this.#member.self;
  }

  /** Nobody is helped to replace a leader that may still lead; `mayLead` says until when. */
  isSticky(): boolean {
    return true;
  }

  propose(payloads: readonly Uint8Array[], nowMs: number): ProposeResult {
    const { log, term, limits } = this.#member;
    const tooLarge = payloads.find((payload) => payload.length > limits.payloadBytesMax);
    if (tooLarge) {
      return { ok: false, code: "too-large", sizeBytes: tooLarge.length, sizeBytesMax: limits.payloadBytesMax };
    }
    if (this.#uncommittedBytes >= limits.uncommittedBytesMax) return { ok: false, code: "overloaded" };
    const firstIndex = log.lastIndex + 1;
    for (const payload of payloads) {
      log.append({ term, type: "command", payload });
      this.#uncommittedBytes += payload.length;
    }
    this.#replication.replicate(nowMs);
    return { ok: true, firstIndex, lastIndex: log.lastIndex, term };
  }

  read(id: string, nowMs: number): void {
    this.#addRead({ origin: "local", id }, nowMs);
  }

  onAppendResponse(from: string, response: AppendResponse, nowMs: number): void {
    const peer = this.#heard(from, nowMs);
    if (!peer) return;
    this.#replication.onResponse(peer, response);
    this.#afterProgress(nowMs);
  }

  onHeartbeatResponse(from: string, response: HeartbeatResponse, nowMs: number): void {
    const peer = this.#heard(from, nowMs);
    if (!peer) return;
    peer.round = Math.max(peer.round, response.round);
    this.#replication.onHeartbeatResponse(peer, response.matched, nowMs);
    this.#advanceReads(nowMs);
  }

  /** Also from a member outside the configuration: reading needs no vote. */
  onReadRequest(from: string, request: ReadRequest, nowMs: number): void {
    this.#addRead({ origin: "remote", node: from, token: request.token }, nowMs);
  }

  onPersisted(nowMs: number): void {
    this.#afterProgress(nowMs);
  }

  onTimeout(nowMs: number): void {
    if (nowMs >= this.#heartbeatAtMs) this.#sendHeartbeats(nowMs);
  }

  /** False when the leader must step down: it cannot write, or has heard no quorum for too long (fault 35). */
  mayLead(nowMs: number): boolean {
    return nowMs < this.#leadsUntilMs();
  }

  nextDeadlineMs(): number {
    return Math.min(this.#heartbeatAtMs, this.#leadsUntilMs());
  }

  end(): void {
    for (const read of this.#reads.abandon()) this.#refuse(read, "leader-changed");
  }

  peerStatuses(): readonly PeerStatus[] {
    return [...this.#replication.peers.values()].map(({ node, match, heardAtMs }) => ({ node, match, heardAtMs }));
  }

  #leadsUntilMs(): number {
    const { configuration, timing, self } = this.#member;
    const heardAtMs = (voter: string): number =>
      voter === self ? Infinity : (this.#replication.peers.get(voter)?.heardAtMs ?? -Infinity);
    const quorumHeardAtMs = quorumValue(configuration, heardAtMs);
    return Math.min(quorumHeardAtMs + timing.electionTimeoutMaxMs, this.#member.diskStuckAtMs());
  }

  #heard(from: string, nowMs: number): PeerProgress | undefined {
    const peer = this.#replication.peers.get(from);
    if (peer) peer.heardAtMs = nowMs;
    return peer;
  }

  #afterProgress(nowMs: number): void {
    const { log } = this.#member;
    const before = Math.max(log.commit, this.#firstIndex);
    if (this.#replication.advanceCommit()) {
      for (const entry of log.entries(before + 1, log.commit)) this.#uncommittedBytes -= entry.payload.length;
      this.#advanceReads(nowMs);
    }
    this.#replication.replicate(nowMs);
  }

  #addRead(read: PendingRead, nowMs: number): void {
    const failure = this.#reads.add(read);
    if (failure) this.#refuse(read, failure);
    else this.#advanceReads(nowMs);
  }

  /** Answers the round that a quorum has confirmed, and begins the next; a lone voter confirms its own at once. */
  #advanceReads(nowMs: number): void {
    const { configuration, self, log } = this.#member;
    const confirmed = quorumValue(configuration, (voter) =>
      voter === self ? this.#reads.round : (this.#replication.peers.get(voter)?.round ?? 0),
    );
    const finished = this.#reads.confirm(confirmed);
    for (const read of finished?.reads ?? []) this.#answer(read, finished?.index ?? 0);
    if (log.commit < this.#firstIndex || !this.#reads.begin(log.commit)) return;
    this.#sendHeartbeats(nowMs);
    if (configuration.voters.length === 1) this.#advanceReads(nowMs);
  }

  #sendHeartbeats(nowMs: number): void {
    const { term, log } = this.#member;
    const heartbeat: RaftMessage = { type: "heartbeat", term, commit: log.commit, round: this.#reads.round };
    for (const node of this.#replication.peers.keys()) this.#member.send(node, heartbeat);
    this.#heartbeatAtMs = nowMs + this.#member.timing.heartbeatMs;
  }

  #answer(read: PendingRead, index: number): void {
    if (read.origin === "local") this.#member.finishRead({ id: read.id, ok: true, index });
    else this.#respond(read.node, read.token, index);
  }

  #refuse(read: PendingRead, code: ReadFailure): void {
    if (read.origin === "local") this.#member.finishRead({ id: read.id, ok: false, code });
    else this.#respond(read.node, read.token, null);
  }

  #respond(node: string, token: string, index: number | null): void {
    this.#member.send(node, { type: "read-response", term: this.#member.term, token, index });
  }
}
