/**
 * The replicated map: what every replica holds, moved only by committed proposals, equal everywhere at equal index.
 *
 *     proposal ──▶ session judged ──▶ command decides ──▶ resources, Events ──▶ outcome remembered, changes handed on
 *
 * Applying knows no clock and no randomness and costs what it changes. What a command means stands in its family's file:
 * `vm-commands.ts`, `node-commands.ts`, `placement-commands.ts`, `observation-commands.ts`; sessions, leases and shards are the
 * coordination state's (`../coordination/`). It is mutable inside, and owned by one actor; what it hands out is never modified.
 */
import { isCoordinationCommand, type CoordinationCommand } from "../coordination/coordination-commands.ts";
import type { CoordinationChange, CoordinationRecord } from "../coordination/coordination-record.ts";
import { CoordinationState } from "../coordination/coordination-state.ts";
import type { CoordinationTables } from "../coordination/coordination-tables.ts";
import { SESSION_EXPIRY_MS, SESSIONS_MAX, SessionTable, type SessionsView } from "../raft/sessions/session-table.ts";
import type { Kind, Resource } from "../resources/index.ts";
import { ChangeSet, EVENTS_MAX } from "./change-set.ts";
import { invariant } from "./cluster-invariant.ts";
import {
  createCheckpoint,
  deleteCheckpoint,
  dropCheckpoint,
  observeCheckpoint,
  restoreVm,
} from "./checkpoint-commands.ts";
import { setBalloon } from "./balloon-command.ts";
import type { ClusterCommand, Outcome, Proposal, ResourceCommand } from "./commands.ts";
import { moveVm } from "./cold-move.ts";
import { drainNode, endOverdueDrains, noteDrained, undrainNode } from "./drain-commands.ts";
import { Fingerprint } from "./fingerprint.ts";
import { FIRST_LEVEL, requireKnown } from "./cluster-level.ts";
import type { About, FirstOutcome } from "./first-outcome.ts";
import { noteMembers, type NotedMembers } from "./membership-commands.ts";
import { cancelMigration, migrateVm, migrationProgress, migrationReady, takeOver } from "./migration-commands.ts";
import { endOverdueMigrations } from "./migration-end.ts";
import { expireLease, registerNode, removeNode, renewLease } from "./node-commands.ts";
import { giveBack, observe, release } from "./observation-commands.ts";
import { restartVm, setPaused } from "./pause-commands.ts";
import { explainPending, place, stopInstance } from "./placement-commands.ts";
import { Refusal } from "./refusal.ts";
import type { Change } from "./replica-protocol.ts";
import { ResourceMap } from "./resource-map.ts";
import { applyVm, createVm, deleteVm, setRunning } from "./vm-commands.ts";

export interface ClusterLimits {
  /** Default EVENTS_MAX. */
  readonly eventsMax: number;
  /** Default SESSIONS_MAX. */
  readonly sessionsMax: number;
  /** Default SESSION_EXPIRY_MS. */
  readonly sessionExpiryMs: number;
  /** VMs are placed whatever they wait for. Default false; only the simulator says otherwise, to plant a fault. */
  readonly dependenciesIgnored: boolean;
}

/** The whole state as of an index; what is applied later does not change it. All that stands in it is immutable. */
export interface StateView {
  readonly applied: number;
  /** Replicated time. */
  readonly timeMs: number;
  readonly members: NotedMembers | null;
  /** What all members can apply (`cluster-level.ts`). */
  readonly level: number;
  /** Of each kind in the order in which they stand. */
  readonly resources: readonly Resource[];
  readonly coordination: readonly CoordinationRecord[];
  readonly sessions: SessionsView<FirstOutcome>;
}

export interface Applied {
  readonly outcome: Outcome;
  readonly changes: readonly Change[];
  /** What changed of sessions, leases and shards. */
  readonly coordination: readonly CoordinationChange[];
  /** What the session made of the proposal: it acted now, had acted, or cannot act any more. */
  readonly fate: "acted" | "repeated" | "superseded" | "expired";
}

/** Fingerprint key of what the cluster notes of itself. */
const OWN_KEY = "cluster/";

export class ClusterState {
  readonly #eventsMax: number;
  readonly #dependenciesIgnored: boolean;
  readonly #fingerprint = new Fingerprint((key) => this.#fingerprinted(key));
  readonly #map = new ResourceMap(this.#fingerprint);
  readonly #sessions: SessionTable<FirstOutcome>;
  readonly #coordination = new CoordinationState(this.#fingerprint);
  #applied = 0;
  #timeMs = 0;
  #members: NotedMembers | null = null;
  #level = FIRST_LEVEL;

