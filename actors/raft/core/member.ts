/**
 * What a member is whatever its role: its name, configuration, log, term and vote, and the way out for messages.
 *
 * Term and vote change together and go into one write with the entries (hashicorp/raft #661). The roles (`follower.ts`,
 * `campaign.ts`, `leader.ts`) work on this; only the core replaces one role by another.
 */
import type { HardState, LoadedLog, LogEntry, LogPosition, LogWrite } from "../../../runtime/ports/log-store.ts";
import type { FinishedSnapshot } from "../../../runtime/ports/snapshot-store.ts";
import type { Random } from "../../../runtime/ports/random.ts";
import { allMembers, allVoters, isVoter, type Configuration } from "./configuration.ts";
import { ConfigurationHistory } from "./configuration-history.ts";
import { agoMs, leftMs, type Essence } from "./essence.ts";
import { invariant } from "./invariant.ts";
import type { RaftMessage } from "./messages.ts";
import { HandOvers } from "./hand-overs.ts";
import { Outbox } from "./outbox.ts";
import { isPriority, PRIORITY_MAX, priorityDelayMs } from "./priority.ts";
import type { RaftLimits, RaftPreferences, RaftTiming } from "./raft-options.ts";
import { RaftLog, type SnapshotOutcome } from "./raft-log.ts";
import { Recovery } from "./recovery.ts";
import { Refusals } from "./refusals.ts";
import type { LogEnd, RaftRules } from "./raft-rules.ts";
import type { RaftAlarm, ReadOutcome } from "./ready.ts";

export interface MemberOptions {
  readonly self: string;
  /** As of the base of the log; configurations in the log come on top of it. */
  readonly configuration: Configuration;
  readonly loaded: LoadedLog;
  /** As of where the machine's newest durable snapshot is. Default: there is none. */
  readonly snapshot?: LogPosition & { readonly sizeBytes?: number };
  readonly random: Random;
  readonly timing: RaftTiming;
  readonly limits: RaftLimits;
  readonly rules: RaftRules;
  readonly preferences: RaftPreferences;
}

export class Member {
  readonly self: string;
  readonly configurations: ConfigurationHistory;
  readonly log: RaftLog;
  readonly recovery: Recovery;
  readonly refusals = new Refusals();
  readonly random: Random;
  readonly timing: RaftTiming;
  readonly limits: RaftLimits;
  readonly rules: RaftRules;
  readonly leaseReads: boolean;
  readonly #priority: number;
  /** Its node is drained: whoever else can had better lead. */
  standsAside = false;
  readonly handOvers: HandOvers;
  /** Until when it votes for nobody, because a leader counts on it (`read-lease.ts`). */
  promisedUntilMs = -Infinity;
  readonly outbox = new Outbox();
  #term: number;
  #vote: string | null;
  #hardStateUnsaved = false;
  /** Size of the newest snapshot; 0 where nobody says. */
  snapshotBytes: number;
  /** Whether the disk takes writes; without room they wait. */
  hasRoom = true;
  #writeBeganMs: number | null = null;
  /** Snapshot whose state the machine must take. */
  #installed: FinishedSnapshot | null = null;
  #reads: ReadOutcome[] = [];
  #alarms: RaftAlarm[] = [];

