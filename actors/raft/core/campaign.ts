/**
 * One attempt to be elected: first a poll (pre-vote, Ongaro's dissertation §9.6) that changes nobody's term, then, if a
 * quorum would vote, the election itself.
 *
 * The candidate's own vote is a message to itself, so it counts when it is durable and not before; requests for votes
 * leave only then too (fault 4).
 */
import { isVoter } from "./configuration.ts";
import { agoMs, leftMs, type Essence } from "./essence.ts";
import type { Member } from "./member.ts";
import type { VoteResult } from "./quorum.ts";
import type { LogEnd } from "./raft-rules.ts";

/**
 * After so many attempts it takes the log of who refuses it (`log-adoption.ts`). Mostly somebody with a better log is elected before, and
 * brings it.
 */
const POLLS_IN_VAIN = 2;

export class Campaign {
  readonly role: "pre-candidate" | "candidate";
  readonly leader = null;
  /** When an attempt without a result gives way to the next. */
  readonly electionAtMs: number;
  readonly #member: Member;
  readonly #startedMs: number;
  readonly #votes = new Map<string, boolean>();
  /** How many attempts in a row came before it, all in vain. */
  readonly inVain: number;
  /** Where the best log ends of which a part was taken in this attempt. */
  #best: LogEnd | null = null;
  /** And in the one before. */
  readonly #bestBefore: LogEnd | null;

  private constructor(role: Campaign["role"], member: Member, nowMs: number, before: Campaign | null) {
    this.role = role;
    this.#member = member;
    this.#startedMs = nowMs;
    this.electionAtMs = nowMs + member.drawElectionTimeoutMs();
    this.inVain = before === null ? 0 : before.inVain + (role === "pre-candidate" ? 1 : 0);
    this.#bestBefore = before === null ? null : before.#best;
  }

  /** Asks who would vote in the next term. Writes nothing. `before`: what has come to nothing. */
  static poll(member: Member, before: Campaign | null, nowMs: number): Campaign {
    const { log, term, self } = member;
    const ask = { term: term + 1, lastIndex: log.lastIndex, lastTerm: log.lastTerm };
    for (const voter of member.otherVoters()) member.send(voter, { type: "pre-vote-request", ...ask });
    const campaign = new Campaign("pre-candidate", member, nowMs, before);
    campaign.count(self, true);
    return campaign;
  }

  /** Enters the next term, votes for itself, asks the others. `transfer`: at the request of the leader itself. */
  static elect(member: Member, transfer: boolean, before: Campaign | null, nowMs: number): Campaign {
    const { log, self } = member;
    member.enterTerm(member.term + 1);
    member.voteFor(self);
    const ask = { term: member.term, lastIndex: log.lastIndex, lastTerm: log.lastTerm, transfer };
    for (const voter of member.otherVoters()) member.sendWhenDurable(voter, { type: "vote-request", ...ask });
    member.sendWhenDurable(self, { type: "vote-response", term: member.term, granted: true });
    return new Campaign("candidate", member, nowMs, before);
  }

  get result(): VoteResult {
    const { rules, configuration } = this.#member;
    return rules.electionResult(configuration, this.#votes);
  }

  /**
   * The first answer of each voter; a vote of anybody else is refused, so that forged ones neither count nor gather. Its own counts like
   * any other: not at all when it is no voter any more (`Member.isElectable`).
   */
  count(voter: string, granted: boolean): void {
    const { configuration, refusals, self } = this.#member;
    if (voter === self && !isVoter(configuration, voter)) return;
    if (!isVoter(configuration, voter)) refusals.count("vote-of-no-voter");
    else if (!this.#votes.has(voter)) this.#votes.set(voter, granted);
  }

  /**
   * Two polls that cross would split the votes: while its own poll is fresh, the member of the lower name does not support
   * the other. Only while it is fresh: a member that hears but is not heard must not hold up the others (fault 44).
   */
  insistsAgainst(candidate: string, nowMs: number): boolean {
    const { self, timing, rules } = this.#member;
    const isFresh = nowMs < this.#startedMs + timing.heartbeatMs;
    return this.role === "pre-candidate" && self < candidate && rules.insists(isFresh);
  }

  /** Whether waiting for somebody with a better log has been in vain. */
  get mayAdoptLog(): boolean {
    return this.role === "pre-candidate" && this.inVain >= POLLS_IN_VAIN;
  }

  /**
   * Whether to take a part of a log that ends there: of no worse one than before, or two that differ would replace each other here without an
   * end. One of which nothing was taken for an attempt is forgotten: who has it may be gone.
   */
  mayAdopt(end: LogEnd): boolean {
    const { isUpToDate } = this.#member.rules;
    return [this.#best, this.#bestBefore].every((taken) => taken === null || isUpToDate(end, taken));
  }

  /** A part was taken of a log that ends there. */
  adopted({ lastIndex, lastTerm }: LogEnd): void {
    this.#best = { lastIndex, lastTerm };
  }

  isSticky(): boolean {
    return false;
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    const votes = [...this.#votes].toSorted(([one], [other]) => (one < other ? -1 : 1));
    const insistsFor = this.role === "candidate" ? 0 : agoMs(this.#startedMs, nowMs, this.#member.timing.heartbeatMs);
    const attempts = [Math.min(this.inVain, POLLS_IN_VAIN), this.#best, this.#bestBefore];
    return [this.role, attempts, leftMs(this.electionAtMs, nowMs), insistsFor, votes];
  }

  nextDeadlineMs(): number {
    return this.electionAtMs;
  }
}
