/** What a behaviour may do. Nothing else leaves it; valid only during the call it is passed to and from `callback`s. */
import type { AskResult } from "./ask-result.ts";
import type { Behavior } from "./behavior.ts";
import type { MailboxOptions } from "./mailbox.ts";
import type { Address } from "./ports/address.ts";
import type { Journal } from "./ports/journal.ts";
import type { Random } from "./ports/random.ts";
import type { LinkEvent } from "./ports/remoting.ts";
import type { Settled } from "./ports/work.ts";
import type { AnyRef, Ref } from "./ref.ts";
import type { Strategy, Supervision } from "./supervision.ts";

/** What a behaviour may do while it handles a message: all of its effects. */
export interface Context<in out Message> {
  readonly self: Ref<Message>;
  /** The name of the node this actor runs on. */
  readonly node: string;
  readonly random: Random;
  /** The world's journal, if it has one. */
  readonly journal: Journal | undefined;
  /**
   * The other node that the message in hand came from, as its link has proven it: what a message says of its sender can be forged, this
   * cannot. Null for what comes from this node, and outside of `receive`.
   */
  readonly senderNode: string | null;
  /** How many messages wait for this actor behind the one in hand, its own timers and answers among them. */
  readonly waiting: number;
  /** The monotonic clock, in milliseconds. */
  now(): number;
  /** The wall clock, in milliseconds since the epoch; for labels only. */
  wallNow(): number;

  tell<Other>(to: Ref<Other>, message: Other): void;
  /**
   * Passes on what belongs to the message in hand, as a router does: as `tell`, but if that message was an ask, it ends as soon as
   * `to` will not handle this one (`no-recipient`, `mailbox-full`, `node-down`, …), instead of by its timeout. To one receiver only,
   * since the first that refuses ends the ask. An ask that came from another node and goes on to a third ends by its timeout.
   */
  forward<Other>(to: Ref<Other>, message: Other): void;
  /**
   * Sends a request and turns the answer into a message to this actor. `adapt` gets the answer or, after `timeoutMs`,
   * a failure; it is called exactly once, and not at all when this actor has stopped or restarted by then. The type of the
   * answer is that of the parameter of `make`: `(replyTo: Ref<number>) => …`.
   */
  ask<const Other, Answer>(to: Ref<Other>, request: AskRequest<Other, Answer, Message>): void;
  /** A function that turns an answer from a port into a message to this actor. Ignored after a stop or restart. */
  callback<Value>(adapt: (value: Value) => Message, options?: CallbackOptions): (value: Value) => void;
  /**
   * Handles no message until `release`: what comes waits in the mailbox, under its policy. Signals are handled, and answers by a
   * `callback` with `ahead`; timers and other answers wait. For an actor that can do nothing before a port has answered. Ends
   * with a restart.
   */
  hold(): void;
  release(): void;
  /**
   * Turns what becomes of a promise into a message to this actor; a rejection is a value too. Ignored after a stop or
   * restart. The promise itself is not cancelled.
   */
  pipe<Value>(promise: PromiseLike<Value>, adapt: (settled: Settled<Value>) => Message): void;
  /** A ref to an actor by its address, also on another node; it may not exist. */
  refAt<Other>(address: Address): Ref<Other>;

  /**
   * Spawns a child; its first state is made before this returns. @throws when the name is taken or not 1 to 128 letters, digits,
   * `-`, `_` and `.`, when this actor is ending, 1,000 levels below the top, and RangeError for options that are no limits.
   */
  spawn<State, Other>(behavior: Behavior<State, Other>, options?: SpawnOptions): Ref<Other>;
  /**
   * Stops this actor after the current message, or one of its children at once. With a deadline it first handles what waits
   * in its mailbox by now, answers and timers included, and ends at the deadline if it has not by then; what it has
   * stashed and what is told to it later become dead letters. Does nothing when that child has ended already. @throws for any
   * other ref.
   */
  stop(ref?: AnyRef, options?: StopOptions): void;
  /** The child of that name, if there is one. */
  child<Other>(name: string): Ref<Other> | undefined;