  constructor(options: MemberOptions) {
    const { hardState, entries, base, damage } = options.loaded;
    this.self = options.self;
    this.configurations = new ConfigurationHistory(options.configuration, base.index);
    this.random = options.random;
    this.timing = options.timing;
    this.limits = options.limits;
    this.rules = options.rules;
    this.handOvers = new HandOvers(options.timing);
    this.leaseReads = options.preferences.leaseReads;
    this.#priority = options.preferences.priority;
    if (!isPriority(this.#priority)) {
      const wanted = `wanted an integer from ${-PRIORITY_MAX} to ${PRIORITY_MAX}`;
      throw new RangeError(`Cannot make Raft member "${this.self}": its priority is ${this.#priority}, ${wanted}`);
    }
    const snapshot = options.snapshot ?? { index: 0, term: 0 };
    this.snapshotBytes = options.snapshot?.sizeBytes ?? 0;
    this.log = new RaftLog({ base, entries, snapshot, configurations: this.configurations, rules: this.rules });
    this.#term = hardState.term;
    this.#vote = hardState.vote;
    if (this.log.base.index > base.index) this.configurations.reset(options.configuration, snapshot.index);
    else this.#takeConfigurations(entries);
    // A snapshot can be durable before the term in which it came; nothing was said in that term then.
    if (snapshot.term > this.#term) this.enterTerm(snapshot.term);
    invariant(
      this.log.lastTerm <= this.#term,
      () => `The log's last term is ${this.log.lastTerm}, but the stored term is ${hardState.term}`,
    );
    // Where entries are damaged, the log may end before what is known to be committed; else that is a loss nobody noticed.
    const commit = damage === null ? hardState.commit : Math.min(hardState.commit, this.log.lastIndex);
    if (commit > this.log.commit) this.log.commitTo(commit);
    const damagedTerm = damage === null ? (hardState.damagedTerm ?? null) : hardState.term;
    this.recovery = new Recovery(damagedTerm, this.log, this.rules);
    // What this member has acknowledged is of the damaged term or before; it takes part in nothing of that term any more.
    if (damage !== null) this.enterTerm(this.#term + 1);
  }

  /** Who votes now: the last configuration in the log, committed or not. */
  get configuration(): Configuration {
    return this.configurations.inForce;
  }

  /** As it was configured, or the least. */
  get priority(): number {
    return this.standsAside ? -PRIORITY_MAX : this.#priority;
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

  /** It has told a leader that it keeps to it for the shortest election timeout. */
  promise(nowMs: number): void {
    this.promisedUntilMs = Math.max(this.promisedUntilMs, nowMs + this.timing.electionTimeoutMinMs);
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

  /** Of both halves of a joint configuration. */
  otherVoters(): readonly string[] {
    return allVoters(this.configuration).filter((voter) => voter !== this.self);
  }

  /** Everybody else who gets the log. */
  others(): readonly string[] {
    return allMembers(this.configuration).filter((member) => member !== this.self);
  }

  /**
   * Whether it is to campaign when it hears no leader: as a voter; and as one whose end as a voter is in its log and not committed, for it may
   * be the only one that can be elected and commit it (Ongaro's dissertation §4.2.2).
   */
  get isElectable(): boolean {
    const { configurations, log, self } = this;
    if (isVoter(configurations.inForce, self)) return true;
    return log.commit < configurations.index && isVoter(configurations.asOf(log.commit), self);
  }

  /** Whether it may ask for votes now, and has a disk to keep its own on. */
  mayCampaign(nowMs: number): boolean {
    return this.isElectable && this.mayPromiseVote(nowMs);
  }

  /**
   * Whether a vote of this member could become durable, and would count: a disk that is stuck or full cannot keep one. Whoever is promised a vote
   * all the same raises the term for an election that it does not win, again and again (faults 37, 41).
   */
  mayPromiseVote(nowMs: number): boolean {
    return this.hasRoom && nowMs < this.diskStuckAtMs() && !this.recovery.isUnderWay;
  }

  /** Whether a candidate may have all that is committed (Raft §5.4.1). */
  isUpToDate(candidate: LogEnd): boolean {
    return this.rules.isUpToDate(candidate, this.log);
  }

  drawElectionTimeoutMs(): number {
    const { electionTimeoutMinMs, electionTimeoutMaxMs } = this.timing;
    const drawnMs = this.random.integer(electionTimeoutMaxMs - electionTimeoutMinMs + 1);
    return electionTimeoutMinMs + drawnMs + priorityDelayMs(this.priority, this.timing);
  }

  /** When the write in flight counts as stuck: such a member must not lead, though its heartbeats flow (fault 41). */
  diskStuckAtMs(): number {
    return this.#writeBeganMs === null ? Infinity : this.#writeBeganMs + this.timing.electionTimeoutMaxMs;
  }

  /** All that is unsaved, as one write; undefined when there is nothing, or a write is in flight. */
  takeWrite(nowMs: number): { readonly token: number; readonly write: LogWrite } | undefined {
    if (this.outbox.isWriting || !this.hasUnsaved) return undefined;
    const { damagedTerm } = this.recovery;
    const hardState: HardState = {
      term: this.#term,
      vote: this.#vote,
      // What a write begins with: never ahead of the entries that are on disk, whatever of this write arrives.
      commit: Math.min(this.log.commit, this.log.durable),
      ...(damagedTerm !== null && { damagedTerm }),
    };
    const write = { hardState, ...this.log.takeUnsaved() };
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

  /**
   * A durable snapshot of a leader's machine: the log begins behind it, unless all of it is committed here already. What was
   * held back may promise entries that are gone; their leader gets a later answer.
   */
  installSnapshot(snapshot: FinishedSnapshot, configuration: Configuration): SnapshotOutcome {
    const outcome = this.log.installSnapshot({ index: snapshot.index, term: snapshot.term });
    if (outcome === "stale") return outcome;
    if (outcome === "reset") {
      this.configurations.reset(configuration, snapshot.index);
      this.outbox.dropHeld();
    }
    this.#installed = snapshot;
    this.snapshotBytes = snapshot.sizeBytes;
    return outcome;
  }

  takeInstalled(): FinishedSnapshot | null {
    const installed = this.#installed;
    this.#installed = null;
    return installed;
  }

  /** `essence.ts`. Refusals are only counted. */
  essence(nowMs: number): Essence {
    const { self, log, configurations, recovery, outbox, timing } = this;
    const preferred = [this.#priority, this.standsAside];
    const hard = [self, this.#term, this.#vote, this.#hardStateUnsaved, this.hasRoom, preferred];
    const writeBegan =
      this.#writeBeganMs === null ? null : agoMs(this.#writeBeganMs, nowMs, timing.electionTimeoutMaxMs);
    const times = [leftMs(this.promisedUntilMs, nowMs), writeBegan];
    const parts = [configurations.essence(), recovery.essence(), outbox.essence(), this.handOvers.essence(nowMs)];
    return [hard, times, log.essence(), ...parts];
  }

  finishRead(outcome: ReadOutcome): void {
    this.#reads.push(outcome);
  }

  alarm(alarm: RaftAlarm): void {
    this.#alarms.push(alarm);
  }

  takeReads(): readonly ReadOutcome[] {
    const reads = this.#reads;
    if (reads.length > 0) this.#reads = [];
    return reads;
  }

  takeAlarms(): readonly RaftAlarm[] {
    const alarms = this.#alarms;
    if (alarms.length > 0) this.#alarms = [];
    return alarms;
  }
  /** What stood in the log counts as if it had just been appended (dissertation §4.1; fault 32). */
  #takeConfigurations(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.type === "configuration" && this.rules.countsAtStart(entry)) this.configurations.appended(entry);
    }
  }
}
