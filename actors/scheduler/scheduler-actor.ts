/**
 * The scheduler: gives every VM that waits a node, or says why there is none. Runs on the leader only.
 *
 *     changes ──debounced──▶ plan ──proposed──▶ all answered ──▶ plan again if anything changed since
 *
 * A plan that is not answered in time may be in the log all the same, behind what the cluster cannot keep up with; to propose all of it again would keep
 * the log so long that leases end and everything is placed anew, for ever. So the next one is smaller and comes later, until plans are answered again.
 *
 * One plan is in flight at a time: the replica tells watchers before it answers proposals, so the next plan is made from a
 * map that holds the effects of the one before. A deposed leader's scheduler may plan on; what it proposes is verified at
 * apply like everything else, so it can only be refused.
 */
import type { Behavior, Context, Ref } from "../../runtime/index.ts";
import type { Command } from "../cluster/commands.ts";
import { MapMirror } from "../cluster/map-mirror.ts";
import type { ProposeReply, ReplicaRequest, WatchMessage } from "../cluster/replica-protocol.ts";
import type { Node, Resource } from "../resources/index.ts";
import { makePlan, PLAN_COMMANDS_MAX, type PlanOptions } from "./plan.ts";

export interface SchedulerOptions extends Pick<PlanOptions, "dependenciesIgnored"> {
  readonly replica: Ref<ReplicaRequest>;
}

export type SchedulerMessage =
  | WatchMessage
  /** Time to plan. */
  | { readonly type: "plan-due" }
  | { readonly type: "plan-answered"; readonly plan: number; readonly fate: Fate };

/** What became of a proposal; of one that is not answered nothing is known. */
type Fate = "carried out" | "refused" | "unanswered";

/** Changes come in bursts (`apply` of many VMs, a node with all its instances); this gathers one into one plan. */
const DEBOUNCE_MS = 20;

/** After a refused or unanswered proposal: the map has moved on and its changes are under way, or there is no leader. */
const RETRY_MS = 250;

/** Plans that were not answered in time, in a row, beyond which the next is no smaller and no later: 8 commands, 8 s. */
const STRAIN_MAX = 5;

/** A proposal is given up then and planned anew, from a map that may have changed. */
const PROPOSE_MS = 2000;

/** The replica answers within the timeout of the proposal; this much more, and it is taken to be gone. */
const ASK_SLACK_MS = 500;

export function schedulerActor(options: SchedulerOptions): Behavior<Scheduler, SchedulerMessage> {
  return {
    name: "scheduler",
    init: (ctx) => new Scheduler(options, ctx),
    receive: (scheduler, message) => {
      scheduler.handle(message);
      return scheduler;
    },
  };
}

class Scheduler {
  readonly #ctx: Context<SchedulerMessage>;
  readonly #replica: Ref<ReplicaRequest>;
  readonly #mirror: MapMirror;
  readonly #rules: Pick<PlanOptions, "dependenciesIgnored">;
  #plans = 0;
  /** Proposals of the plan in flight that are not answered. */
  #open = 0;
  #refused = false;
  #unanswered = false;
  /** Grows with each plan that was not answered, shrinks with each that was. */
  #strain = 0;
  /** Something changed that a plan may depend on. */
  #changed = false;

  constructor({ replica, ...rules }: SchedulerOptions, ctx: Context<SchedulerMessage>) {
    this.#rules = rules;
    this.#ctx = ctx;
    this.#replica = replica;
    this.#mirror = new MapMirror({ kinds: ["Vm", "Node", "Checkpoint"], replica });
    this.#mirror.subscribe(ctx, ctx.self);
  }

  handle(message: SchedulerMessage): void {
    switch (message.type) {
      case "synced":
      case "changes":
        this.#onWatch(message);
        return;
      case "compacted":
        this.#mirror.subscribe(this.#ctx, this.#ctx.self);
        return;
      case "plan-due":
        this.#plan();
        return;
      case "plan-answered":
        if (message.plan === this.#plans) this.#onAnswer(message.fate);
        return;
      default:
        message satisfies never;
    }
  }

  #onWatch(message: Exclude<WatchMessage, { readonly type: "compacted" }>): void {
    const matters = message.type === "synced" || message.changes.some(({ resource }) => this.#matters(resource));
    this.#mirror.take(message);
    if (!matters) return;
    this.#changed = true;
    if (this.#open === 0 && !this.#unanswered) this.#ctx.setTimer("plan", DEBOUNCE_MS, { type: "plan-due" });
  }

  /** Renewals of leases are most of what changes, and move no plan. */
  #matters(resource: Resource): boolean {
    return resource.kind !== "Node" || !isSameRoom(this.#mirror.nodes.get(resource.metadata.name), resource);
  }

  #plan(): void {
    this.#changed = false;
    this.#refused = false;
    this.#unanswered = false;
    const plan = makePlan(this.#mirror, { ...this.#rules, commandsMax: PLAN_COMMANDS_MAX >> this.#strain });
    const commands: readonly Command[] = [...plan.place, ...plan.pending];
    this.#plans += 1;
    this.#open = commands.length;
    for (const command of commands) this.#propose(command);
  }

  #propose(command: Command): void {
    const plan = this.#plans;
    this.#ctx.ask<ReplicaRequest, ProposeReply>(this.#replica, {
      make: (replyTo) => ({ type: "propose", command, timeoutMs: PROPOSE_MS, replyTo }),
      timeoutMs: PROPOSE_MS + ASK_SLACK_MS,
      adapt: (result) => {
        if (!result.ok || !result.answer.ok) return { type: "plan-answered", plan, fate: "unanswered" };
        return { type: "plan-answered", plan, fate: result.answer.outcome.ok ? "carried out" : "refused" };
      },
    });
  }

  #onAnswer(fate: Fate): void {
    this.#open -= 1;
    if (fate === "refused") this.#refused = true;
    if (fate === "unanswered") this.#unanswered = true;
    if (this.#open > 0) return;
    this.#strain = this.#unanswered ? Math.min(STRAIN_MAX, this.#strain + 1) : Math.max(0, this.#strain - 1);
    if (this.#unanswered) this.#ctx.setTimer("plan", this.#restMs(), { type: "plan-due" });
    else if (this.#refused) this.#ctx.setTimer("plan", RETRY_MS, { type: "plan-due" });
    else if (this.#changed) this.#ctx.setTimer("plan", DEBOUNCE_MS, { type: "plan-due" });
  }

  /** Up to half as long again, so that a plan does not come back at the same moments as all else that was refused with it. */
  #restMs(): number {
    return Math.round(RETRY_MS * 2 ** this.#strain * (1 + this.#ctx.random.next() / 2));
  }
}

/** Whether a node offers the same as before. */
function isSameRoom(before: Node | undefined, after: Node): boolean {
  if (before === undefined || before.spec !== after.spec) return false;
  return before.status.epoch === after.status.epoch && before.status.drain?.id === after.status.drain?.id;
}
