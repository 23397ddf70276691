/**
 * Raft as a pure step machine: inputs in, `Ready` out, no clock, no disk, no network.
 *
 *     step(input, nowMs)*  →  takeReady(nowMs)  →  write, send, install, apply  →  step(persisted) …
 *
 * The caller steps as many inputs as wait, takes one `Ready` for all of them and carries it out, keeps one timer at
 * `nextDeadlineMs()`, and reports a finished write. A failed write is reported by never stepping again: what depended on it
 * has not left and never will (fault 3). Nothing here waits for anything, so no state changes between a decision and its effect
 * (fault 6).
 *
 * This file only leads inputs to whom they concern, and gathers what comes out. Messages: `incoming.ts`; terms, votes and roles:
 * `elections.ts`; the roles: `follower.ts`,
 * `campaign.ts`, `leader.ts`; what they share: `member.ts`. See README.md for the words and
 * docs/decisions/0003-raft-step-machine.md for the why.
 *
 * Source: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", extended version; Ongaro's
 * dissertation; etcd-io/raft.
 */
import type { LoadedLog, LogEntry, LogPosition } from "../../../runtime/ports/log-store.ts";
import type { Random } from "../../../runtime/ports/random.ts";
import type { Urgency } from "./admission.ts";
import { Campaign } from "./campaign.ts";
import { Compaction } from "./compaction.ts";
import type { Configuration } from "./configuration.ts";
import { Elections } from "./elections.ts";
import type { Essence } from "./essence.ts";
import { Follower } from "./follower.ts";
import { ForwardedReads } from "./forwarded-reads.ts";
import { Incoming } from "./incoming.ts";
import { Leader } from "./leader.ts";
import { Member } from "./member.ts";
import {
  DEFAULT_RAFT_LIMITS,
  DEFAULT_RAFT_PREFERENCES,
  DEFAULT_RAFT_TIMING,
  type RaftLimits,
  type RaftPreferences,
  type RaftTiming,
} from "./raft-options.ts";
import type { RaftInput } from "./raft-input.ts";
import { RAFT_RULES, type RaftRules } from "./raft-rules.ts";
import type {
  ChangeMembershipResult,
  ConfigurationInForce,
  Leadership,
  MembershipChange,
  ProposeResult,
  RaftStatus,
  Ready,
  TransferResult,
} from "./ready.ts";

/** What a core begins with. */
export interface RaftCoreOptions {
  readonly self: string;
  /** As of the log's base; of the newest snapshot where there is one. Configurations in the log come on top of it. */
  readonly configuration: Configuration;
  /** What `LogStore.load` gave. */
  readonly loaded: LoadedLog;
  /** As of where the newest durable snapshot of the machine is, and its size. Default: there is none; its size is 0. */
  readonly snapshot?: LogPosition & { readonly sizeBytes?: number };
  readonly random: Random;
  readonly nowMs: number;
  readonly timing?: Partial<RaftTiming>;
  readonly limits?: Partial<RaftLimits>;
  readonly preferences?: Partial<RaftPreferences>;
  /** Only to plant a fault; see `planted-faults.ts`. */
  readonly rules?: RaftRules;
}

/** What may look but not touch: for invariants, status pages, checkers. */
export interface RaftView {
  status(): RaftStatus;
  /** Whether any of these has changed since they were last noted in `seen`; notes them. For who looks after every event. */
  glance(seen: RaftGlance): boolean;
  /** The term of the entry at `index`, 0 at index 0, undefined beyond the log and where it is compacted away. */
  termAt(index: number): number | undefined;
  /** Entries from `from` to `to`, both included, as far as they are here. */
  entries(from: number, to: number): readonly LogEntry[];
}

/** What `status()` says of term, role, log and configuration, without what it says of peers. */
export interface RaftGlance {
  term: number;
  /** The leader, follower or candidate of one term: another object with each change of the role. */
  role: object | null;
  applied: number;
  commit: number;
  durable: number;
  lastIndex: number;
  base: number;
  configuration: object | null;
  transferringTo: string | null;
}

const NOBODY: readonly string[] = [];

/** Raft as a pure step machine: one member, without clock, disk or network. */
export class RaftCore implements RaftView {
  readonly #member: Member;
  readonly #forwarded: ForwardedReads;
  readonly #elections: Elections;
  readonly #incoming: Incoming;
  #leadership: Leadership | null = null;
  #configuration: ConfigurationInForce | null = null;
  readonly #compaction: Compaction;

