/**
 * What a member is whatever its role: its name, configuration, log, term and vote, and the way out for messages.
 *
 * Term and vote change together and go into one write with the entries (hashicorp/raft #661). The roles (`follower.ts`,
 * `campaign.ts`, `leader.ts`) work on this; only the core replaces one role by another.
 */
import type { HardState, LoadedLog, LogWrite } from "../../../runtime/ports/log-store.ts";
import type { Random } from "../../../runtime/ports/random.ts";
import type { Configuration } from "./configuration.ts";
import { invariant } from "./invariant.ts";
import type { RaftMessage } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import type { RaftLimits, RaftTiming } from "./raft-options.ts";
import { RaftLog } from "./raft-log.ts";
import type { RaftRules } from "./raft-rules.ts";
import type { RaftAlarm, ReadOutcome } from "./ready.ts";

export interface MemberOptions {
  readonly self: string;
  readonly configuration: Configuration;
  readonly loaded: LoadedLog;
  readonly random: Random;
  readonly timing: RaftTiming;
  readonly limits: RaftLimits;
  readonly rules: RaftRules;
}

export class Member {
  readonly self: string;
  readonly configuration: Configuration;
  readonly log: RaftLog;
  readonly random: Random;
  readonly timing: RaftTiming;
  readonly limits: RaftLimits;
  readonly rules: RaftRules;
  readonly outbox = new Outbox();
  #term: number;
  #vote: string | null;
  #hardStateUnsaved = false;
  #writeBeganMs: number | null = null;
  #reads: ReadOutcome[] = [];
  #alarms: RaftAlarm[] = [];

  constructor(options: MemberOptions) {
    const { hardState, entries } = options.loaded;
    this.self = options.self;
    this.configuration = options.configuration;
    this.random = options.random;
    this.timing = options.timing;
    this.limits = options.limits;
    this.rules = options.rules;
    this.log = new RaftLog(entries);
    this.#term = hardState.term;
    this.#vote = hardState.vote;
    invariant(
      this.log.lastTerm <= hardState.term,
      () => `The log's last term is ${this.log.lastTerm}, but the stored term is ${hardState.term}`,
    );
    this.log.commitTo(hardState.commit);
  }

  get term(): number {
    return this.#term;
  }
  get vote(): string | null {
    return this.#vote;
  }
  get hasUnsaved(): boolean {
    return this.#hardStateUnsaved || this.log.hasUnsaved;
  }

  enterTerm(term: number): void {
    invariant(term > this.#term, () => `Term would go from ${this.#term} to ${term}`);
    this.#term = term;
    this.#vote = null;
    this.#hardStateUnsaved = true;
    this.outbox.dropHeld();
  }

  voteFor(node: string): void {
    invariant(this.#vote === null, () => `Term ${this.#term} has a vote for "${this.#vote}", not for "${node}"`);
    this.#vote = node;
    this.#hardStateUnsaved = true;
  }

  send(to: string, message: RaftMessage): void {
    this.outbox.send(to, message);
  }

  sendWhenDurable(to: string, message: RaftMessage): void {
    this.outbox.sendWhenDurable(to, message, this.hasUnsaved);
  }

  otherVoters(): readonly string[] {
    return this.configuration.voters.filter((voter) => voter !== this.self);
  }

  /** Compared in lexicographic order, term first (Raft §5.4.1; fault 9: not each number by itself). */
  isUpToDate(candidate: { readonly lastIndex: number; readonly lastTerm: number }): boolean {
    if (candidate.lastTerm !== this.log.lastTerm) return candidate.lastTerm > this.log.lastTerm;
    return candidate.lastIndex >= this.log.lastIndex;
  }

  drawElectionTimeoutMs(): number {
    const { electionTimeoutMinMs, electionTimeoutMaxMs } = this.timing;
    return electionTimeoutMinMs + this.random.integer(electionTimeoutMaxMs - electionTimeoutMinMs + 1);
  }

  /** When the write in flight counts as stuck: such a member must not lead, though its heartbeats flow (fault 41). */
  diskStuckAtMs(): number {
    return this.#writeBeganMs === null ? Infinity : this.#writeBeganMs + this.timing.electionTimeoutMaxMs;
  }

  /** All that is unsaved, as one write; undefined when there is nothing, or a write is in flight. */
  takeWrite(nowMs: number): { readonly token: number; readonly write: LogWrite } | undefined {
    if (this.outbox.isWriting || !this.hasUnsaved) return undefined;
    const hardState: HardState = { term: this.#term, vote: this.#vote, commit: this.log.commit };
    const write = { hardState: this.rules.hardStateToWrite(hardState), entries: this.log.takeUnsaved() };
    this.#hardStateUnsaved = false;
    this.#writeBeganMs = nowMs;
    return { token: this.outbox.beginWrite(), write };
  }

  /** The write is durable: sends what waited for it, and returns what this member has to say to itself. */
  endWrite(token: number): readonly RaftMessage[] {
    const released = this.outbox.endWrite(token);
    invariant(released !== undefined, () => `Write ${token} is not the one in flight`);
    this.#writeBeganMs = null;
    this.log.markDurable();
    for (const { to, message } of released) if (to !== this.self) this.send(to, message);
    return released.filter(({ to }) => to === this.self).map(({ message }) => message);
  }

  finishRead(outcome: ReadOutcome): void {
    this.#reads.push(outcome);
  }

  alarm(alarm: RaftAlarm): void {
    this.#alarms.push(alarm);
  }

  takeReads(): readonly ReadOutcome[] {
    const reads = this.#reads;
    this.#reads = [];
    return reads;
  }

  takeAlarms(): readonly RaftAlarm[] {
    const alarms = this.#alarms;
    this.#alarms = [];
    return alarms;
  }
}
