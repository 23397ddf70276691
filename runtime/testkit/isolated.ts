/**
 * One behaviour alone: no system, no mailbox, no other actor; what it does is recorded as plain values.
 *
 * For tests of the decision itself: given this state and this message, these effects. Whether actors fit together is for a
 * manual world and probes, whether they hold under faults for the simulator. Akka's `BehaviorTestKit` is the model.
 *
 * What a handler throws reaches the test: nothing supervises here.
 */
import { settleStash, STASH, UNSTASH, UNSTASH_IN_HAND } from "../after-handler.ts";
import { refusePromise } from "../behavior-error.ts";
import type { Behavior, Signal } from "../behavior.ts";
import { checkBehavior } from "../check-behavior.ts";
import type { AskResult } from "../ask-result.ts";
import type { Address } from "../ports/address.ts";
import type { Journal } from "../ports/journal.ts";
import type { LinkEvent } from "../ports/remoting.ts";
import { createRandom } from "../prng.ts";
import type { Settled } from "../ports/work.ts";
import type { Ref } from "../ref.ts";
import { Stash } from "../stash.ts";
import type { AskedEffect, Effect, PipedEffect } from "./effect.ts";
import { RecordingContext, type Requested } from "./recording-context.ts";
import { showValue } from "./show-value.ts";

/** What a behaviour alone believes of its surroundings. */
export interface IsolationOptions {
  /** Where the behaviour believes to run. Default: node `local`, path the behaviour's name. */
  readonly self?: Address;
  /** What `ctx.journal` is. Default: none. */
  readonly journal?: Journal;
  /** What its random numbers are drawn from. Default: 1. */
  readonly seed?: number;
  /** Both clocks at the start, in milliseconds. Default: 0. */
  readonly nowMs?: number;
}

/** Every step returns the effects of that step, in order. */
export class Isolated<State, Message> {
  /** What `init` did. */
  readonly initial: readonly Effect[];
  readonly #context: RecordingContext<Message>;
  readonly #stash = new Stash();
  #behavior: Behavior<State, Message>;
  #state: State;
  #nowMs: number;