  /** Limits must be the same at every replica: what is forgotten is part of the state. */
  constructor(limits: Partial<ClusterLimits> = {}) {
    this.#eventsMax = limits.eventsMax ?? EVENTS_MAX;
    this.#dependenciesIgnored = limits.dependenciesIgnored ?? false;
    this.#sessions = new SessionTable({
      max: limits.sessionsMax ?? SESSIONS_MAX,
      expiryMs: limits.sessionExpiryMs ?? SESSION_EXPIRY_MS,
      listener: {
        put: (id) => this.#fingerprint.put(`session/${id}`),
        remove: (id) => {
          this.#fingerprint.remove(`session/${id}`);
          this.#fingerprint.put(OWN_KEY);
        },
      },
    });
  }

  /** Index of the last entry that was applied. */
  get applied(): number {
    return this.#applied;
  }

  /** A digest of resources, coordination records and sessions of proposers; equal at equal index, or a replica is broken. 16 hexadecimal digits. */
  get fingerprint(): string {
    return this.#fingerprint.read();
  }

  /** Replicated time: how long the cluster has had a leader, at least (`../raft/machine/time-keeper.ts`). */
  get timeMs(): number {
    return this.#timeMs;
  }

  /** The configuration that was noted last. */
  get members(): NotedMembers | null {
    return this.#members;
  }

  /** What all members can apply (`cluster-level.ts`). */
  get level(): number {
    return this.#level;
  }

  /** Sessions of nodes, leases and shards. */
  get coordination(): CoordinationTables {
    return this.#coordination.tables;
  }

  get(kind: Kind, name: string): Resource | undefined {
    return this.#map.get(kind, name);
  }

  /** Vms and Nodes in order of their names, Events in order of time. */
  list(kind: Kind): readonly Resource[] {
    return this.#map.list(kind);
  }

  /** Passes an entry that carries no proposal. */
  skip(index: number): void {
    invariant(index === this.#applied + 1, () => `Entry ${index} is applied behind entry ${this.#applied}`);
    this.#applied = index;
  }

  /**
   * Applies the proposal at the next index. @throws {ClusterInvariantError} on a bug; then nothing may go on; {StoreError} `store-version` for what a
   * newer version has proposed, before anything of it is applied.
   */
  apply(index: number, proposal: Proposal): Applied {
    requireKnown(proposal.command, index);
    this.skip(index);
    const verdict = this.#sessions.judge(proposal);
    switch (verdict.type) {
      case "act":
        return this.#act(index, proposal);
      case "repeat":
        return { outcome: this.#recall(verdict.first), changes: [], coordination: [], fate: "repeated" };
      case "superseded":
      case "expired": {
        const message = `Cannot apply "${proposal.command.type}": its session has ${
          verdict.type === "expired" ? "been forgotten" : "moved on"
        }`;
        const outcome: Outcome = { ok: false, version: index, code: "stale", message };
        return { outcome, changes: [], coordination: [], fate: verdict.type };
      }
      default:
        return verdict satisfies never;
    }
  }

  /** The outcome of a proposal that may have been applied: null when it was not, or when its session cannot say. */
  recall(proposal: Proposal): Outcome | null {
    const verdict = this.#sessions.judge(proposal);
    return verdict.type === "repeat" ? this.#recall(verdict.first) : null;
  }

  /** The state as of now, for the price of a copy of its lists. */
  view(): StateView {
    return {
      applied: this.#applied,
      timeMs: this.#timeMs,
      members: this.#members,
      level: this.#level,
      resources: this.#map.all(),
      coordination: this.#coordination.tables.all(),
      sessions: this.#sessions.view(),
    };
  }

  /** Replaces everything by what a view has shown; its fingerprint is that of the state it was taken of. */
  restore(view: StateView): void {
    this.#map.restore(view.resources);
    this.#coordination.restore(view.coordination);
    this.#sessions.restore(view.sessions);
    this.#applied = view.applied;
    this.#timeMs = view.timeMs;
    this.#members = view.members;
    this.#level = view.level;
    this.#fingerprint.put(OWN_KEY);
  }

  #act(index: number, proposal: Proposal): Applied {
    const { command } = proposal;
    if (isCoordinationCommand(command)) return this.#coordinate(index, proposal, command);
    if (command.type === "advance-time" || command.type === "note-members" || command.type === "raise-level") {
      return this.#steer(index, proposal, command);
    }
    const set = this.#changeSet(index, proposal);
    const result = carryOut(set, command);
    const first = outcomeOf(set, result);
    this.#sessions.remember(proposal, { index, timeMs: this.#timeMs, first });
    return { outcome: this.#recall(first), changes: set.changes, coordination: [], fate: "acted" };
  }

  /** What is about the cluster itself. */
  #steer(index: number, proposal: Proposal, command: ClusterCommand): Applied {
    const set = this.#changeSet(index, proposal);
    let result: Refusal | null = null;
    if (command.type === "advance-time") this.#advance(set, command.toMs);
    else if (command.type === "raise-level") result = this.#raise(command.to);
    else if (command.index > (this.#members?.index ?? 0)) this.#members = noteMembers(set, command, this.#members);
    else result = new Refusal("stale", `Cannot note the members as of ${command.index}: those of later are noted`);
    this.#fingerprint.put(OWN_KEY);
    const first: FirstOutcome =
      result === null
        ? { ok: true, version: index, changed: set.changes.length > 0, about: null }
        : { ok: false, version: index, code: result.code, message: result.message };
    this.#sessions.remember(proposal, { index, timeMs: this.#timeMs, first });
    if (command.type === "advance-time") this.#sessions.expire(this.#timeMs);
    return { outcome: this.#recall(first), changes: set.changes, coordination: [], fate: "acted" };
  }

  #changeSet(index: number, proposal: Proposal): ChangeSet {
    const [eventsMax, dependenciesIgnored] = [this.#eventsMax, this.#dependenciesIgnored];
    const [level, timeMs] = [this.#level, this.#timeMs];
    return new ChangeSet({ map: this.#map, index, proposal, eventsMax, level, timeMs, dependenciesIgnored });
  }

  /** What was to be over by then is. */
  #advance(set: ChangeSet, toMs: number): void {
    this.#timeMs = Math.max(this.#timeMs, toMs);
    endOverdueMigrations(set, this.#timeMs);
    endOverdueDrains(set, this.#timeMs);
  }

  #raise(to: number): Refusal | null {
    if (to <= this.#level) return new Refusal("stale", `Cannot raise the level to ${to}: it is ${this.#level}`);
    this.#level = to;
    return null;
  }

  #coordinate(index: number, proposal: Proposal, command: CoordinationCommand): Applied {
    const result = this.#coordination.apply(command, { index, after: proposal.after });
    const coordination = result instanceof Refusal ? [] : result;
    const first: FirstOutcome =
      result instanceof Refusal
        ? { ok: false, version: index, code: result.code, message: result.message }
        : { ok: true, version: index, changed: result.length > 0, about: null };
    this.#sessions.remember(proposal, { index, timeMs: this.#timeMs, first });
    return { outcome: this.#recall(first), changes: [], coordination, fate: "acted" };
  }

  #recall(first: FirstOutcome): Outcome {
    if (!first.ok) return first;
    const { version, changed, about } = first;
    if (about === null) return { ok: true, version, changed, resource: null };
    const { kind, name, uid } = about;
    const resource = this.#map.get(kind, name);
    return { ok: true, version, changed, resource: resource?.metadata.uid === uid ? resource : null };
  }

  /** What is neither a resource nor a record nor a session; undefined as long as it is as it was at the beginning. */
  #own(): unknown {
    const [timeMs, members, { forgottenThrough }] = [this.#timeMs, this.#members, this.#sessions];
    // As it was before there were levels, for as long as members may run such software.
    const level = this.#level === FIRST_LEVEL ? {} : { level: this.#level };
    return timeMs === 0 && members === null && forgottenThrough === 0 && this.#level === FIRST_LEVEL
      ? undefined
      : { timeMs, members, forgottenThrough, ...level };
  }

  #fingerprinted(key: string): unknown {
    const slash = key.indexOf("/");
    const [kind, name] = [key.slice(0, slash), key.slice(slash + 1)];
    if (kind === "coordination") return this.#coordination.record(name);
    if (kind === "session") return this.#sessions.get(name);
    if (key === OWN_KEY) return this.#own();
    return this.#map.get(kind as Kind, name);
  }
}

function outcomeOf(set: ChangeSet, result: About | Refusal): FirstOutcome {
  if (!(result instanceof Refusal)) {
    return { ok: true, version: set.index, changed: set.changes.length > 0, about: result };
  }
  invariant(set.changes.length === 0, () => `A command was refused after it changed something: ${result.message}`);
  return { ok: false, version: set.index, code: result.code, message: result.message };
}

function carryOut(set: ChangeSet, command: ResourceCommand): About | Refusal {
  switch (command.type) {
    case "create-vm":
      return createVm(set, command);
    case "apply-vm":
      return applyVm(set, command);
    case "set-running":
      return setRunning(set, command);
    case "delete-vm":
      return deleteVm(set, command);
    case "register-node":
      return registerNode(set, command);
    case "renew-lease":
      return renewLease(set, command);
    case "expire-lease":
      return expireLease(set, command);
    case "remove-node":
      return removeNode(set, command);
    case "place":
      return place(set, command);
    case "explain-pending":
      return explainPending(set, command);
    case "stop-instance":
      return stopInstance(set, command);
    case "observe":
      return observe(set, command);
    case "release":
      return release(set, command);
    case "give-back":
      return giveBack(set, command);
    case "set-paused":
      return setPaused(set, command);
    case "set-balloon":
      return setBalloon(set, command);
    case "restart-vm":
      return restartVm(set, command);
    case "migrate-vm":
      return migrateVm(set, command);
    case "move-vm":
      return moveVm(set, command);
    case "migration-ready":
      return migrationReady(set, command);
    case "migration-progress":
      return migrationProgress(set, command);
    case "take-over":
      return takeOver(set, command);
    case "cancel-migration":
      return cancelMigration(set, command);
    case "drain-node":
      return drainNode(set, command);
    case "undrain-node":
      return undrainNode(set, command);
    case "note-drained":
      return noteDrained(set, command);
    case "create-checkpoint":
      return createCheckpoint(set, command);
    case "observe-checkpoint":
      return observeCheckpoint(set, command);
    case "delete-checkpoint":
      return deleteCheckpoint(set, command);
    case "drop-checkpoint":
      return dropCheckpoint(set, command);
    case "restore-vm":
      return restoreVm(set, command);
    default:
      return command satisfies never;
  }
}
