/** The context of a behaviour in isolation: records each effect instead of having it. */
import { STASH, withUnstash } from "../after-handler.ts";
import { nothingToStash } from "../behavior-error.ts";
import type { Behavior } from "../behavior.ts";
import { checkBehavior, checkRef } from "../check-behavior.ts";
import { checkDelay, checkReceiveTimeout } from "../check-delay.ts";
import { checkName, checkOptions } from "../check-spawn.ts";
import type { AskResult } from "../ask-result.ts";
import type { AskRequest, Context, SpawnOptions, StopOptions } from "../context.ts";
import type { Address } from "../ports/address.ts";
import type { LinkEvent } from "../ports/remoting.ts";
import type { Journal } from "../ports/journal.ts";
import type { Random } from "../ports/random.ts";
import type { Settled } from "../ports/work.ts";
import { Ref, type AnyRef } from "../ref.ts";
import type { AskedEffect, Effect, PipedEffect } from "./effect.ts";
import { RecordedTimers } from "./recorded-timers.ts";

export interface RecordingContextOptions<Message> {
  readonly self: Address;
  readonly random: Random;
  readonly journal: Journal | undefined;
  nowMs(): number;
  /** A message to the behaviour itself, from an answer or a callback. */
  deliver(make: () => Message): void;
}

/** What a handler asked to be done with the behaviour once it has returned. */
export interface Requested<in out Message> {
  readonly become: Behavior<unknown, Message> | null;
  /** Of the stash: bits of after-handler.ts. */
  readonly asked: number;
  readonly unhandled: boolean;
}

export class RecordingContext<in out Message> implements Context<Message> {
  readonly self: Ref<Message>;
  readonly node: string;
  readonly journal: Journal | undefined;
  readonly random: Random;
  /** Alone, a behaviour hears nothing of other nodes. */
  readonly senderNode = null;
  /** It has no mailbox. */
  readonly waiting = 0;
  readonly timers: RecordedTimers<Message> = new RecordedTimers<Message>();
  stopped = false;
  /** Whether there is a message in hand. */
  isHandling = false;
  #effects: Effect[] = [];
  readonly #options: RecordingContextOptions<Message>;
  readonly #children = new Map<string, Ref<unknown>>();
  /** Children that were stopped; stopping one again does nothing. */
  readonly #ended = new Set<string>();
  readonly #asks = new Map<AskedEffect, (result: AskResult<unknown>) => void>();
  readonly #piped = new Map<PipedEffect, (settled: Settled<unknown>) => void>();
  readonly #linkListeners: ((event: LinkEvent) => void)[] = [];
  readonly #shutdown: { readonly phase: string; readonly run: () => void }[] = [];
  #spawned = 0;
  #asked = 0;
  #become: Behavior<unknown, Message> | null = null;
  #ofStash = 0;
  #unhandled = false;

  constructor(options: RecordingContextOptions<Message>) {
    this.#options = options;
    this.node = options.self.node;
    this.random = options.random;
    this.journal = options.journal;
    this.self = this.refAt(options.self);
  }

  now(): number {
    return this.#options.nowMs();
  }

  wallNow(): number {
    return this.#options.nowMs();
  }

  tell<Other>(to: Ref<Other>, message: Other): void {
    this.#effects.push({ type: "told", to, message });
  }

  forward<Other>(to: Ref<Other>, message: Other): void {
    this.#effects.push({ type: "forwarded", to, message });
  }

  ask<const Other, Answer>(to: Ref<Other>, request: AskRequest<Other, Answer, Message>): void {
    const replyTo = this.refAt<Answer>({ node: this.node, path: `$ask/isolated-${++this.#asked}` });
    const { timeoutMs } = request;
    const asked: AskedEffect = { type: "asked", to, message: request.make(replyTo), timeoutMs };
    this.#asks.set(asked, (result) => this.#options.deliver(() => request.adapt(result as AskResult<Answer>)));
    this.#effects.push(asked);
  }

  callback<Value>(adapt: (value: Value) => Message): (value: Value) => void {
    return (value) => this.#options.deliver(() => adapt(value));
  }

  hold(): void {
    this.#effects.push({ type: "held" });
  }

  release(): void {
    this.#effects.push({ type: "released" });
  }

  pipe<Value>(promise: PromiseLike<Value>, adapt: (settled: Settled<Value>) => Message): void {
    const piped: PipedEffect = { type: "piped", promise };
    this.#piped.set(piped, (settled) => this.#options.deliver(() => adapt(settled as Settled<Value>)));
    this.#effects.push(piped);
  }

  /** A ref that records what is sent to it past the context, for example by a port. */
  refAt<Other>(address: Address): Ref<Other> {
    const ref: Ref<Other> = new Ref<Other>(address, {
      receive: (message) => void this.#effects.push({ type: "told", to: ref, message }),
    });
    return ref;
  }

