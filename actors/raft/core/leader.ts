/**
 * The leader of one term. Made when an election is won, thrown away when it ends: nothing of it can leak into a later
 * term. It never gives up its own entries, and answers no read from what it merely believes (fault 15).
 */
import { Admission, type Urgency } from "./admission.ts";
import { isVoter } from "./configuration.ts";
import { leftMs, type Essence } from "./essence.ts";
import { Heartbeats } from "./heartbeats.ts";
import { LeadershipTransfer } from "./leadership-transfer.ts";
import type { Member } from "./member.ts";
import { MembershipChanges } from "./membership-changes.ts";
import type { AppendResponse, HeartbeatResponse, ReadRequest } from "./messages.ts";
import { Priorities } from "./priority.ts";
import type { Progress } from "./progress.ts";
import { quorumValue } from "./quorum.ts";
import { ReadLease } from "./read-lease.ts";
import { ReadRounds, type PendingRead } from "./read-rounds.ts";
import type {
  ChangeMembershipResult,
  MembershipChange,
  PeerStatus,
  ProposeResult,
  ReadFailure,
  TransferResult,
} from "./ready.ts";
import { Replication } from "./replication.ts";

const EMPTY = new Uint8Array(0);

export class Leader {
  readonly role = "leader";
  readonly #member: Member;
  /** Index of the no-op that opens the term (Raft §8). */
  readonly #firstIndex: number;
  readonly #replication: Replication;
  readonly #admission: Admission;
  readonly #reads: ReadRounds;
  readonly #changes: MembershipChanges;
  readonly #priorities: Priorities;
  /** Null: reads need rounds, because leases were not asked for, or voters have been asked to break them. */
  #lease: ReadLease | null;
  #transfer: LeadershipTransfer | null = null;
  /** To whom it was last in vain. */
  #avoid: string | null = null;
  readonly #heartbeats: Heartbeats;

  constructor(member: Member, nowMs: number) {
    this.#member = member;
    this.#firstIndex = member.log.append({ term: member.term, type: "noop", payload: EMPTY }).index;
    this.#replication = new Replication(member, member.others(), this.#firstIndex, nowMs);
    this.#admission = new Admission(member.limits);
    this.#admission.appended(member.log, nowMs);
    this.#reads = new ReadRounds(member.limits.pendingReadsMax, member.rules);
    this.#changes = new MembershipChanges(member, this.#firstIndex);
    this.#priorities = new Priorities(member.timing, nowMs);
    this.#lease = member.leaseReads ? new ReadLease(member.self, member.timing) : null;
    this.#heartbeats = new Heartbeats(member, this.#replication, nowMs);
  }

  get leader(): string {
    return this.#member.self;
  }

  /** Nobody is helped to replace a leader that may still lead; `mayLead` says until when. */
  isSticky(): boolean {
    return true;
  }

