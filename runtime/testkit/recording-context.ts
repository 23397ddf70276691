/** The context of a behaviour in isolation: records each effect instead of having it. */
import type { Behavior } from "../behavior.ts";
import type { AskRequest, AskResult, Context, SpawnOptions } from "../context.ts";
import type { Address } from "../ports/address.ts";
import type { LinkEvent } from "../ports/remoting.ts";
import type { Random } from "../ports/random.ts";
import { Ref, type AnyRef } from "../ref.ts";
import type { AskedEffect, Effect } from "./effect.ts";

export interface RecordingContextOptions<Message> {
  readonly self: Address;
  readonly random: Random;
  nowMs(): number;
  /** A message to the behaviour itself, from an answer or a callback. */
  deliver(make: () => Message): void;
}

interface SetTimer<Message> {
  readonly atMs: number;
  readonly order: number;
  readonly message: Message;
}

export class RecordingContext<in out Message> implements Context<Message> {
  readonly self: Ref<Message>;
  readonly node: string;
  readonly random: Random;
  stopped = false;
  #effects: Effect[] = [];
  readonly #options: RecordingContextOptions<Message>;
  readonly #children = new Map<string, Ref<unknown>>();
  readonly #timers = new Map<string, SetTimer<Message>>();
  readonly #asks = new Map<AskedEffect, (result: AskResult<unknown>) => void>();
  readonly #linkListeners: ((event: LinkEvent) => void)[] = [];
  #spawned = 0;
  #asked = 0;
  #timersSet = 0;

  constructor(options: RecordingContextOptions<Message>) {
    this.#options = options;
    this.node = options.self.node;
    this.random = options.random;
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

  ask<Other, Answer>(to: Ref<Other>, request: AskRequest<Other, Answer, Message>): void {
    const replyTo = this.refAt<Answer>({ node: this.node, path: `$ask/isolated-${++this.#asked}` });
    const { timeoutMs } = request;
    const asked: AskedEffect = { type: "asked", to, message: request.make(replyTo), timeoutMs };
    this.#asks.set(asked, (result) => this.#options.deliver(() => request.adapt(result as AskResult<Answer>)));
    this.#effects.push(asked);
  }

  callback<Value>(adapt: (value: Value) => Message): (value: Value) => void {
    return (value) => this.#options.deliver(() => adapt(value));
  }

  /** A ref that records what is sent to it past the context, for example by a port. */
  refAt<Other>(address: Address): Ref<Other> {
    const ref: Ref<Other> = new Ref<Other>(address, {
      receive: (message) => void this.#effects.push({ type: "told", to: ref, message }),
    });
    return ref;
  }

  spawn<State, Other>(behavior: Behavior<State, Other>, options: SpawnOptions = {}): Ref<Other> {
    const name = options.name ?? `${behavior.name}-${++this.#spawned}`;
    if (this.#children.has(name)) {
      throw new Error(`Cannot spawn "${name}" below "${this.self.path}": the name is taken`);
    }
    const ref = this.refAt<unknown>({ node: this.node, path: `${this.self.path}/${name}` });
    this.#children.set(name, ref);
    this.#effects.push({ type: "spawned", ref, behavior: behavior.name, options });
    return ref as Ref<Other>;
  }

  stop(ref: AnyRef = this.self): void {
    const isSelf = ref.toString() === this.self.toString();
    const child = [...this.#children].find(([, one]) => one.toString() === ref.toString());
    if (!isSelf && child === undefined) {
      throw new Error(`Cannot stop ${ref.toString()}: it is not a child of ${this.self.toString()}`);
    }
    if (isSelf) this.stopped = true;
    else if (child !== undefined) this.#children.delete(child[0]);
    this.#effects.push({ type: "stopped", ref });
  }

  child<Other>(name: string): Ref<Other> | undefined {
    return this.#children.get(name) as Ref<Other> | undefined;
  }

  watch(ref: AnyRef): void {
    this.#effects.push({ type: "watched", ref });
  }

  unwatch(ref: AnyRef): void {
    this.#effects.push({ type: "unwatched", ref });
  }

  watchLinks(adapt: (event: LinkEvent) => Message): void {
    this.#linkListeners.push((event) => this.#options.deliver(() => adapt(event)));
    this.#effects.push({ type: "links-watched" });
  }

  setTimer(key: string, delayMs: number, message: Message): void {
    this.#timers.set(key, { atMs: this.now() + delayMs, order: ++this.#timersSet, message });
    this.#effects.push({ type: "timer-set", key, delayMs, message });
  }

  cancelTimer(key: string): void {
    this.#timers.delete(key);
    this.#effects.push({ type: "timer-cancelled", key });
  }

  /** Tells whoever watches links. */
  link(event: LinkEvent): void {
    for (const listen of this.#linkListeners) listen(event);
  }

  /** Ends an ask; false when it is no open one of this context. */
  settleAsk(asked: AskedEffect, result: AskResult<unknown>): boolean {
    const settle = this.#asks.get(asked);
    this.#asks.delete(asked);
    settle?.(result);
    return settle !== undefined;
  }

  /** Takes a timer out; undefined when none of that key is set. */
  takeTimer(key: string): SetTimer<Message> | undefined {
    const timer = this.#timers.get(key);
    this.#timers.delete(key);
    return timer;
  }

  /** Takes the timer out that is due first, at or before `untilMs`. */
  takeNextTimer(untilMs: number): SetTimer<Message> | undefined {
    const due = [...this.#timers].filter(([, { atMs }]) => atMs <= untilMs);
    const [first] = due.toSorted(([, one], [, other]) => one.atMs - other.atMs || one.order - other.order);
    return first && this.takeTimer(first[0]);
  }

  timerKeys(): readonly string[] {
    return [...this.#timers.keys()];
  }

  /** What was recorded since the last call. */
  takeEffects(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
