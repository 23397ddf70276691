/**
 * Which role a member has, and what may change it: terms, votes and claims to lead. The one place that replaces a role by another.
 *
 * A poll comes before an election (`campaign.ts`), and whoever hears a leader answers neither (**sticky**), so a member that is
 * cut off, removed or mistaken disturbs nobody (Ongaro's dissertation §4.2.3, §9.6). The exception is an election that the
 * leader itself asked for (`transfer`, §3.10).
 *
 * Votes are answered to anybody, also outside the own configuration, which may be behind (fault 34), and counted only of its
 * voters. Who claims to lead is followed on the same ground. Where two claim the same term, one of them a stranger to the
 * configuration, the stranger's claim proves nothing: it is refused and counted. Two voters that claim it are two leaders elected in
 * one term; no message may be trusted then, and the member stops (fault 17).
 */
import { Campaign } from "./campaign.ts";
import { isVoter } from "./configuration.ts";
import type { Essence } from "./essence.ts";
import { Follower } from "./follower.ts";
import type { ForwardedReads } from "./forwarded-reads.ts";
import { invariant } from "./invariant.ts";
import { Leader } from "./leader.ts";
import { adoptLog, answerLogRequest, requestLog } from "./log-adoption.ts";
import type { Member } from "./member.ts";
import type {
  LogPart,
  LogRequest,
  PreVoteRequest,
  PreVoteResponse,
  RaftMessage,
  TimeoutNow,
  VoteRequest,
  VoteResponse,
} from "./messages.ts";

export type Role = Follower | Campaign | Leader;

export class Elections {
  readonly #member: Member;
  readonly #forwarded: ForwardedReads;
  #role: Role;
  /** Who has led this term, also while this member looks for another. */
  #termLeader: string | null = null;

  constructor(member: Member, forwarded: ForwardedReads, nowMs: number) {
    this.#member = member;
    this.#forwarded = forwarded;
    this.#role = this.#newFollower(null, nowMs);
    // What it promised before it was started is forgotten; it may have been just now.
    if (member.leaseReads) member.promise(nowMs);
    if (member.mayCampaign(nowMs) && member.otherVoters().length === 0) this.campaign(nowMs);
  }

  get role(): Role {
    return this.#role;
  }

  // ── Terms and roles ───────────────────────────────────────────────────────────────────────────────────────────────

