/**
 * A router over its own children, all of one behaviour.
 *
 *     message ─▶ pool ─┬▶ routee-1      a routee that crashes is restarted by its supervision;
 *                      ├▶ routee-2      one that stops leaves the pool; without routees the pool stops
 *                      └▶ routee-3
 */
import type { Behavior } from "../behavior.ts";
import { checkBehavior } from "../check-behavior.ts";
import type { Context, SpawnOptions } from "../context.ts";
import type { AnyRef, Ref } from "../ref.ts";
import type { Supervision } from "../supervision.ts";
import { Routees } from "./routees.ts";
import { checkRouting, type Routing } from "./routing.ts";

/** What the routees of a pool do, how many there are, and how one is chosen. */
export interface PoolRouterOptions<State, M> {
  /** What each routee does. Its `accepts` is the pool's. */
  readonly routee: Behavior<State, M>;
  /** How many routees, 1 to 10,000. */
  readonly size: number;
  /** Default: `round-robin`. */
  readonly routing?: Routing<M>;
  /**
   * How the routees are spawned. Default supervision: restart, and past its intensity escalate, so that the pool's own supervision
   * decides.
   */
  readonly routees?: Omit<SpawnOptions, "name">;
  /** How long a routee that is too many may handle what waits in its mailbox. Default: 5,000 ms. */
  readonly drainMs?: number;
}

/** To a pool: have so many routees. Made by `resizePool`. */
export interface ResizePool {
  readonly type: "resize-pool";
  readonly size: number;
}

/** Enough to keep every core and a thousand slow ports busy; more is a case for sharding. */
const POOL_SIZE_MAX = 10_000;

const DRAIN_MS = 5000;

const restartRoutee: Supervision = { onCrash: "restart" };

/**
 * A behaviour that spreads messages over `size` children of one behaviour.
 *
 * It forwards (`ctx.forward`): whoever is to be answered stands in the message (`replyTo`), and an ask that its routee will not
 * handle ends at once, unless all routees are told. Order is kept
 * between a sender and a routee, not across routees. A routee under `back-pressure` holds back the pool, and with it
 * everybody who tells the pool under `back-pressure`.
 *
 * @throws RangeError for a size out of its range and for a routing that is none, TypeError for a routee that is no behaviour.
 */
export function poolRouter<State, M>(
  options: PoolRouterOptions<State, M>,
): Behavior<PoolRouter<State, M>, M | ResizePool> {
  const { routee } = options;
  checkBehavior("make a pool", routee);
  requireSize(options.size);
  checkRouting(`a pool of "${routee.name}"`, options.routing);
  return {
    name: `${routee.name}-pool`,
    accepts: (message): message is M | ResizePool =>
      isResize(message) ? isSize(message.size) : (routee.accepts?.(message) ?? true),
    init: (ctx) => new PoolRouter(options, ctx),
    receive: (pool, message, ctx) => {
      if (isResize(message)) pool.resize(message.size, ctx);
      else pool.route(message, ctx);
      return pool;
    },
    onSignal: (pool, signal, ctx) => {
      if (signal.type === "terminated") pool.ended(signal.ref, ctx);
      return pool;
    },
  };
}

/**
 * A message that makes a pool have `size` routees. Those that are too many handle what waits in their mailboxes, then stop.
 *
 * @throws for a size out of its range, 1 to 10,000.
 */
export function resizePool(size: number): ResizePool {
  requireSize(size);
  return { type: "resize-pool", size };
}

/** The state of a pool; opaque. */
export class PoolRouter<State, M> {
  readonly #options: PoolRouterOptions<State, M>;
  readonly #routees: Routees<M>;
  #spawned = 0;

  /** @internal */
  constructor(options: PoolRouterOptions<State, M>, ctx: Context<M | ResizePool>) {
    this.#options = options;
    this.#routees = new Routees(options.routing ?? "round-robin", ctx);
    this.resize(options.size, ctx);
  }

  /** @internal */
  route(message: M, ctx: Context<M | ResizePool>): void {
    this.#routees.route(message, ctx);
  }

  /** @internal */
  resize(size: number, ctx: Context<M | ResizePool>): void {
    requireSize(size);
    const routees = [...this.#routees.all];
    while (routees.length < size) routees.push(this.#spawn(ctx));
    for (const surplus of routees.splice(size)) {
      ctx.unwatch(surplus);
      ctx.stop(surplus, { deadlineMs: this.#options.drainMs ?? DRAIN_MS });
    }
    this.#routees.use(routees);
  }

  /** @internal */
  ended(ref: AnyRef, ctx: Context<M | ResizePool>): void {
    this.#routees.use(this.#routees.all.filter(({ path }) => path !== ref.path));
    if (this.#routees.all.length === 0) ctx.stop();
  }

  #spawn(ctx: Context<M | ResizePool>): Ref<M> {
    const { routee, routees } = this.#options;
    const name = `routee-${++this.#spawned}`;
    const ref = ctx.spawn(routee, { supervision: restartRoutee, ...routees, name });
    ctx.watch(ref);
    return ref;
  }
}

function isResize(message: unknown): message is ResizePool {
  return typeof message === "object" && message !== null && (message as Partial<ResizePool>).type === "resize-pool";
}

function isSize(size: unknown): boolean {
  return typeof size === "number" && Number.isInteger(size) && size >= 1 && size <= POOL_SIZE_MAX;
}

function requireSize(size: number): void {
  if (isSize(size)) return;
  throw new RangeError(`Cannot make a pool of ${size} routees: wanted an integer from 1 to ${POOL_SIZE_MAX}`);
}
