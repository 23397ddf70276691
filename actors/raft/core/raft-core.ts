/**
 * Raft as a pure step machine: inputs in, `Ready` out, no clock, no disk, no network.
 *
 *     step(input, nowMs)*  →  takeReady()  →  write, send, apply  →  step(persisted) …
 *
 * The caller carries a `Ready` out before it steps again, keeps one timer at `nextDeadlineMs()`, and reports a finished
 * write. A failed write is reported by never stepping again: what depended on it has not left and never will (fault 3).
 * Nothing here waits for anything, so no state changes between a decision and its effect (fault 6).
 *
 * This file is the transitions between the roles and the rules about terms. The roles: `follower.ts`, `campaign.ts`,
 * `leader.ts`; what they share: `member.ts`. See README.md for the words and
 * docs/decisions/0003-raft-step-machine.md for the why.
 *
 * Source: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", extended version; etcd-io/raft.
 */
import type { LoadedLog, LogEntry } from "../../../runtime/ports/log-store.ts";
import type { FinishedSnapshot } from "../../../runtime/ports/snapshot-store.ts";
import type { Random } from "../../../runtime/ports/random.ts";
import { Campaign } from "./campaign.ts";
import { isVoter, type Configuration } from "./configuration.ts";
import { Follower } from "./follower.ts";
import { ForwardedReads } from "./forwarded-reads.ts";
import { invariant } from "./invariant.ts";
import { Leader } from "./leader.ts";
import { Member } from "./member.ts";
import type {
  PreVoteRequest,
  PreVoteResponse,
  RaftMessage,
  ReadRequest,
  VoteRequest,
  VoteResponse,
} from "./messages.ts";
import { DEFAULT_RAFT_LIMITS, DEFAULT_RAFT_TIMING, type RaftLimits, type RaftTiming } from "./raft-options.ts";
import { RAFT_RULES, type RaftRules } from "./raft-rules.ts";
import type { Leadership, ProposeResult, RaftStatus, Ready } from "./ready.ts";

export interface RaftCoreOptions {
  readonly self: string;
  readonly configuration: Configuration;
  /** What `LogStore.load` gave. */
  readonly loaded: LoadedLog;
  readonly random: Random;
  readonly nowMs: number;
  readonly timing?: Partial<RaftTiming>;
  readonly limits?: Partial<RaftLimits>;
  /** Only to plant a fault; see `planted-faults.ts`. */
  readonly rules?: RaftRules;
}

export type RaftInput =
  | { readonly type: "message"; readonly from: string; readonly message: RaftMessage }
  /** A read that must be linearizable; answered by an outcome in `Ready.reads`, within an election timeout. */
  | { readonly type: "read"; readonly id: string }
  /** `nextDeadlineMs()` has passed. Too early does nothing. */
  | { readonly type: "timeout" }
  /** Nothing can come from that member any more until a link to it is made again. */
  | { readonly type: "link-lost"; readonly member: string }
  /** The snapshot that `snapshotsWanted` asked for is installed there, as of `index`. */
  | { readonly type: "snapshot-sent"; readonly member: string; readonly index: number }
  /** It is not, and will not be by this transfer. */
  | { readonly type: "snapshot-failed"; readonly member: string }
  /** All chunks of a snapshot of this term's leader are durable here: the log may begin behind it. */
  | { readonly type: "snapshot-received"; readonly snapshot: FinishedSnapshot; readonly configuration: Configuration }
  /** The machine's own snapshot as of `index` is durable. */
  | { readonly type: "snapshot-made"; readonly index: number }
  /** Whether the disk has room; without, the member refuses proposals and hands leadership over. */
  | { readonly type: "room"; readonly hasRoom: boolean }
  /** The write of that token is durable. */
  | { readonly type: "persisted"; readonly token: number };

/** What may look but not touch: for invariants, status pages, checkers. */
export interface RaftView {
  status(): RaftStatus;
  /** The term of the entry at `index`, 0 at index 0, undefined beyond the log. */
  termAt(index: number): number | undefined;
  /** Entries from `from` to `to`, both included, as far as they exist. */
  entries(from: number, to: number): readonly LogEntry[];
}

type Role = Follower | Campaign | Leader;

export class RaftCore implements RaftView {
  readonly #member: Member;
  readonly #forwarded: ForwardedReads;
  #role: Role;
  /** Who has led this term, also while this member looks for another. */
  #termLeader: string | null = null;
  #leadership: Leadership | null = null;
  #nowMs: number;

