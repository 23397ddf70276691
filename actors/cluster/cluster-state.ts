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
import type { CoordinationChange } from "../coordination/coordination-record.ts";
import { CoordinationState } from "../coordination/coordination-state.ts";
import type { CoordinationTables } from "../coordination/coordination-tables.ts";
import type { Kind, Resource } from "../resources/index.ts";
import { ChangeSet, EVENTS_MAX } from "./change-set.ts";
import { invariant } from "./cluster-invariant.ts";
import type { Outcome, Proposal, ResourceCommand } from "./commands.ts";
import { Fingerprint } from "./fingerprint.ts";
import { expireLease, registerNode, removeNode, renewLease } from "./node-commands.ts";
import { observe, release } from "./observation-commands.ts";
import { explainPending, place, stopInstance } from "./placement-commands.ts";
import { Refusal } from "./refusal.ts";
import type { Change } from "./replica-protocol.ts";
import { ResourceMap } from "./resource-map.ts";
import { SESSIONS_MAX, SessionTable, type About, type FirstOutcome } from "./session-table.ts";
import { applyVm, createVm, deleteVm, setRunning } from "./vm-commands.ts";

export interface ClusterLimits {
  /** Default EVENTS_MAX. */
  readonly eventsMax: number;
  /** Default SESSIONS_MAX. */
  readonly sessionsMax: number;
}

export interface Applied {
  readonly outcome: Outcome;
  readonly changes: readonly Change[];
  /** What changed of sessions, leases and shards. */
  readonly coordination: readonly CoordinationChange[];
  /** What the session made of the proposal: it acted now, had acted, or cannot act any more. */
  readonly fate: "acted" | "repeated" | "superseded" | "expired";
}

export class ClusterState {
  readonly #eventsMax: number;
  readonly #fingerprint = new Fingerprint((key) => this.#fingerprinted(key));
  readonly #map = new ResourceMap(this.#fingerprint);
  readonly #sessions: SessionTable;
  readonly #coordination = new CoordinationState(this.#fingerprint);
  #applied = 0;

  /** Limits must be the same at every replica: what is forgotten is part of the state. */
  constructor(limits: Partial<ClusterLimits> = {}) {
    this.#eventsMax = limits.eventsMax ?? EVENTS_MAX;
    this.#sessions = new SessionTable({ max: limits.sessionsMax ?? SESSIONS_MAX, fingerprint: this.#fingerprint });
  }

  /** Index of the last entry that was applied. */
  get applied(): number {
    return this.#applied;
  }

  /** A digest of resources, coordination records and sessions of proposers; equal at equal index, or a replica is broken. 16 hexadecimal digits. */
  get fingerprint(): string {
    return this.#fingerprint.read();
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

  /** Applies the proposal at the next index. @throws {ClusterInvariantError} on a bug; then nothing may go on. */
  apply(index: number, proposal: Proposal): Applied {
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

  #act(index: number, proposal: Proposal): Applied {
    const { command } = proposal;
    if (isCoordinationCommand(command)) return this.#coordinate(index, proposal, command);
    const set = new ChangeSet({ map: this.#map, index, proposal, eventsMax: this.#eventsMax });
    const result = carryOut(set, command);
    const first = outcomeOf(set, result);
    this.#sessions.remember(index, proposal, first);
    return { outcome: this.#recall(first), changes: set.changes, coordination: [], fate: "acted" };
  }

  #coordinate(index: number, proposal: Proposal, command: CoordinationCommand): Applied {
    const result = this.#coordination.apply(command, { index, after: proposal.after });
    const coordination = result instanceof Refusal ? [] : result;
    const first: FirstOutcome =
      result instanceof Refusal
        ? { ok: false, version: index, code: result.code, message: result.message }
        : { ok: true, version: index, changed: result.length > 0, about: null };
    this.#sessions.remember(index, proposal, first);
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

  #fingerprinted(key: string): unknown {
    const slash = key.indexOf("/");
    const [kind, name] = [key.slice(0, slash), key.slice(slash + 1)];
    if (kind === "coordination") return this.#coordination.record(name);
    return kind === "session" ? this.#sessions.record(name) : this.#map.get(kind as Kind, name);
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
    default:
      return command satisfies never;
  }
}
