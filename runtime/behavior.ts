/**
 * A behaviour is what an actor does: a pure function from state and message to the next state.
 *
 * All effects go through `ctx`. A handler never awaits: an answer from outside comes back as a message, so no state
 * change is ever split by another message. State must not be shared; messages are readonly.
 */
import { refusePromise } from "./behavior-error.ts";
import type { Context } from "./context.ts";
import type { AnyRef, TerminationReason } from "./ref.ts";

/** What an actor does: makes its first state, and the next state of each message. */
export interface Behavior<State, in out Message> {
  /** Appears in crash reports and in the inspection stream. */
  readonly name: string;
  /** Makes the first state, and again after each restart. May use every effect of `ctx`. */
  init(ctx: Context<Message>): State;
  /** Asked for each message of another node; what it refuses is a dead letter, `wrong-type`. Default: all are taken. */
  accepts?(message: unknown): message is Message;
  /** Handles one message. What it throws is a crash, decided by the actor's supervision. */
  receive(state: State, message: Message, ctx: Context<Message>): State;
  /** Handles a lifecycle signal. Without it, signals are ignored. */
  onSignal?(state: State, signal: Signal, ctx: Context<Message>): State;
}

/** What the kernel tells an actor about itself and about those that it watches. */
export type Signal =
  /** A watched actor is gone; delivered exactly once for each watch. */
  | { readonly type: "terminated"; readonly ref: AnyRef; readonly reason: TerminationReason }
  /** The actor is about to be restarted; its children are stopped already. Last chance to release something. */
  | { readonly type: "pre-restart"; readonly error: unknown }
  /** The actor and its children have stopped. Telling still works, setting timers and spawning do not. */
  | { readonly type: "post-stop" };

/** A behaviour without state. */
export function stateless<Message>(
  name: string,
  receive: (message: Message, ctx: Context<Message>) => void,
): Behavior<null, Message> {
  return {
    name,
    init: () => null,
    receive: (state, message, ctx) => {
      const returned: unknown = receive(message, ctx);
      if (returned instanceof Promise) refusePromise(returned, name, "receive");
      return state;
    },
  };
}

/** Handles one message and returns the handler of the next one; undefined: itself. What it knows is in its closure. */
export interface Handler<in out Message> {
  (message: Message, ctx: Context<Message>): Handler<Message> | undefined;
}

/**
 * A behaviour whose state is the handler of the next message: each state of a machine is a function, each transition its
 * result (Akka's functional style). `start` gives the first handler, again after each restart. It has no signals and one type of
 * message; a state that wants its own `init` or `onSignal` is a behaviour for `ctx.become`.
 */
export function functional<Message>(
  name: string,
  start: (ctx: Context<Message>) => Handler<Message>,
): Behavior<Handler<Message>, Message> {
  return { name, init: start, receive: (handler, message, ctx) => handler(message, ctx) ?? handler };
}