  /** Asks for a `terminated` signal, once. Watching twice is watching once. */
  watch(ref: AnyRef): void;
  unwatch(ref: AnyRef): void;
  /**
   * Tells this actor of every link to another node: of those that are up at once, then of each change, until it stops or
   * restarts. An `up` for a node that is linked already means that its link was replaced, and what was on its way is lost.
   */
  watchLinks(adapt: (event: LinkEvent) => Message): void;

  /**
   * At the system's shutdown, in that phase, sends this actor a message; the phase waits until `replyTo` has been told `done`,
   * or this actor has stopped or restarted. @throws for a phase that the system does not have.
   */
  onShutdown(phase: string, make: (replyTo: Ref<"done">) => Message): void;

  /**
   * Handles the next message with another behaviour, whose `init` makes the state in the present one's place, after this
   * handler has returned. Mailbox, stash, children, timers and watches stay. A handler that throws has not become anything; an
   * `init` that throws is a crash of the present behaviour. A restart begins with the behaviour that was spawned.
   */
  become<State>(behavior: Behavior<State, Message>): void;
  /**
   * Puts the message in hand away until `unstashAll`, after this handler has returned; twice is once. A handler that throws
   * has stashed nothing. @throws `stash-full` over the limit, `nothing-to-stash` in `init` and `onSignal`.
   */
  stash(): void;
  /** The message in hand is none for this behaviour: it becomes a dead letter, `unhandled`, after this handler has returned. */
  unhandled(): void;
  /**
   * Handles what was stashed before anything else that waits, in the order in which it was stashed. A restart does that too,
   * but for answers and timers of the earlier life; at the end of the actor its stash becomes dead letters.
   */
  unstashAll(): void;

  /**
   * Sends `message` to this actor whenever it has handled no message for `delayMs`, until it is cancelled or restarts. Signals
   * do not count. Replaces the receive timeout that is set. @throws RangeError unless `delayMs` is more than 0.
   */
  setReceiveTimeout(delayMs: number, message: Message): void;
  /** After it returns, the receive timeout's message will not be handled. */
  cancelReceiveTimeout(): void;

  /**
   * Sends `message` to this actor once, after `delayMs`; replaces the timer of the same key. 0 or less is as soon as possible,
   * `Infinity` is never. @throws RangeError for `NaN`.
   */
  setTimer(key: string, delayMs: number, message: Message): void;
  /** After it returns, the timer's message will not be handled, also if it is already in the mailbox. */
  cancelTimer(key: string): void;
}

/** How an actor is stopped gracefully. */
export interface StopOptions {
  /** Milliseconds that it gets for what waits. `Infinity`: no deadline. @throws RangeError for `NaN`. */
  readonly deadlineMs: number;
}

/** How an answer from a port is handled. */
export interface CallbackOptions {
  /** The answer is handled ahead of everything that waits in the mailbox, and while the actor holds its messages. Default: false. */
  readonly ahead?: boolean;
}

/** A request to another actor, and how its answer becomes a message to the one that asks. */
export interface AskRequest<Other, Answer, Message> {
  make(replyTo: Ref<Answer>): Other;
  readonly timeoutMs: number;
  adapt(result: AskResult<Answer>): Message;
}

/** What became of an ask: the answer, or why there is none. */
export interface SpawnOptions {
  /** Unique among its siblings. Default: the behaviour's name and a counter, so names are the same in every run. */
  readonly name?: string;
  /** What its crash means. Default: it stops. */
  readonly supervision?: Supervision;
  /** Which of its own children restart or stop together. Default: `one-for-one`. */
  readonly strategy?: Strategy;
  /** Most messages it may stash. Default: 1,000. */
  readonly stash?: number;
  readonly mailbox?: MailboxOptions;
  /**
   * What it does when it tells more than a mailbox with `overflow: "back-pressure"` or a remote channel takes: `wait`, without
   * turns for messages until the receiver has caught up; or `ignore`, and lose what is far over the capacity. Signals
   * reach it either way. Default: `wait`.
   */
  readonly onPressure?: "wait" | "ignore";
}