  constructor(options: RaftCoreOptions) {
    const { self, configuration, loaded, snapshot, random, nowMs } = options;
    this.#member = new Member({
      self,
      configuration,
      loaded,
      ...(snapshot && { snapshot }),
      random,
      timing: { ...DEFAULT_RAFT_TIMING, ...options.timing },
      limits: { ...DEFAULT_RAFT_LIMITS, ...options.limits },
      rules: options.rules ?? RAFT_RULES,
      preferences: { ...DEFAULT_RAFT_PREFERENCES, ...options.preferences },
    });
    this.#forwarded = new ForwardedReads(random);
    this.#elections = new Elections(this.#member, this.#forwarded, nowMs);
    this.#incoming = new Incoming(this.#member, this.#elections);
    this.#compaction = new Compaction(snapshot !== undefined);
  }

  step(input: RaftInput, nowMs: number): void {
    const { role } = this.#elections;
    switch (input.type) {
      case "message":
        return this.#incoming.receive(input.from, input.message, nowMs);
      case "read":
        if (role instanceof Campaign) this.#member.finishRead({ id: input.id, ok: false, code: "no-leader" });
        else role.read(input.id, nowMs);
        return;
      case "timeout":
        return this.#onTimeout(nowMs);
      case "link-lost":
        if (role instanceof Follower && role.leader === input.member) role.onLeaderLost(nowMs);
        return;
      case "snapshot-sent":
        if (role instanceof Leader) role.onSnapshotSent(input.member, input.index, nowMs);
        return this.#compaction.due();
      case "snapshot-failed":
        if (role instanceof Leader) role.onSnapshotFailed(input.member);
        return this.#compaction.due();
      case "snapshot-received":
        // Whoever leads has all that any snapshot covers.
        if (role instanceof Leader) return;
        this.#elections.follower(nowMs).onSnapshotReceived(input.snapshot, input.configuration);
        return this.#compaction.due();
      case "snapshot-made":
        if (!this.#member.log.noteSnapshot(input.index)) return;
        this.#member.snapshotBytes = input.sizeBytes ?? 0;
        return this.#compaction.due();
      case "compact":
        return this.#compaction.dropWindow();
      case "room":
        this.#member.hasRoom = input.hasRoom;
        return;
      case "stand-aside":
        this.#member.standsAside = input.stands;
        return;
      case "persisted":
        return this.#onPersisted(input.token, nowMs);
      default:
        return input satisfies never;
    }
  }

  /** Appends commands to the log if this member leads. They are not forwarded: the caller knows the leader and how. */
  propose(payloads: readonly Uint8Array[], nowMs: number, urgency: Urgency = "ordinary"): ProposeResult {
    const { role } = this.#elections;
    if (role instanceof Leader) return role.propose(payloads, nowMs, urgency);
    return { ok: false, code: "not-leader", leader: role.leader };
  }

  /** Changes one member's part, through a joint configuration that ends by itself where the voters change. */
  changeMembership(change: MembershipChange, nowMs: number): ChangeMembershipResult {
    return this.changeMembers([change], { autoLeave: true }, nowMs);
  }

  /** Several changes as one. Without `autoLeave` a joint configuration stays until `leaveJoint`. */
  changeMembers(
    changes: readonly MembershipChange[],
    { autoLeave }: { readonly autoLeave: boolean },
    nowMs: number,
  ): ChangeMembershipResult {
    const { role } = this.#elections;
    return role instanceof Leader
      ? role.changeMembership(changes, autoLeave, nowMs)
      : this.#notLeader("change members");
  }

  leaveJoint(nowMs: number): ChangeMembershipResult {
    const { role } = this.#elections;
    return role instanceof Leader ? role.leaveJoint(nowMs) : this.#notLeader("leave the joint configuration");
  }

  /** Hands leadership to a voter, or with null to the best one. `force` does not wait until it has all of the log. */
  transferLeadership(to: string | null, force: boolean, nowMs: number): TransferResult {
    const { role } = this.#elections;
    return role instanceof Leader ? role.transfer(to, force, nowMs) : this.#notLeader("hand leadership over");
  }

  /** What follows from all that was stepped since the last time. */
  takeReady(nowMs: number): Ready {
    this.#driveLeader(nowMs);
    const member = this.#member;
    const { role } = this.#elections;
    const write = member.takeWrite(nowMs);
    const leadership = this.#takeLeadership();
    const configuration = this.#takeConfiguration();
    const install = member.takeInstalled();
    const compact = this.#takeCompact(nowMs);
    // Assigned and not spread: this runs once a batch, and spreading was a fifth of the time of a step.
    const ready: { -readonly [Field in keyof Ready]: Ready[Field] } = {
      messages: member.outbox.take(),
      committed: member.log.takeCommitted(),
      reads: member.takeReads(),
      alarms: member.takeAlarms(),
      snapshotsWanted: role instanceof Leader ? role.takeSnapshotsWanted() : NOBODY,
      snapshotTraffic: this.#incoming.takeSnapshotTraffic(),
    };
    if (write) ready.write = write;
    if (leadership) ready.leadership = leadership;
    if (configuration) ready.configuration = configuration;
    if (install) ready.install = install;
    if (compact) ready.compact = compact;
    return ready;
  }

  /** When `timeout` must be stepped, on the clock of `nowMs`. */
  nextDeadlineMs(): number {
    const { role } = this.#elections;
    const mayAct = role instanceof Leader || this.#member.isElectable;
    return mayAct ? role.nextDeadlineMs() : this.#forwarded.nextDeadlineMs();
  }

  get leader(): string | null {
    return this.#elections.role.leader;
  }

  get isLeader(): boolean {
    return this.#elections.role instanceof Leader;
  }

  status(): RaftStatus {
    const { self, term, vote, log, configuration, recovery, refusals } = this.#member;
    const { role } = this.#elections;
    return {
      self,
      term,
      role: role.role,
      leader: role.leader,
      vote,
      applied: log.applied,
      commit: log.commit,
      durable: log.durable,
      lastIndex: log.lastIndex,
      lastTerm: log.lastTerm,
      voters: configuration.voters,
      configuration: this.#inForce(),
      base: log.base.index,
      recovering: recovery.isUnderWay,
      transferringTo: role instanceof Leader ? role.transferringTo : null,
      peers: role instanceof Leader ? role.peerStatuses() : [],
      refusals: refusals.counts,
    };
  }

  glance(seen: RaftGlance): boolean {
    const { term, log, configurations } = this.#member;
    const { role } = this.#elections;
    const { applied, commit, durable, lastIndex } = log;
    const base = log.base.index;
    const configuration = configurations.inForce;
    const transferringTo = role instanceof Leader ? role.transferringTo : null;
    if (
      seen.applied === applied &&
      seen.commit === commit &&
      seen.durable === durable &&
      seen.lastIndex === lastIndex &&
      seen.base === base &&
      seen.term === term &&
      seen.role === role &&
      seen.configuration === configuration &&
      seen.transferringTo === transferringTo
    ) {
      return false;
    }
    seen.applied = applied;
    seen.commit = commit;
    seen.durable = durable;
    seen.lastIndex = lastIndex;
    seen.base = base;
    seen.term = term;
    seen.role = role;
    seen.configuration = configuration;
    seen.transferringTo = transferringTo;
    return true;
  }

  termAt(index: number): number | undefined {
    return this.#member.log.termAt(index);
  }

  entries(from: number, to: number): readonly LogEntry[] {
    return this.#member.log.entries(from, to);
  }

  /** What decides all that it does from now on; of a core whose `Ready` was taken. For explorers of all orders (`essence.ts`). */
  essence(nowMs: number): Essence {
    return [this.#member.essence(nowMs), this.#elections.essence(nowMs), this.#compaction.essence()];
  }

  // ── Inputs ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #onTimeout(nowMs: number): void {
    const { role } = this.#elections;
    if (role instanceof Leader) {
      if (role.mayLead(nowMs)) role.onTimeout(nowMs);
      else this.#elections.stepDown(nowMs);
      return;
    }
    if (role instanceof Follower) role.onTimeout(nowMs);
    if (nowMs >= role.electionAtMs) this.#elections.campaign(nowMs);
  }

  #onPersisted(token: number, nowMs: number): void {
    const { self } = this.#member;
    for (const message of this.#member.endWrite(token)) this.#incoming.take(self, message, nowMs);
    const { role } = this.#elections;
    if (role instanceof Follower) role.onPersisted();
  }

  // ── Outputs ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A leader that the committed configuration no longer names has done its work (dissertation §4.2.2). */
  #driveLeader(nowMs: number): void {
    const { role } = this.#elections;
    if (!(role instanceof Leader)) return;
    role.flush(nowMs);
    if (!role.isRemoved) return;
    role.handOver(nowMs);
    this.#elections.stepDown(nowMs);
  }

  #takeLeadership(): Leadership | undefined {
    const { self, term } = this.#member;
    const { leader } = this.#elections.role;
    if (this.#leadership?.leader === leader && this.#leadership.term === term) return undefined;
    this.#leadership = { leader, term, isLeader: leader === self };
    return this.#leadership;
  }

  #takeConfiguration(): ConfigurationInForce | undefined {
    const { configurations, log } = this.#member;
    const told = this.#configuration;
    const isCommitted = configurations.index <= log.commit;
    if (told?.configuration === configurations.inForce && told.committed === isCommitted) return undefined;
    this.#configuration = this.#inForce();
    return this.#configuration;
  }

  #inForce(): ConfigurationInForce {
    const { configurations, log } = this.#member;
    const { index } = configurations;
    return { configuration: configurations.inForce, index, committed: index <= log.commit };
  }

  #takeCompact(nowMs: number): LogPosition | undefined {
    if (!this.#compaction.isWaiting) return undefined;
    const { log, limits } = this.#member;
    const { role } = this.#elections;
    return this.#compaction.take(log, limits, role instanceof Leader ? role.keepFrom(nowMs) : Infinity);
  }

  #notLeader(what: string): { ok: false; code: "not-leader"; message: string; leader: string | null } {
    const { self, leader } = { self: this.#member.self, leader: this.leader };
    const helps = leader === null ? "nobody is known to lead; try again in a moment" : `ask "${leader}"`;
    return { ok: false, code: "not-leader", message: `Cannot ${what}: "${self}" does not lead, ${helps}`, leader };
  }
}
