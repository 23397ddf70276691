/**
 * Actors that are restarted together: one, or the siblings that its parent's strategy joins to it (OTP's
 * `supervisor:restart_strategy`).
 *
 * Their lives end at once, the youngest first; after the wait of the one that crashed they begin again, the oldest first,
 * so that a sibling finds those that it was spawned after. Whoever waits already for a restart of its own joins this one,
 * and all wait for the later of the two. A restart is a turn of its own: a start that fails again and again grows no stack,
 * and the neighbours get their turns in between.
 */
import type { Turn } from "./ports/dispatcher.ts";
import type { TimerHandle } from "./ports/clock.ts";
import type { World } from "./world.ts";

/** An actor, as its restart sees it. */
export interface Restartable {
  stopped: boolean;
  /** Set while it waits for its next life. */
  restart: Restart | null;
  /** Ends the present life. */
  suspend(error: unknown): void;
  /** Begins the next life. */
  revive(): void;
}

/** Ends the lives of `members`, in the order in which they were spawned, and begins new ones after `delayMs`. */
export function restartTogether(
  world: World,
  members: readonly Restartable[],
  { error, delayMs }: { readonly error: unknown; readonly delayMs: number },
): void {
  const nowMs = world.clock.monotonicMs();
  let dueMs = nowMs + delayMs;
  for (const member of members.toReversed()) {
    if (member.restart === null) {
      member.suspend(error);
    } else {
      dueMs = Math.max(dueMs, member.restart.dueMs);
      member.restart.leave(member);
    }
  }
  const waiting = members.filter(({ stopped }) => !stopped);
  if (waiting.length > 0) new Restart(world, waiting, dueMs).begin(dueMs - nowMs);
}

export class Restart implements Turn {
  readonly dueMs: number;
  readonly #world: World;
  readonly #members: Restartable[];
  #timer: TimerHandle | null = null;

  constructor(world: World, members: readonly Restartable[], dueMs: number) {
    this.#world = world;
    this.#members = [...members];
    this.dueMs = dueMs;
    for (const member of members) member.restart = this;
  }

  begin(delayMs: number): void {
    if (delayMs > 0) this.#timer = this.#world.clock.setTimer(delayMs, () => this.run());
    else this.#world.dispatcher.schedule(this);
  }

  /** One that has stopped, or waits for another restart from now on. */
  leave(member: Restartable): void {
    member.restart = null;
    const at = this.#members.indexOf(member);
    if (at !== -1) this.#members.splice(at, 1);
    if (this.#members.length > 0 || this.#timer === null) return;
    this.#world.clock.clearTimer(this.#timer);
    this.#timer = null;
  }

  /** A member that crashes in its start takes those that still wait here along, if the strategy says so. */
  run(): void {
    for (let member = this.#members.shift(); member !== undefined; member = this.#members.shift()) {
      member.restart = null;
      member.revive();
    }
  }
}