  constructor(options: RaftCoreOptions) {
    const { self, configuration, loaded, random, nowMs } = options;
    this.#member = new Member({
      self,
      configuration,
      loaded,
      random,
      timing: { ...DEFAULT_RAFT_TIMING, ...options.timing },
      limits: { ...DEFAULT_RAFT_LIMITS, ...options.limits },
      rules: options.rules ?? RAFT_RULES,
    });
    this.#nowMs = nowMs;
    this.#forwarded = new ForwardedReads(random);
    this.#role = this.#newFollower(null);
    if (configuration.voters.length === 1) this.#campaign();
  }

  step(input: RaftInput, nowMs: number): void {
    this.#nowMs = nowMs;
    switch (input.type) {
      case "message":
        return this.#onMessage(input.from, input.message);
      case "read":
        return this.#onRead(input.id);
      case "timeout":
        return this.#onTimeout();
      case "link-lost":
        if (this.#role instanceof Follower && this.#role.leader === input.member) this.#role.onLeaderLost(nowMs);
        return;
      case "persisted":
        return this.#onPersisted(input.token);
      default:
        return input satisfies never;
    }
  }

  /** Appends commands to the log if this member leads. They are not forwarded: the caller knows the leader and how. */
  propose(payloads: readonly Uint8Array[], nowMs: number): ProposeResult {
    this.#nowMs = nowMs;
    if (this.#role.role !== "leader") return { ok: false, code: "not-leader", leader: this.#role.leader };
    return this.#role.propose(payloads, nowMs);
  }

  takeReady(): Ready {
    const write = this.#member.takeWrite(this.#nowMs);
    const leadership = this.#takeLeadership();
    return {
      ...(write && { write }),
      messages: this.#member.outbox.take(),
      committed: this.#member.log.takeCommitted(),
      reads: this.#member.takeReads(),
      ...(leadership && { leadership }),
      alarms: this.#member.takeAlarms(),
    };
  }

  /** When `timeout` must be stepped, on the clock of `nowMs`. */
  nextDeadlineMs(): number {
    const { self, configuration } = this.#member;
    return isVoter(configuration, self) ? this.#role.nextDeadlineMs() : this.#forwarded.nextDeadlineMs();
  }

  get leader(): string | null {
    return this.#role.leader;
  }

  status(): RaftStatus {
    const { self, term, vote, log, configuration } = this.#member;
    return {
      self,
      term,
      role: this.#role.role,
      leader: this.#role.leader,
      vote,
      applied: log.applied,
      commit: log.commit,
      durable: log.durable,
      lastIndex: log.lastIndex,
      lastTerm: log.lastTerm,
      voters: configuration.voters,
      peers: this.#role.role === "leader" ? this.#role.peerStatuses() : [],
    };
  }

  termAt(index: number): number | undefined {
    return this.#member.log.termAt(index);
  }

  entries(from: number, to: number): readonly LogEntry[] {
    return this.#member.log.entries(from, to);
  }

  // ── Inputs ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #onMessage(from: string, message: RaftMessage): void {
    const { term } = this.#member;
    if (message.term < term) return this.#onEarlierTerm(from, message);
    if (message.type === "pre-vote-request") return this.#onPreVoteRequest(from, message);
    if (message.type === "pre-vote-response" && message.granted) return this.#onPreVoteResponse(from, message);
    if (message.term > term) {
      if (message.type === "vote-request" && this.#role.isSticky(this.#nowMs)) return;
      this.#enterTerm(message.term);
    }
    switch (message.type) {
      case "vote-request":
        return this.#onVoteRequest(from, message);
      case "vote-response":
        return this.#onVoteResponse(from, message);
      case "pre-vote-response":
        return this.#onPreVoteResponse(from, message);
      case "append":
        return this.#follow(from).onAppend(from, message, this.#nowMs);
      case "heartbeat":
        return this.#follow(from).onHeartbeat(from, message, this.#nowMs);
      case "commit":
        return this.#follow(from).onCommitNotice(message, this.#nowMs);
      case "read-response":
        if (this.#role.role === "follower" && from === this.#role.leader) this.#role.onReadResponse(message);
        return;
      case "read-request":
        return this.#onReadRequest(from, message);
      case "append-response":
        if (this.#role.role === "leader") this.#role.onAppendResponse(from, message, this.#nowMs);
        return;
      case "heartbeat-response":
        if (this.#role.role === "leader") this.#role.onHeartbeatResponse(from, message, this.#nowMs);
        return;
      case "newer-term":
        return;
      default:
        return message satisfies never;
    }
  }

  #onRead(id: string): void {
    if (this.#role instanceof Campaign) this.#member.finishRead({ id, ok: false, code: "no-leader" });
    else this.#role.read(id, this.#nowMs);
  }

  #onTimeout(): void {
    const role = this.#role;
    if (role instanceof Leader) {
      if (role.mayLead(this.#nowMs)) role.onTimeout(this.#nowMs);
      else this.#become(this.#newFollower(null));
      return;
    }
    if (role instanceof Follower) role.onTimeout(this.#nowMs);
    if (this.#nowMs >= role.electionAtMs) this.#campaign();
  }

  #onPersisted(token: number): void {
    const { self } = this.#member;
    for (const message of this.#member.endWrite(token)) this.#onMessage(self, message);
    if (!(this.#role instanceof Campaign)) this.#role.onPersisted(this.#nowMs);
  }

  // ── Terms and votes ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Whoever asks for a vote or claims to lead must hear of the later term, or it would never join it (fault 37). */
  #onEarlierTerm(from: string, message: RaftMessage): void {
    const { term } = this.#member;
    switch (message.type) {
      case "pre-vote-request":
        return this.#member.send(from, { type: "pre-vote-response", term, granted: false });
      case "vote-request":
        return this.#member.send(from, { type: "vote-response", term, granted: false });
      case "append":
      case "heartbeat":
      case "commit":
        return this.#member.send(from, { type: "newer-term", term });
      default:
        return;
    }
  }

  /** Answers as it would to a real request, but changes nothing. The log counts here too (NuRaft #134). */
  #onPreVoteRequest(from: string, message: PreVoteRequest): void {
    if (this.#role.isSticky(this.#nowMs)) return;
    const { term } = this.#member;
    const granted =
      (message.term > term || this.#mayVoteFor(from)) &&
      this.#member.isUpToDate(message) &&
      !this.#insistsAgainst(from, message);
    this.#member.send(from, { type: "pre-vote-response", term: granted ? message.term : term, granted });
  }

  /** Only against an equal log: a longer one must win, whatever its member's name. */
  #insistsAgainst(candidate: string, { lastIndex, lastTerm }: PreVoteRequest): boolean {
    const { log } = this.#member;
    if (!(this.#role instanceof Campaign) || lastIndex !== log.lastIndex || lastTerm !== log.lastTerm) return false;
    return this.#role.insistsAgainst(candidate, this.#nowMs);
  }

  #onPreVoteResponse(from: string, message: PreVoteResponse): void {
    if (this.#role.role !== "pre-candidate") return;
    if (message.granted && message.term !== this.#member.term + 1) return;
    this.#role.count(from, message.granted);
    if (this.#role.result === "won") this.#enterElection();
  }

  /** Answered to any candidate, also one outside the own configuration (fault 34). */
  #onVoteRequest(from: string, message: VoteRequest): void {
    const member = this.#member;
    const granted = this.#mayVoteFor(from) && member.isUpToDate(message);
    if (granted) {
      if (member.vote === null) member.voteFor(from);
      if (this.#role.role !== "candidate") this.#become(this.#newFollower(null));
    }
    member.sendWhenDurable(from, { type: "vote-response", term: member.term, granted });
  }

  #onVoteResponse(from: string, message: VoteResponse): void {
    if (this.#role.role !== "candidate") return;
    this.#role.count(from, message.granted);
    if (this.#role.result !== "won") return;
    this.#termLeader = this.#member.self;
    this.#become(new Leader(this.#member, this.#nowMs));
  }

  /** In the current term: the same answer to the same candidate, and none to a second, or once somebody has won. */
  #mayVoteFor(candidate: string): boolean {
    const { vote } = this.#member;
    return vote === candidate || (vote === null && this.#termLeader === null);
  }

  // ── Transitions ───────────────────────────────────────────────────────────────────────────────────────────────────

  #enterTerm(term: number): void {
    this.#member.enterTerm(term);
    this.#termLeader = null;
    this.#become(this.#newFollower(null));
  }

  /** Follows whoever leads the current term. */
  #follow(leader: string): Follower {
    const { term } = this.#member;
    invariant(
      this.#termLeader === null || this.#termLeader === leader,
      () => `Term ${term} has two leaders, "${this.#termLeader}" and "${leader}"`,
    );
    if (this.#role instanceof Follower && this.#role.leader === leader) return this.#role;
    this.#termLeader = leader;
    const follower = this.#newFollower(leader);
    this.#become(follower);
    return follower;
  }

  #campaign(): void {
    const member = this.#member;
    if (!isVoter(member.configuration, member.self)) return;
    if (this.#nowMs >= member.diskStuckAtMs()) return this.#become(this.#newFollower(null));
    const poll = Campaign.poll(member, this.#nowMs);
    this.#become(poll);
    if (poll.result === "won") this.#enterElection();
  }

  #enterElection(): void {
    this.#termLeader = null;
    this.#become(Campaign.elect(this.#member, this.#nowMs));
  }

  #become(role: Role): void {
    if (!(this.#role instanceof Campaign)) this.#role.end();
    this.#role = role;
  }

  #newFollower(leader: string | null): Follower {
    return new Follower(this.#member, this.#forwarded, leader, this.#nowMs);
  }

  #onReadRequest(from: string, message: ReadRequest): void {
    if (this.#role instanceof Leader) return this.#role.onReadRequest(from, message, this.#nowMs);
    this.#member.send(from, { type: "read-response", term: this.#member.term, token: message.token, index: null });
  }

  #takeLeadership(): Leadership | undefined {
    const { self, term } = this.#member;
    const { leader } = this.#role;
    if (this.#leadership?.leader === leader && this.#leadership.term === term) return undefined;
    this.#leadership = { leader, term, isLeader: leader === self };
    return this.#leadership;
  }
}
