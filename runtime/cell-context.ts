/** The context of one actor: its effects, bound to its cell. */
import type { Actor } from "nact/lib/actor.js";
import { ActorAsk } from "./actor-ask.ts";
import type { ActorKernel } from "./actor-kernel.ts";
import type { Behavior } from "./behavior.ts";
import { checkBehavior, checkRef } from "./check-behavior.ts";
import type { AskResult } from "./ask-result.ts";
import type { AskRequest, CallbackOptions, Context, SpawnOptions, StopOptions } from "./context.ts";
import { AwaitedAnswers } from "./awaited-answers.ts";
import type { ShutdownTask } from "./coordinated-shutdown.ts";
import { Answer, type Deferred } from "./deferred.ts";
import type { Random } from "./ports/random.ts";
import type { Journal } from "./ports/journal.ts";
import type { Address } from "./ports/address.ts";
import type { LinkEvent } from "./ports/remoting.ts";
import type { MailboxMetrics } from "./mailbox-metrics.ts";
import { forwardedBy } from "./forwarded.ts";
import { follow, type Settled } from "./ports/work.ts";
import type { Source } from "./pressure.ts";
import type { AnyRef, Ref } from "./ref.ts";
import { Timers } from "./timers.ts";
import { Watches } from "./watches.ts";

/** What a context needs of the actor it belongs to: the cell, seen from here. */
export interface ContextOwner<in out Message> extends Actor {
  readonly kernel: ActorKernel;
  readonly ref: Ref<Message>;
  /** Counts lives; an answer or timer of an earlier one is not wanted. */
  readonly life: number;
  /** It is being stopped or restarted: what it spawned now would outlive it. */
  readonly isEnding: boolean;
  readonly source: Source;
  readonly metrics: MailboxMetrics;
  /** Who sent the message that is being handled. */
  readonly senderInHand: AnyRef | null;
  stopGracefully(deadlineMs: number): void;
  become(behavior: Behavior<unknown, Message>): void;
  stash(): void;
  unhandled(): void;
  unstashAll(): void;
  setReceiveTimeout(delayMs: number, message: Message): void;
  cancelReceiveTimeout(): void;
  receive(message: Message | Deferred, sender: AnyRef | null): void;
  /** Puts an answer ahead of every message, also of those of a muted actor. */
  receiveAhead(message: Deferred): void;
}

/** One for all: an actor keeps its options. */
const NO_OPTIONS: SpawnOptions = {};

export class CellContext<in out Message> implements Context<Message> {
  readonly #cell: ContextOwner<Message>;
  readonly #kernel: ActorKernel;
  #timers: Timers<Message> | null = null;
  #watches: Watches | null = null;
  #spawned = 0;
  #unwatchLinks: (() => void) | undefined;
  #isHeld = false;
  #awaited: AwaitedAnswers | null = null;
  #shutdownTasks: (() => void)[] | null = null;

  constructor(cell: ContextOwner<Message>) {
    this.#cell = cell;
    this.#kernel = cell.kernel;
  }

  get self(): Ref<Message> {
    return this.#cell.ref;
  }

  get node(): string {
    return this.#kernel.node;
  }

  get random(): Random {
    return this.#kernel.world.random;
  }

  get journal(): Journal | undefined {
    return this.#kernel.world.journal;
  }

  get senderNode(): string | null {
    const sender = this.#cell.senderInHand;
    return sender === null || sender.node === this.#kernel.node ? null : sender.node;
  }

  get waiting(): number {
    return this.#cell.metrics.depth;
  }

  now(): number {
    return this.#kernel.world.clock.monotonicMs();
  }

  wallNow(): number {
    return this.#kernel.world.clock.wallMs();
  }

  tell<Other>(to: Ref<Other>, message: Other): void {
    this.#kernel.tell(to, message, this.#cell.ref);
  }

  forward<Other>(to: Ref<Other>, message: Other): void {
    this.#kernel.tell(to, message, forwardedBy(this.#kernel, this.#cell.ref, this.#cell.senderInHand));
  }

  ask<const Other, Answer>(to: Ref<Other>, request: AskRequest<Other, Answer, Message>): void {
    const replyTo = this.#kernel.asks.open<Answer>(request.timeoutMs, new ActorAsk(this.#cell, request));
    // The ask is the sender: whoever refuses the request can say so.
    this.#kernel.tell(to, request.make(replyTo), replyTo);
  }

  callback<Value>(adapt: (value: Value) => Message, options?: CallbackOptions): (value: Value) => void {
    const cell = this.#cell;
    const life = cell.life;
    const isWanted = (): boolean => cell.life === life;
    if (options?.ahead === true) {
      this.#awaited ??= new AwaitedAnswers((message) => cell.receiveAhead(message));
      return this.#awaited.open(adapt, isWanted);
    }
    return (value) => {
      if (isWanted()) cell.receive(new Answer(value, adapt, isWanted), null);
    };
  }

  pipe<Value>(promise: PromiseLike<Value>, adapt: (settled: Settled<Value>) => Message): void {
    const done = this.callback(adapt);
    const { work } = this.#kernel.world;
    if (work === undefined) void follow(promise, done);
    else work.follow(promise, done);
  }

