/**
 * The drain of one node, on the leader: plans what is left there, and moves so many VMs at once as its limits say.
 *
 *     changes ──debounced──▶ plan (../scheduler/drain-plan.ts) ──migrate-vm, move-vm──▶ … ──nothing is left──▶ note-drained
 *
 * It holds nothing that the map has not: what moves stands there, so the next leader's goes on where this one stopped. Only what it knows of failed
 * moves is its own: one that failed rests, longer each time, and after LIVE_TRIES_MAX goes by stop and start where that is allowed.
 */
import type { Behavior, Context, Ref } from "../../runtime/index.ts";
import type { Command } from "../cluster/commands.ts";
import { MapMirror } from "../cluster/map-mirror.ts";
import { propose } from "../cluster/propose.ts";
import type { ReplicaRequest, WatchMessage } from "../cluster/replica-protocol.ts";
import { MIGRATION_DEFAULTS } from "../resources/move-defaults.ts";
import type { NodeDrain, Vm } from "../resources/index.ts";
import { planDrain, type DrainStep } from "../scheduler/drain-plan.ts";

export interface DrainActorOptions {
  readonly replica: Ref<ReplicaRequest>;
  readonly node: string;
  readonly drain: NodeDrain;
}

export type DrainMessage =
  | WatchMessage
  | { readonly type: "drain-due" }
  | { readonly type: "move-answered"; readonly vm: string; readonly isTaken: boolean }
  | { readonly type: "note-answered" };

/** Changes come in crowds. */
const DEBOUNCE_MS = 100;

/** Between two looks without a change: what rests may go on, what was full may have room. */
const LOOK_MS = 2000;
const PROPOSE_MS = 2000;

/** Moves of one VM that fail before it goes by stop and start. */
const LIVE_TRIES_MAX = 3;

/** After a move that failed, or was refused; so much more for each. */
const REST_MS = 3000;

export function drainActor(options: DrainActorOptions): Behavior<Drain, DrainMessage> {
  return {
    name: "drain",
    init: (ctx) => new Drain(options, ctx),
    receive: (drain, message) => {
      drain.handle(message);
      return drain;
    },
  };
}

interface Tries {
  /** Of the last migration that was counted. */
  readonly migration: string;
  readonly failures: number;
  readonly restUntilMs: number;
}

class Drain {
  readonly #options: DrainActorOptions;
  readonly #ctx: Context<DrainMessage>;
  readonly #mirror: MapMirror;
  /** VMs about which a proposal is out. */
  readonly #asked = new Set<string>();
  readonly #tries = new Map<string, Tries>();
  #isSynced = false;
  /** When it looks next; changes do not put that off. */
  #dueMs = Infinity;

  constructor(options: DrainActorOptions, ctx: Context<DrainMessage>) {
    this.#options = options;
    this.#ctx = ctx;
    this.#mirror = new MapMirror({ kinds: ["Vm", "Node", "Checkpoint"], replica: options.replica });
    this.#mirror.subscribe(ctx, ctx.self);
  }

  handle(message: DrainMessage): void {
    switch (message.type) {
      case "synced":
      case "changes":
        this.#mirror.take(message);
        if (!this.#isSynced) this.#forgive();
        this.#isSynced = true;
        this.#lookIn(DEBOUNCE_MS);
        return;
      case "compacted":
        this.#mirror.subscribe(this.#ctx, this.#ctx.self);
        return;
      case "move-answered":
        this.#asked.delete(message.vm);
        if (!message.isTaken) this.#rest(message.vm, "", 0);
        return;
      case "drain-due":
        this.#dueMs = Infinity;
        this.#look();
        this.#lookIn(LOOK_MS);
        return;
      case "note-answered":
        return;
      default:
        message satisfies never;
    }
  }

  #lookIn(ms: number): void {
    const dueMs = this.#ctx.now() + ms;
    if (dueMs >= this.#dueMs) return;
    this.#dueMs = dueMs;
    this.#ctx.setTimer("drain", ms, { type: "drain-due" });
  }

  #look(): void {
    const { node, drain } = this.#options;
    const here = [...this.#mirror.vms.values()].filter(({ status }) => status.instance?.node === node);
    const isAwaited = [...this.#mirror.vms.values()].some(({ status }) => status.migration?.node === node);
    if (here.length === 0 && !isAwaited) return this.#note();
    for (const vm of here) this.#count(vm);
    const moving = here.filter(({ metadata: { name }, status }) => status.migration || this.#asked.has(name)).length;
    const free = drain.limits.atOnce - moving;
    if (free <= 0) return;
    const resting = new Set([...this.#asked, ...this.#restingNow()]);
    const vms = new Map([...this.#mirror.vms].filter(([name]) => !resting.has(name) || !here.some(isNamed(name))));
    const { nodes, checkpoints } = this.#mirror;
    const { liveOnly } = drain.limits;
    const failed = [...this.#tries].filter(([, { failures }]) => !liveOnly && failures >= LIVE_TRIES_MAX);
    const coldFor = new Set(failed.map(([name]) => name));
    for (const step of planDrain({ vms, nodes, checkpoints }, { node, liveOnly, coldFor, movesMax: free })) {
      this.#move(step);
    }
  }

  #move({ vm, how, to }: DrainStep): void {
    if (how !== "live" && how !== "cold") return;
    // As a user's by default; no move may take longer than the drain.
    const timeoutMs = Math.min(MIGRATION_DEFAULTS.timeoutMs, this.#options.drain.limits.timeoutMs);
    const command: Command =
      how === "live"
        ? { type: "migrate-vm", name: vm, target: to, limits: { ...MIGRATION_DEFAULTS, timeoutMs } }
        : { type: "move-vm", name: vm, target: to, timeoutMs };
    this.#asked.add(vm);
    propose(this.#ctx, {
      ...{ replica: this.#options.replica, command, timeoutMs: PROPOSE_MS },
      adapt: (reply): DrainMessage => ({ type: "move-answered", vm, isTaken: reply.ok && reply.outcome.ok }),
    });
  }

  #note(): void {
    const { node: name, drain, replica } = this.#options;
    const command = { type: "note-drained", name, drain: drain.id } as const;
    propose(this.#ctx, {
      replica,
      command,
      timeoutMs: PROPOSE_MS,
      adapt: (): DrainMessage => ({ type: "note-answered" }),
    });
  }

  /** What has failed before is not held against it. */
  #forgive(): void {
    for (const { metadata, status } of this.#mirror.vms.values()) {
      const migration = status.lastMigration?.id;
      if (migration !== undefined) this.#tries.set(metadata.name, { migration, failures: 0, restUntilMs: 0 });
    }
  }

  /** A move from here that came to nothing, once. */
  #count({ metadata: { name }, status: { lastMigration: last } }: Vm): void {
    if (last === undefined || last.outcome !== "ended" || last.from !== this.#options.node) return;
    if (this.#tries.get(name)?.migration === last.id) return;
    this.#rest(name, last.id, 1);
  }

  #rest(name: string, migration: string, failed: 0 | 1): void {
    const known = this.#tries.get(name);
    const failures = (known?.failures ?? 0) + failed;
    const restUntilMs = this.#ctx.now() + REST_MS * Math.max(1, failures);
    this.#tries.set(name, { migration: migration || (known?.migration ?? ""), failures, restUntilMs });
  }

  #restingNow(): readonly string[] {
    const nowMs = this.#ctx.now();
    return [...this.#tries].filter(([, { restUntilMs }]) => restUntilMs > nowMs).map(([name]) => name);
  }
}

function isNamed(name: string): (vm: Vm) => boolean {
  return ({ metadata }) => metadata.name === name;
}
