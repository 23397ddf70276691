/**
 * The leader actor: runs the controllers of the cluster on the node that leads, and nowhere else.
 *
 *     leader ┬─ lease-keeper    always: it watches leases everywhere and acts where it is told to lead
 *            ├─ scheduler       while this node leads
 *            ├─ vm-controller   while this node leads
 *            └─ drains          while this node leads
 *
 * Each term starts its own controllers, under names that carry the term; one of an earlier term is stopped first. That two
 * nodes believe to lead for a moment is harmless: every decision is verified at apply.
 */
import type { AnyRef, Behavior, Context, Ref, SpawnOptions, Supervision } from "../../runtime/index.ts";
import { LEASE_RULE, type LeaseRule } from "../cluster/lease.ts";
import type { LeadershipChange, ReplicaRequest } from "../cluster/replica-protocol.ts";
import { schedulerActor } from "../scheduler/scheduler-actor.ts";
import { drainsActor } from "./drains-actor.ts";
import { leaseKeeperActor, type LeaseKeeperMessage, type LeaseKeeperStarted } from "./lease-keeper-actor.ts";
import { vmControllerActor } from "./vm-controller-actor.ts";

export interface LeaderOptions {
  readonly replica: Ref<ReplicaRequest>;
  /** Default: LEASE_RULE. Only the simulator gives another, to plant a fault. */
  readonly leaseRule?: LeaseRule;
  /** Default false. Only the simulator says otherwise, to plant a fault. */
  readonly dependenciesIgnored?: boolean;
}

export type LeaderMessage = LeadershipChange | LeaseKeeperStarted;

/** A bug in a controller must not take down the node, whose guests need it: this one never gives up, once in 10 s. */
export const LEADER_SPAWN_OPTIONS: SpawnOptions = {
  name: "leader",
  supervision: { onCrash: "restart", intensity: { restartsMax: 1000, windowMs: 60_000 } },
  // A slow peer must not hold up what the others wait for.
  onPressure: "ignore",
};

interface LeaderState {
  readonly leaseKeeper: Ref<LeaseKeeperMessage>;
  /** Term in which this node leads, with the controllers of that term; null when it does not. */
  readonly leading: { readonly term: number; readonly controllers: readonly AnyRef[] } | null;
}

/** A controller has no state that it cannot read again. One that keeps crashing takes the leader actor with it. */
const CONTROLLER_SUPERVISION: Supervision = { onCrash: "restart" };

export function leaderActor(options: LeaderOptions): Behavior<LeaderState, LeaderMessage> {
  const { replica, dependenciesIgnored = false } = options;

  function lead(state: LeaderState, term: number, ctx: Context<LeaderMessage>): LeaderState {
    const supervision = CONTROLLER_SUPERVISION;
    const controllers = [
      ctx.spawn(schedulerActor({ replica, dependenciesIgnored }), { name: `scheduler-${term}`, supervision }),
      ctx.spawn(vmControllerActor({ replica }), { name: `vm-controller-${term}`, supervision }),
      ctx.spawn(drainsActor({ replica }), { name: `drains-${term}`, supervision }),
    ];
    ctx.tell(state.leaseKeeper, { type: "lead", leading: true });
    return { ...state, leading: { term, controllers } };
  }

  function cease(state: LeaderState, ctx: Context<LeaderMessage>): LeaderState {
    if (state.leading === null) return state;
    for (const controller of state.leading.controllers) ctx.stop(controller);
    ctx.tell(state.leaseKeeper, { type: "lead", leading: false });
    return { ...state, leading: null };
  }

  return {
    name: "leader",
    init: (ctx) => {
      ctx.tell(replica, { type: "watch-leadership", subscriber: ctx.self });
      const keeper = leaseKeeperActor({ replica, rule: options.leaseRule ?? LEASE_RULE, leader: ctx.self });
      const supervision = CONTROLLER_SUPERVISION;
      return { leaseKeeper: ctx.spawn(keeper, { name: "lease-keeper", supervision }), leading: null };
    },
    receive: (state, message, ctx) => {
      switch (message.type) {
        case "lease-keeper-started":
          ctx.tell(state.leaseKeeper, { type: "lead", leading: state.leading !== null });
          return state;
        case "leadership":
          if (!message.isLeader) return cease(state, ctx);
          if (message.term === state.leading?.term) return state;
          return lead(cease(state, ctx), message.term, ctx);
        default:
          return message satisfies never;
      }
    },
  };
}