  /** @internal Use `runInIsolation`. */
  constructor(behavior: Behavior<State, Message>, options: IsolationOptions) {
    this.#behavior = behavior;
    this.#nowMs = options.nowMs ?? 0;
    this.#context = new RecordingContext<Message>({
      self: options.self ?? { node: "local", path: behavior.name },
      nowMs: () => this.#nowMs,
      random: createRandom(options.seed ?? 1),
      journal: options.journal,
      deliver: (make) => this.#handle(make()),
    });
    this.#state = behavior.init(this.#context);
    refusePromise(this.#state, behavior.name, "init");
    this.#becomeRequested();
    this.initial = this.#context.takeEffects();
  }

  /** What the last handler returned, or what the `init` of what it became made. */
  get state(): State {
    return this.#state;
  }

  get self(): Ref<Message> {
    return this.#context.self;
  }

  /** The name of the behaviour that it is now. */
  get behavior(): string {
    return this.#behavior.name;
  }

  /** What it has stashed, oldest first. */
  get stashed(): readonly Message[] {
    return this.#stash.held.map(({ message }) => message as Message);
  }

  /** Whether it has stopped itself. */
  get stopped(): boolean {
    return this.#context.stopped;
  }

  /** The child of that name. @throws when it spawned none, or stopped it. */
  child<Other>(name: string): Ref<Other> {
    const child = this.#context.child<Other>(name);
    if (child === undefined) throw new Error(`"${this.self.path}" has no child "${name}"`);
    return child;
  }

  /** A ref to an actor that is not there, to put into messages and to find in effects. */
  ref<Other>(path: string, node: string = this.self.node): Ref<Other> {
    return this.#context.refAt({ node, path });
  }

  /** Hands it one message. @throws when it has stopped. */
  receive(message: Message): readonly Effect[] {
    this.#handle(message);
    return this.#context.takeEffects();
  }

  /** Hands it one signal; nothing happens when it takes none. */
  signal(signal: Signal): readonly Effect[] {
    const signalled = this.#behavior.onSignal?.bind(this.#behavior);
    if (signalled === undefined) return [];
    this.#keep("onSignal", () => signalled(this.#state, signal, this.#context));
    this.#becomeRequested();
    return this.#context.takeEffects();
  }

  /** Tells it of a link, if it watches them. */
  link(event: LinkEvent): readonly Effect[] {
    this.#context.link(event);
    return this.#context.takeEffects();
  }

  /** Lets that phase of its system's shutdown begin, if it waits for it. */
  shutdown(phase: string): readonly Effect[] {
    this.#context.shutdown(phase);
    return this.#context.takeEffects();
  }

  /** Answers a request that it made. @throws when `asked` is no request that waits for its answer. */
  answer(asked: Effect | undefined, answer: unknown): readonly Effect[] {
    return this.#settleAsk(asked, { ok: true, answer });
  }

  /** Lets a request that it made fail. @throws when `asked` is no request that waits for its answer. */
  failAsk(asked: Effect | undefined, code: Extract<AskResult<never>, { ok: false }>["code"]): readonly Effect[] {
    return this.#settleAsk(asked, { ok: false, code });
  }

  /** Settles a promise that it piped. @throws when `piped` is no pipe that waits. */
  settle(piped: Effect | undefined, settled: Settled<unknown>): readonly Effect[] {
    if (!this.#context.settlePipe(piped as PipedEffect, settled)) {
      throw new Error(`"${this.self.path}" does not wait for ${showValue(piped)}`);
    }
    return this.#context.takeEffects();
  }

  /** Lets its receive timeout fire now. @throws when none is set. */
  fireReceiveTimeout(): readonly Effect[] {
    const timer = this.#context.timers.takeReceiveTimeout();
    if (timer === undefined) throw new Error(`"${this.self.path}" has no receive timeout set`);
    return this.receive(timer.message);
  }

  /** Lets a timer fire now, whatever the time. @throws when none of that key is set. */
  fireTimer(key: string): readonly Effect[] {
    const timer = this.#context.timers.take(key);
    if (timer === undefined) {
      const set = this.#context.timers.keys().join(", ");
      throw new Error(`"${this.self.path}" has no timer "${key}" set; it has ${set === "" ? "none" : set}`);
    }
    return this.receive(timer.message);
  }

  /** Lets time pass; what is due in it fires, in order. */
  advance(durationMs: number): readonly Effect[] {
    const untilMs = this.#nowMs + durationMs;
    for (;;) {
      const timer = this.stopped ? undefined : this.#context.timers.takeNext(untilMs);
      if (timer === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      this.#handle(timer.message);
    }
    this.#nowMs = untilMs;
    return this.#context.takeEffects();
  }

  #settleAsk(asked: Effect | undefined, result: AskResult<unknown>): readonly Effect[] {
    if (!this.#context.settleAsk(asked as AskedEffect, result)) {
      throw new Error(`"${this.self.path}" does not wait for the answer to ${showValue(asked)}`);
    }
    return this.#context.takeEffects();
  }

  #handle(message: Message): void {
    if (this.stopped) throw new Error(`"${this.self.path}" has stopped; it cannot handle ${showValue(message)}`);
    this.#handleOne(message);
    while (this.#stash.hasNext && !this.stopped) this.#handleOne(this.#stash.next().message as Message);
  }

  #handleOne(message: Message): void {
    const behavior = this.#behavior;
    this.#context.isHandling = true;
    try {
      this.#keep("receive", () => behavior.receive(this.#state, message, this.#context));
    } finally {
      this.#context.isHandling = false;
    }
    this.#context.timers.rearm(this.#nowMs);
    const { asked, unhandled } = this.#becomeRequested();
    if (unhandled) this.#context.record({ type: "unhandled", message });
    if ((asked & STASH) !== 0) this.#context.record({ type: "stashed", message });
    if ((asked & UNSTASH) !== 0) {
      const messages = (asked & UNSTASH_IN_HAND) === 0 ? this.stashed : [...this.stashed, message];
      this.#context.record({ type: "unstashed", messages });
    }
    settleStash(this.#stash, asked, { message, sender: null, isOwn: false });
  }

  /** What a handler returns is the state; one that throws has asked for nothing. */
  #keep(handler: string, handle: () => State): void {
    try {
      const state = handle();
      refusePromise(state, this.#behavior.name, handler);
      this.#state = state;
    } catch (error) {
      this.#context.takeRequested();
      throw error;
    }
  }

  #becomeRequested(): Requested<Message> {
    const requested = this.#context.takeRequested();
    if (requested.become !== null) {
      this.#behavior = requested.become as Behavior<State, Message>;
      this.#state = this.#behavior.init(this.#context);
    }
    return requested;
  }
}

/** Starts `behavior` alone: its `init` has run when this returns. @throws TypeError for what is no behaviour. */
export function runInIsolation<State, Message>(
  behavior: Behavior<State, Message>,
  options: IsolationOptions = {},
): Isolated<State, Message> {
  checkBehavior("run in isolation", behavior);
  return new Isolated(behavior, options);
}
