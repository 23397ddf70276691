/** What a behaviour may do. Nothing else leaves it; valid only during the call it is passed to and from `callback`s. */
import type { Behavior } from "./behavior.ts";
import type { MailboxOptions } from "./mailbox.ts";
import type { Address } from "./ports/address.ts";
import type { Random } from "./ports/random.ts";
import type { LinkEvent } from "./ports/remoting.ts";
import type { AnyRef, Ref } from "./ref.ts";
import type { Supervision } from "./supervision.ts";

export interface Context<in out Message> {
  readonly self: Ref<Message>;
  /** The name of the node this actor runs on. */
  readonly node: string;
  readonly random: Random;
  /** The monotonic clock, in milliseconds. */
  now(): number;
  /** The wall clock, in milliseconds since the epoch; for labels only. */
  wallNow(): number;

  tell<Other>(to: Ref<Other>, message: Other): void;
  /**
   * Sends a request and turns the answer into a message to this actor. `adapt` gets the answer or, after `timeoutMs`,
   * a failure; it is called exactly once, and not at all when this actor has stopped or restarted by then.
   */
  ask<Other, Answer>(to: Ref<Other>, request: AskRequest<Other, Answer, Message>): void;
  /** A function that turns an answer from a port into a message to this actor. Ignored after a stop or restart. */
  callback<Value>(adapt: (value: Value) => Message): (value: Value) => void;
  /** A ref to an actor by its address, also on another node; it may not exist. */
  refAt<Other>(address: Address): Ref<Other>;

  /** @throws when the name is taken or not made of letters, digits, `-`, `_` and `.`. */
  spawn<State, Other>(behavior: Behavior<State, Other>, options?: SpawnOptions): Ref<Other>;
  /** Stops this actor after the current message, or one of its children at once. @throws for any other ref. */
  stop(ref?: AnyRef): void;
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

  /** Sends `message` to this actor after `delayMs`; replaces the timer of the same key. */
  setTimer(key: string, delayMs: number, message: Message): void;
  /** After it returns, the timer's message will not be handled, also if it is already in the mailbox. */
  cancelTimer(key: string): void;
}

export interface AskRequest<Other, Answer, Message> {
  make(replyTo: Ref<Answer>): Other;
  readonly timeoutMs: number;
  adapt(result: AskResult<Answer>): Message;
}

export type AskResult<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly code: "timeout" };

export interface SpawnOptions {
  /** Unique among its siblings. Default: the behaviour's name and a counter, so names are the same in every run. */
  readonly name?: string;
  /** Default: `stop`. */
  readonly supervision?: Supervision;
  readonly mailbox?: MailboxOptions;
}