  /** @internal Whether the actor itself asked for no messages. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#cell.source.mute();
  }

  release(): void {
    if (!this.#isHeld || this.isWaitingToEnd) return;
    this.#isHeld = false;
    this.#cell.source.unmute();
  }

  /** @internal Whether it ends when the answers that it awaits were handled. */
  get isWaitingToEnd(): boolean {
    return this.#awaited?.isEnding === true;
  }

  /** @internal Handles no further message, and runs `end` when every answer with `ahead` was handled; at once if none is awaited. */
  endWhenAnswered(end: () => void): void {
    this.hold();
    if (this.#awaited === null) end();
    else this.#awaited.whenNone(end);
  }

  unhandled(): void {
    this.#cell.unhandled();
  }

  refAt<Other>(address: Address): Ref<Other> {
    return this.#kernel.refAt(address);
  }

  spawn<State, Other>(behavior: Behavior<State, Other>, options: SpawnOptions = NO_OPTIONS): Ref<Other> {
    checkBehavior("spawn an actor", behavior);
    const name = options.name ?? this.#freeName(behavior.name);
    if (this.#cell.isEnding) throw new Error(`Cannot spawn "${name}": "${this.#cell.ref.path}" is ending`);
    return this.#kernel.spawn(this.#cell, { behavior, name, options });
  }

  stop(ref: AnyRef = this.#cell.ref, options?: StopOptions): void {
    const actor = this.#selfOrChild(ref);
    if (actor === undefined) {
      throw new Error(`Cannot stop ${ref.toString()}: it is not a child of ${this.#cell.ref.toString()}`);
    }
    if (options === undefined) actor?.stop();
    else actor?.stopGracefully(options.deadlineMs);
  }

  child<Other>(name: string): Ref<Other> | undefined {
    return (this.#cell.children.get(name) as ContextOwner<Other> | undefined)?.ref;
  }

  watch(ref: AnyRef): void {
    checkRef("watch", ref);
    this.#watches ??= new Watches(this.#kernel, this.#cell.ref);
    this.#watches.add(ref);
  }

  unwatch(ref: AnyRef): void {
    checkRef("unwatch", ref);
    this.#watches?.remove(ref);
  }

  watchLinks(adapt: (event: LinkEvent) => Message): void {
    this.#unwatchLinks?.();
    this.#unwatchLinks = this.#kernel.links.listen(this.callback(adapt));
  }

  setTimer(key: string, delayMs: number, message: Message): void {
    if (this.#cell.stopped) return;
    this.#timers ??= new Timers(this.#kernel.world.clock, (fired, setBy) => this.#cell.receive(fired, setBy));
    const { inspection } = this.#kernel;
    this.#timers.set(key, { delayMs, message, setBy: inspection.on ? inspection.trace(null) : null });
  }

  cancelTimer(key: string): void {
    this.#timers?.cancel(key);
  }

  become<State>(behavior: Behavior<State, Message>): void {
    checkBehavior("become another behaviour", behavior);
    this.#cell.become(behavior);
  }

  stash(): void {
    this.#cell.stash();
  }

  unstashAll(): void {
    this.#cell.unstashAll();
  }

  setReceiveTimeout(delayMs: number, message: Message): void {
    this.#cell.setReceiveTimeout(delayMs, message);
  }

  cancelReceiveTimeout(): void {
    this.#cell.cancelReceiveTimeout();
  }

  onShutdown(phase: string, make: (replyTo: Ref<"done">) => Message): void {
    const { asks, shutdown } = this.#kernel;
    const run: ShutdownTask["run"] = (done) => {
      const settled = (result: AskResult<"done">): void => {
        done(result.ok ? undefined : new Error(`${this.self.path} has not handed over: ${result.code}`));
      };
      const replyTo = asks.open<"done">(shutdown.timeoutMs(phase), { ref: null, source: null, settled });
      this.#kernel.tell(this.self, make(replyTo), replyTo);
    };
    (this.#shutdownTasks ??= []).push(shutdown.add({ phase, name: this.self.path, run }));
  }

  /** @internal True once for each watched ref: what makes `terminated` exactly once. */
  takeWatch(ref: AnyRef): boolean {
    return this.#watches?.take(ref) === true;
  }

  /** @internal Forgets what belonged to one life of the actor. */
  reset(): void {
    this.#timers?.cancelAll();
    this.#timers = null;
    this.#awaited = null;
    this.release();
    this.#unwatchLinks?.();
    this.#watches?.removeAll();
    this.#watches = null;
    for (const remove of this.#shutdownTasks?.splice(0) ?? []) remove();
  }

  /** The next number that no child has: one may have been given that name, or been kept through a restart. */
  #freeName(behavior: string): string {
    let name: string;
    do name = `${behavior}-${++this.#spawned}`;
    while (this.#cell.children.has(name));
    return name;
  }

  /** Null for a child that has ended, undefined for any other actor. */
  #selfOrChild(ref: AnyRef): ContextOwner<Message> | null | undefined {
    if (this.#kernel.incarnation(ref) === this.#cell.ref) return this.#cell;
    return this.#kernel.childMeant(this.#cell, ref) as ContextOwner<Message> | null | undefined;
  }
}
