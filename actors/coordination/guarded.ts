/**
 * A behaviour that acts only under a valid tenure.
 *
 * Whoever holds the lease for an actor stops it before the deadline, but by a message; a process that stood still past the
 * deadline may run the actor's turn first. So the clock is asked again before each message: past the deadline the actor
 * ends, and what waits for it becomes dead letters.
 */
import type { Behavior, Context } from "../../runtime/index.ts";
import { refusePromise } from "../../runtime/behavior-error.ts";
import { checkBehavior } from "../../runtime/check-behavior.ts";
import type { Tenure } from "./tenure.ts";

/** In place of a state that was never made. */
const OVER: unique symbol = Symbol("over");

/**
 * Wraps a behaviour, so that it handles nothing once `tenure` is over. Singletons and entities are wrapped by those who
 * spawn them; a behaviour that they turn into by `ctx.become` is not, and should be wrapped by hand.
 *
 * Signals are handled in any case, so `post-stop` may come without a valid tenure: effects there belong into `fenced`.
 */
export function guarded<State, Message>(
  behavior: Behavior<State, Message>,
  tenure: Tenure,
): Behavior<State | typeof OVER, Message> {
  return {
    name: behavior.name,
    accepts: (message): message is Message => behavior.accepts?.(message) ?? true,
    init: (ctx) => {
      if (tenure.isValid(ctx.now())) return behavior.init(ctx);
      ctx.stop();
      return OVER;
    },
    receive: (state, message, ctx) => {
      if (state !== OVER && tenure.isValid(ctx.now())) return behavior.receive(state, message, ctx);
      return putBack(state, message, ctx);
    },
    onSignal: (state, signal, ctx) => {
      if (state === OVER || behavior.onSignal === undefined) return state;
      return behavior.onSignal(state, signal, ctx);
    },
  };
}

/**
 * `guarded` for a behaviour that is made when the actor begins, and again at each restart: what `make` throws is the crash
 * of that actor, not of the one that spawns it.
 */
export function guardedLazily<State, Message>(
  name: string,
  tenure: Tenure,
  make: () => Behavior<State, Message>,
): Behavior<Begun<State, Message> | typeof OVER, Message> {
  return guarded<Begun<State, Message>, Message>(
    {
      name,
      init: (ctx) => {
        const behavior = make();
        checkBehavior(`begin as "${name}"`, behavior);
        return { behavior, state: stateOf(behavior.init(ctx), name, "init") };
      },
      receive: (begun, message, ctx) => {
        begun.state = stateOf(begun.behavior.receive(begun.state, message, ctx), name, "receive");
        return begun;
      },
      onSignal: (begun, signal, ctx) => {
        const { behavior, state } = begun;
        if (behavior.onSignal !== undefined)
          begun.state = stateOf(behavior.onSignal(state, signal, ctx), name, "onSignal");
        return begun;
      },
    },
    tenure,
  );
}

/** The cell, which looks for promises itself, does not see this state. */
function stateOf<State>(state: State, name: string, handler: string): State {
  refusePromise(state, name, handler);
  return state;
}

/** A behaviour with its state. */
interface Begun<State, Message> {
  readonly behavior: Behavior<State, Message>;
  state: State;
}

/** The message waits again, so that it is accounted for with the others when the actor has stopped. */
function putBack<State, Message>(state: State, message: Message, ctx: Context<Message>): State {
  ctx.tell(ctx.self, message);
  ctx.stop();
  return state;
}