  spawn<State, Other>(behavior: Behavior<State, Other>, options: SpawnOptions = {}): Ref<Other> {
    checkBehavior("spawn an actor", behavior);
    const name = options.name ?? `${behavior.name}-${++this.#spawned}`;
    checkName(name);
    checkOptions(name, options);
    if (this.#children.has(name)) {
      throw new Error(`Cannot spawn "${name}" below "${this.self.path}": the name is taken`);
    }
    const ref = this.refAt<unknown>({ node: this.node, path: `${this.self.path}/${name}` });
    this.#children.set(name, ref);
    this.#effects.push({ type: "spawned", ref, behavior: behavior.name, options });
    return ref;
  }

  stop(ref: AnyRef = this.self, options?: StopOptions): void {
    const isSelf = ref.toString() === this.self.toString();
    const child = [...this.#children].find(([, one]) => one.toString() === ref.toString());
    if (!isSelf && child === undefined) {
      if (this.#ended.has(ref.toString())) return;
      throw new Error(`Cannot stop ${ref.toString()}: it is not a child of ${this.self.toString()}`);
    }
    if (isSelf) this.stopped = true;
    if (child !== undefined) {
      this.#children.delete(child[0]);
      this.#ended.add(ref.toString());
    }
    this.#effects.push({ type: "stopped", ref, ...options });
  }

  child<Other>(name: string): Ref<Other> | undefined {
    return this.#children.get(name);
  }

  watch(ref: AnyRef): void {
    checkRef("watch", ref);
    this.#effects.push({ type: "watched", ref });
  }

  unwatch(ref: AnyRef): void {
    checkRef("unwatch", ref);
    this.#effects.push({ type: "unwatched", ref });
  }

  watchLinks(adapt: (event: LinkEvent) => Message): void {
    this.#linkListeners.push((event) => this.#options.deliver(() => adapt(event)));
    this.#effects.push({ type: "links-watched" });
  }

  onShutdown(phase: string, make: (replyTo: Ref<"done">) => Message): void {
    const replyTo = this.refAt<"done">({ node: this.node, path: `$ask/isolated-${++this.#asked}` });
    this.#shutdown.push({ phase, run: () => this.#options.deliver(() => make(replyTo)) });
    this.#effects.push({ type: "shutdown-awaited", phase });
  }

  setTimer(key: string, delayMs: number, message: Message): void {
    checkDelay(`timer "${key}"`, delayMs);
    this.timers.set(key, this.now() + delayMs, message);
    this.#effects.push({ type: "timer-set", key, delayMs, message });
  }

  cancelTimer(key: string): void {
    this.timers.cancel(key);
    this.#effects.push({ type: "timer-cancelled", key });
  }

  become<State>(behavior: Behavior<State, Message>): void {
    checkBehavior("become another behaviour", behavior);
    this.#become = behavior;
    this.#effects.push({ type: "became", behavior: behavior.name });
  }

  stash(): void {
    if (!this.isHandling) throw nothingToStash(this.self.path);
    this.#ofStash |= STASH;
  }

  unhandled(): void {
    this.#unhandled = true;
  }

  unstashAll(): void {
    this.#ofStash = withUnstash(this.#ofStash);
  }

  setReceiveTimeout(delayMs: number, message: Message): void {
    checkReceiveTimeout(delayMs);
    this.timers.setReceiveTimeout(this.now(), delayMs, message);
    this.#effects.push({ type: "receive-timeout-set", delayMs, message });
  }

  cancelReceiveTimeout(): void {
    this.timers.cancelReceiveTimeout();
    this.#effects.push({ type: "receive-timeout-cancelled" });
  }

  /** What the handler that has returned asked for; forgotten with this call. */
  takeRequested(): Requested<Message> {
    const requested = { become: this.#become, asked: this.#ofStash, unhandled: this.#unhandled };
    this.#become = null;
    this.#ofStash = 0;
    this.#unhandled = false;
    return requested;
  }

  record(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Tells whoever watches links. */
  link(event: LinkEvent): void {
    for (const listen of this.#linkListeners) listen(event);
  }

  /** Lets one phase of the system's shutdown begin. */
  shutdown(phase: string): void {
    for (const task of this.#shutdown) if (task.phase === phase) task.run();
  }

  /** Ends an ask; false when it is no open one of this context. */
  settleAsk(asked: AskedEffect, result: AskResult<unknown>): boolean {
    const settle = this.#asks.get(asked);
    this.#asks.delete(asked);
    settle?.(result);
    return settle !== undefined;
  }

  /** Ends a pipe; false when it is no open one of this context. */
  settlePipe(piped: PipedEffect, settled: Settled<unknown>): boolean {
    const settle = this.#piped.get(piped);
    this.#piped.delete(piped);
    settle?.(settled);
    return settle !== undefined;
  }

  /** What was recorded since the last call. */
  takeEffects(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