  propose(payloads: readonly Uint8Array[], nowMs: number, urgency: Urgency): ProposeResult {
    const { log, term } = this.#member;
    const refusal = this.#admission.refuse(payloads, urgency, log, nowMs);
    if (refusal !== null) return refusal;
    if (this.#transfer !== null || !this.#member.hasRoom) return { ok: false, code: "overloaded" };
    const firstIndex = log.lastIndex + 1;
    for (const payload of payloads) log.append({ term, type: "command", payload });
    this.#admission.appended(log, nowMs);
    return { ok: true, firstIndex, lastIndex: log.lastIndex, term };
  }

  changeMembership(changes: readonly MembershipChange[], autoLeave: boolean, nowMs: number): ChangeMembershipResult {
    if (this.#transfer) return this.#refuseChange(`leadership is being handed over to "${this.#transfer.to}"`);
    const { peers } = this.#replication;
    const result = this.#changes.change(changes, autoLeave, (member) => peers.get(member), nowMs);
    if (result.ok) this.#reconfigured(nowMs);
    return result;
  }

  leaveJoint(nowMs: number): ChangeMembershipResult {
    if (this.#transfer) return this.#refuseChange(`leadership is being handed over to "${this.#transfer.to}"`);
    const result = this.#changes.leave();
    if (result.ok) this.#reconfigured(nowMs);
    return result;
  }

  /** Null: to the best. Proposals are refused from now on, until another leads or it is given up. */
  transfer(to: string | null, force: boolean, nowMs: number): TransferResult {
    const { self } = this.#member;
    if (to === self) return { ok: true, to };
    const underWay = this.#transfer;
    if (underWay && !force) {
      if (underWay.to === to) return { ok: true, to };
      const message = `Cannot hand leadership over to "${to ?? "the best"}": it is being handed over to "${underWay.to}". Wait, or use force`;
      return { ok: false, code: "transfer-under-way", message, leader: self };
    }
    const peers = [...this.#replication.peers.values()].map(({ node, match, heardAtMs }) => ({
      node,
      match,
      heardAtMs,
      priority: this.#priorities.of(node),
    }));
    const begun = LeadershipTransfer.begin(this.#member, to, { force, peers, avoid: this.#avoid, nowMs });
    if (!(begun instanceof LeadershipTransfer)) return begun;
    this.#transfer = begun;
    this.#driveTransfer();
    return { ok: true, to: begun.to };
  }

  get transferringTo(): string | null {
    return this.#transfer?.to ?? null;
  }

  /** True when the configuration without this member as a voter is committed: its work is done (dissertation §4.2.2). */
  get isRemoved(): boolean {
    const { configuration, configurations, log, self } = this.#member;
    return !isVoter(configuration, self) && log.commit >= configurations.index;
  }

  /** The last thing that a removed leader does: the others need not wait for an election timeout. */
  handOver(nowMs: number): void {
    this.transfer(null, true, nowMs);
  }

  read(id: string, nowMs: number): void {
    this.#addRead({ origin: "local", id }, nowMs);
  }

  onAppendResponse(from: string, response: AppendResponse, nowMs: number): void {
    const peer = this.#heard(from, nowMs);
    if (!peer) return;
    // What its answers to heartbeats say counts, so that no answer of older software, which leaves it out here, is taken for a 0.
    if (response.ok && (response.priority ?? 0) !== this.#priorities.of(from)) peer.toldAtMs = -Infinity;
    this.#replication.onResponse(peer, response, nowMs);
  }

  onHeartbeatResponse(from: string, response: HeartbeatResponse, nowMs: number): void {
    const peer = this.#heard(from, nowMs);
    if (!peer) return;
    peer.round = Math.max(peer.round, response.round);
    if (response.keepsLease) this.#lease?.answered(from, response.round);
    this.#priorities.tell(from, response.priority ?? 0);
    this.#replication.onHeartbeatResponse(peer, response.matched, nowMs);
    this.#advanceReads(nowMs);
  }

  /** Also from a member outside the configuration: reading needs no vote. */
  onReadRequest(from: string, request: ReadRequest, nowMs: number): void {
    this.#addRead({ origin: "remote", node: from, token: request.token }, nowMs);
  }

  onSnapshotSent(node: string, index: number, nowMs: number): void {
    const peer = this.#replication.peers.get(node);
    if (peer) this.#replication.onSnapshotSent(peer, index, nowMs);
  }

  onSnapshotFailed(node: string): void {
    this.#replication.peers.get(node)?.failSnapshot();
  }

  /** What the receiver of a snapshot says, whether or not it is of the one under way. False: it gets none from here. */
  onSnapshotReport(from: string, nowMs: number): boolean {
    const peer = this.#heard(from, nowMs);
    peer?.noteSnapshotProgress(nowMs);
    return peer !== undefined;
  }

  /** Entries from here on must not be compacted yet. */
  keepFrom(nowMs: number): number {
    return this.#replication.keepFrom(nowMs);
  }

  takeSnapshotsWanted(): readonly string[] {
    return this.#replication.takeSnapshotsWanted();
  }

  /** What follows from all that came since the last time: commits, appends, the end of a change or of a hand-over. */
  flush(nowMs: number): void {
    if (this.#replication.advanceCommit()) {
      this.#admission.committed(this.#member.log.commit);
      this.#advanceReads(nowMs);
    }
    if (this.#transfer === null && this.#changes.leaveIfDue()) this.#reconfigured(nowMs);
    this.#replication.flush(nowMs);
    this.#driveTransfer();
  }

  onTimeout(nowMs: number): void {
    if (this.#transfer?.isOver(nowMs)) {
      this.#avoid = this.#transfer.to;
      this.#transfer = null;
    }
    this.#replication.giveUpSnapshots(nowMs);
    if (this.#transfer === null) this.#considerHandOver(nowMs);
    if (nowMs < this.#heartbeats.dueAtMs) return;
    // Nothing but a heartbeat renews a lease.
    if (this.#lease) this.#sendHeartbeats(nowMs);
    else this.#heartbeats.sendDue(this.#reads.round, nowMs);
  }

  /** False when the leader must step down: it cannot write, or has heard no quorum for too long (fault 35). */
  mayLead(nowMs: number): boolean {
    return nowMs < this.#leadsUntilMs();
  }

  nextDeadlineMs(): number {
    return Math.min(this.#heartbeats.dueAtMs, this.#leadsUntilMs(), this.#transfer?.deadlineMs ?? Infinity);
  }

  end(): void {
    for (const read of this.#reads.abandon()) this.#refuse(read, "leader-changed");
  }

  peerStatuses(): readonly PeerStatus[] {
    return [...this.#replication.peers.values()].map(({ node, match, state, next, heardAtMs }) => ({
      node,
      match,
      state,
      next,
      heardAtMs,
    }));
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    const parts = [this.#replication, this.#heartbeats, this.#admission, this.#priorities, this.#lease, this.#transfer];
    const times = [leftMs(this.#leadsUntilMs(), nowMs)];
    return [
      this.role,
      this.#firstIndex,
      this.#avoid,
      times,
      this.#reads.essence(),
      parts.map((part) => part?.essence(nowMs)),
    ];
  }

  #leadsUntilMs(): number {
    const { configuration, timing, self, rules } = this.#member;
    const heardAtMs = (voter: string): number =>
      voter === self ? Infinity : (this.#replication.peers.get(voter)?.heardAtMs ?? -Infinity);
    const quorumHeardAtMs = quorumValue(configuration, heardAtMs);
    const quorumMs = quorumHeardAtMs + timing.electionTimeoutMaxMs;
    return rules.leadsUntilMs({ quorumMs, diskMs: this.#member.diskStuckAtMs() });
  }

  #heard(from: string, nowMs: number): Progress | undefined {
    const peer = this.#replication.peers.get(from);
    if (peer) peer.heardAtMs = nowMs;
    return peer;
  }

  /** Another configuration is in force: progress begins and ends with membership. */
  #reconfigured(nowMs: number): void {
    this.#replication.setPeers(this.#member.others(), this.#member.log.lastIndex, nowMs);
  }

  /** Asks the successor to campaign as soon as it has all of the log. */
  #driveTransfer(): void {
    const { log, term } = this.#member;
    const to = this.#transfer?.to;
    if (to === undefined || !this.#transfer?.isDue(this.#replication.peers.get(to)?.match ?? 0, log.lastIndex)) return;
    this.#lease = null;
    this.#member.send(to, { type: "timeout-now", term });
  }

  /** A leader that cannot write hands over to anybody; else to a member that had better lead. */
  #considerHandOver(nowMs: number): void {
    const { configuration, log, hasRoom, priority: own } = this.#member;
    if (!hasRoom) return void this.transfer(null, false, nowMs);
    if (log.commit < this.#firstIndex) return;
    const { handOvers } = this.#member;
    const voters = [...this.#replication.peers.values()].filter(
      ({ node }) => configuration.voters.includes(node) && !handOvers.isInVain(node, nowMs),
    );
    const preferred = this.#priorities.preferred(voters, { own, lastIndex: log.lastIndex, nowMs });
    if (preferred === null) return;
    this.#priorities.begun(nowMs);
    handOvers.begun(preferred, nowMs);
    this.transfer(preferred, false, nowMs);
  }

  #refuseChange(why: string): ChangeMembershipResult {
    const message = `Cannot change the membership: ${why}. Try again at the new leader`;
    return { ok: false, code: "change-under-way", message, leader: this.#member.self };
  }

  #addRead(read: PendingRead, nowMs: number): void {
    const { rules, log } = this.#member;
    if (rules.mayAnswerAtOnce(this.#holdsLease(nowMs))) return this.#answer(read, log.commit);
    const failure = this.#reads.add(read);
    if (failure) this.#refuse(read, failure);
    else this.#advanceReads(nowMs);
  }

  /** Whether its commit index is at or after all that earlier leaders have answered. */
  get #knowsCommit(): boolean {
    const { rules, log } = this.#member;
    return rules.mayServeReads(log.commit, this.#firstIndex);
  }

  /** Whether its commit index is that of the cluster, without asking. */
  #holdsLease(nowMs: number): boolean {
    const { configuration } = this.#member;
    return this.#lease !== null && this.#knowsCommit && nowMs < this.#lease.untilMs(configuration);
  }

  /** Answers the round that a quorum has confirmed, and begins the next; a lone voter confirms its own at once. */
  #advanceReads(nowMs: number): void {
    const { configuration, self, log } = this.#member;
    const confirmed = quorumValue(configuration, (voter) =>
      voter === self ? this.#reads.round : (this.#replication.peers.get(voter)?.round ?? 0),
    );
    const finished = this.#reads.confirm(confirmed);
    for (const read of finished?.reads ?? []) this.#answer(read, finished?.index ?? 0);
    if (!this.#knowsCommit || !this.#reads.begin(log.commit)) return;
    this.#sendHeartbeats(nowMs);
    if (this.#member.otherVoters().length === 0) this.#advanceReads(nowMs);
  }

  #sendHeartbeats(nowMs: number): void {
    if (this.#lease) this.#lease.sent(this.#reads.beat(), nowMs);
    this.#heartbeats.sendToAll(this.#reads.round, nowMs);
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