  enterTerm(term: number, nowMs: number): void {
    this.#member.enterTerm(term);
    this.#termLeader = null;
    if (this.#member.rules.endsWithTerm()) this.#become(this.#newFollower(null, nowMs));
  }

  /** The follower of whoever leads the current term; null when `leader` does not, and is refused. */
  follow(leader: string, nowMs: number): Follower | null {
    if (this.#role instanceof Follower && this.#role.leader === leader) return this.#role;
    if (!this.#mayLeadThisTerm(leader)) return null;
    this.#termLeader = leader;
    this.#member.handOvers.led(leader);
    const follower = this.#newFollower(leader, nowMs);
    this.#become(follower);
    return follower;
  }

  /** This member, which does not lead, as a follower. A campaign ends: it asks for votes with a log that is about to be replaced. */
  follower(nowMs: number): Follower {
    if (this.#role instanceof Follower) return this.#role;
    const follower = this.#newFollower(null, nowMs);
    this.#become(follower);
    return follower;
  }

  stepDown(nowMs: number): void {
    this.#become(this.#newFollower(null, nowMs));
  }

  /** Polls, and goes on to an election if nobody else need be asked. Who may not campaign waits for a leader again. */
  campaign(nowMs: number): void {
    if (!this.#member.mayCampaign(nowMs) || this.#isPromised(nowMs)) return this.stepDown(nowMs);
    if (!this.#member.rules.pollsFirst()) return this.#elect(false, nowMs);
    const poll = Campaign.poll(this.#member, this.#attempt, nowMs);
    this.#become(poll);
    if (poll.result === "won") this.#elect(false, nowMs);
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    return [this.#termLeader, this.#role.essence(nowMs)];
  }

  // ── Votes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whoever asks for a vote or claims to lead must hear of the later term, or it would never join it (fault 37). */
  onEarlierTerm(from: string, message: RaftMessage): void {
    const { term, rules } = this.#member;
    switch (message.type) {
      case "pre-vote-request":
        if (rules.answersEarlierTerm()) this.#member.send(from, { type: "pre-vote-response", term, granted: false });
        return;
      case "vote-request":
        if (rules.answersEarlierTerm()) this.#member.send(from, { type: "vote-response", term, granted: false });
        return;
      case "pre-vote-response":
        if (message.isAhead) this.#requestLog(from);
        return;
      case "append":
      case "heartbeat":
      case "commit":
      case "snapshot-offer":
      case "snapshot-part":
        return this.#member.send(from, { type: "newer-term", term });
      default:
        return;
    }
  }

  /** Answers as it would to a real request, but changes nothing. The log counts here too (fault 38). */
  onPreVoteRequest(from: string, message: PreVoteRequest, nowMs: number): void {
    if (this.#keepsToLeader(nowMs) || this.#isPromised(nowMs)) return;
    const { term, rules } = this.#member;
    const isUpToDate = !rules.pollNeedsLog() || this.#member.isUpToDate(message);
    const granted =
      (message.term > term || this.#mayVoteFor(from)) &&
      this.#member.mayPromiseVote(nowMs) &&
      isUpToDate &&
      !this.#insistsAgainst(from, message, nowMs);
    const answer = { type: "pre-vote-response", term: granted ? message.term : term, granted } as const;
    this.#member.send(from, isUpToDate ? answer : { ...answer, isAhead: true });
  }

  onPreVoteResponse(from: string, message: PreVoteResponse, nowMs: number): void {
    if (this.#role.role !== "pre-candidate") return;
    if (message.granted && message.term !== this.#member.term + 1) return;
    this.#role.count(from, message.granted);
    if (this.#role.result === "won") this.#elect(false, nowMs);
    else if (message.isAhead) this.#requestLog(from);
  }

  /** Whoever hears a leader keeps out of it: there is no need to elect another. */
  onLogRequest(from: string, message: LogRequest, nowMs: number): void {
    if (!this.#keepsToLeader(nowMs)) answerLogRequest(this.#member, from, message);
  }

  /** What it has asked for. With all of it here, it polls at once. */
  onLogPart(from: string, message: LogPart, nowMs: number): void {
    const attempt = this.#attempt;
    if (attempt === null || !this.#lacksLog(from)) return;
    const hasFollowed = this.#termLeader !== null;
    if (adoptLog(this.#member, from, message, { attempt, hasFollowed })) this.campaign(nowMs);
  }

  /** Whether a request of a later term is to be ignored, term and all. */
  ignores(message: VoteRequest | LogRequest, nowMs: number): boolean {
    const isTransfer = message.type === "vote-request" && message.transfer;
    return !isTransfer && (this.#keepsToLeader(nowMs) || this.#isPromised(nowMs));
  }

  onVoteRequest(from: string, message: VoteRequest, nowMs: number): void {
    const member = this.#member;
    if (!message.transfer && this.#isPromised(nowMs)) return;
    const granted = this.#mayVoteFor(from) && !member.recovery.isUnderWay && member.isUpToDate(message);
    if (granted) {
      if (member.vote === null) member.voteFor(from);
      if (this.#role.role !== "candidate") this.stepDown(nowMs);
    }
    member.sendWhenDurable(from, { type: "vote-response", term: member.term, granted });
  }

  onVoteResponse(from: string, message: VoteResponse, nowMs: number): void {
    if (this.#role.role !== "candidate") return;
    this.#role.count(from, message.granted);
    if (this.#role.result !== "won") return;
    this.#termLeader = this.#member.self;
    this.#become(new Leader(this.#member, nowMs));
  }

  /** Its leader hands over. Who may not campaign leaves the leader where it is, which gives up after a while. */
  onTimeoutNow(from: string, message: TimeoutNow, nowMs: number): void {
    if (this.#role.leader !== from || message.term !== this.#member.term)
      this.#member.refusals.count("not-from-leader");
    else if (this.#member.mayCampaign(nowMs)) this.#elect(true, nowMs);
  }

  #requestLog(from: string): void {
    if (this.#lacksLog(from)) requestLog(this.#member, from);
  }

  #lacksLog(from: string): boolean {
    return this.#attempt?.mayAdoptLog === true && isVoter(this.#member.configuration, from);
  }

  get #attempt(): Campaign | null {
    return this.#role instanceof Campaign ? this.#role : null;
  }

  // ── What it takes ─────────────────────────────────────────────────────────────────────────────────────────────────

  #elect(transfer: boolean, nowMs: number): void {
    this.#termLeader = null;
    this.#become(Campaign.elect(this.#member, transfer, this.#attempt, nowMs));
  }

  #keepsToLeader(nowMs: number): boolean {
    return this.#member.rules.keepsToLeader(this.#role.isSticky(nowMs));
  }

  /** Whether a leader counts on it not to vote: whatever its role and term have become since. */
  #isPromised(nowMs: number): boolean {
    return nowMs < this.#member.promisedUntilMs;
  }

  /** Only against an equal log: a longer one must win, whatever its member's name. */
  #insistsAgainst(candidate: string, { lastIndex, lastTerm }: PreVoteRequest, nowMs: number): boolean {
    const { log } = this.#member;
    if (!(this.#role instanceof Campaign) || lastIndex !== log.lastIndex || lastTerm !== log.lastTerm) return false;
    return this.#role.insistsAgainst(candidate, nowMs);
  }

  /** In the current term: the same answer to the same candidate, and none to a second, or once somebody has won. */
  #mayVoteFor(candidate: string): boolean {
    const { vote, configuration, rules } = this.#member;
    const isFree = vote === candidate || (vote === null && this.#termLeader === null);
    return isFree && rules.mayVoteFor(candidate, configuration);
  }

  /** Whether to believe that `leader` leads this term, given who was believed to. */
  #mayLeadThisTerm(leader: string): boolean {
    const { configuration, term, refusals, self, rules } = this.#member;
    const known = this.#termLeader;
    if (known === null || known === leader || rules.toleratesSecondLeader()) return true;
    refusals.count("second-leader");
    if (!isVoter(configuration, leader)) return false;
    const isTrusted = known === self || isVoter(configuration, known);
    invariant(!isTrusted, () => `Term ${term} has two leaders, "${known}" and "${leader}"`);
    return true;
  }

  #become(role: Role): void {
    if (!(this.#role instanceof Campaign)) this.#role.end();
    this.#role = role;
  }

  #newFollower(leader: string | null, nowMs: number): Follower {
    return new Follower(this.#member, this.#forwarded, leader, nowMs);
  }
}
