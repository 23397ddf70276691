/** The context of one actor: its effects, bound to its cell. */
import type { Actor } from "nact/lib/actor.js";
import { ActorAsk } from "./actor-ask.ts";
import type { ActorKernel } from "./actor-kernel.ts";
import type { Behavior } from "./behavior.ts";
import type { AskRequest, CallbackOptions, Context, SpawnOptions } from "./context.ts";
import { Answer, type Deferred } from "./deferred.ts";
import type { Random } from "./ports/random.ts";
import type { Address } from "./ports/address.ts";
import type { LinkEvent } from "./ports/remoting.ts";
import type { Source } from "./pressure.ts";
import type { AnyRef, Ref } from "./ref.ts";
import { Timers } from "./timers.ts";

/** What a context needs of the actor it belongs to: the cell, seen from here. */
export interface ContextOwner<in out Message> extends Actor {
  readonly kernel: ActorKernel;
  readonly ref: Ref<Message>;
  /** Counts lives; an answer or timer of an earlier one is not wanted. */
  readonly life: number;
  /** It is being stopped or restarted: what it spawned now would outlive it. */
  readonly isEnding: boolean;
  readonly source: Source;
  receive(message: Message | Deferred, sender: AnyRef | null): void;
  /** Puts an answer ahead of every message, also of those of a muted actor. */
  receiveAhead(message: Deferred): void;
}

export class CellContext<in out Message> implements Context<Message> {
  readonly #cell: ContextOwner<Message>;
  readonly #kernel: ActorKernel;
  readonly #timers: Timers<Message>;
  readonly #watched = new Map<string, AnyRef>();
  #spawned = 0;
  #unwatchLinks: (() => void) | undefined;
  #isHeld = false;

  constructor(cell: ContextOwner<Message>) {
    this.#cell = cell;
    this.#kernel = cell.kernel;
    this.#timers = new Timers(cell.kernel.world.clock, (fired) => cell.receive(fired, null));
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

  now(): number {
    return this.#kernel.world.clock.monotonicMs();
  }

  wallNow(): number {
    return this.#kernel.world.clock.wallMs();
  }

  tell<Other>(to: Ref<Other>, message: Other): void {
    this.#kernel.tell(to, message, this.#cell.ref);
  }

  ask<Other, Answer>(to: Ref<Other>, request: AskRequest<Other, Answer, Message>): void {
    const replyTo = this.#kernel.asks.open<Answer>(request.timeoutMs, new ActorAsk(this.#cell, request));
    // The ask is the sender: whoever refuses the request can say so.
    this.#kernel.tell(to, request.make(replyTo), replyTo);
  }

  callback<Value>(adapt: (value: Value) => Message, options?: CallbackOptions): (value: Value) => void {
    const cell = this.#cell;
    const life = cell.life;
    const isWanted = (): boolean => cell.life === life;
    return (value) => {
      if (!isWanted()) return;
      const answer = new Answer(value, adapt, isWanted);
      if (options?.ahead === true) cell.receiveAhead(answer);
      else cell.receive(answer, null);
    };
  }

  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#cell.source.mute();
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#cell.source.unmute();
  }

  refAt<Other>(address: Address): Ref<Other> {
    return this.#kernel.refAt(address);
  }

  spawn<State, Other>(behavior: Behavior<State, Other>, options: SpawnOptions = {}): Ref<Other> {
    const name = options.name ?? `${behavior.name}-${++this.#spawned}`;
    if (this.#cell.isEnding) throw new Error(`Cannot spawn "${name}": "${this.#cell.ref.path}" is ending`);
    return this.#kernel.spawn(this.#cell, { behavior, name, options });
  }

  stop(ref: AnyRef = this.#cell.ref): void {
    if (ref.path === this.#cell.ref.path && ref.node === this.node) {
      this.#cell.stop();
      return;
    }
    const name = ref.path.slice(ref.path.lastIndexOf("/") + 1);
    const child = this.#cell.children.get(name);
    if (child === undefined || `${this.#cell.ref.path}/${name}` !== ref.path) {
      throw new Error(`Cannot stop ${ref.toString()}: it is not a child of ${this.#cell.ref.toString()}`);
    }
    child.stop();
  }

  child<Other>(name: string): Ref<Other> | undefined {
    return (this.#cell.children.get(name) as ContextOwner<Other> | undefined)?.ref;
  }

  watch(ref: AnyRef): void {
    const key = ref.toString();
    if (this.#watched.has(key)) return;
    this.#watched.set(key, ref);
    this.#kernel.watch(ref, this.#cell.ref);
  }

  unwatch(ref: AnyRef): void {
    if (this.#watched.delete(ref.toString())) this.#kernel.unwatch(ref, this.#cell.ref);
  }

  watchLinks(adapt: (event: LinkEvent) => Message): void {
    this.#unwatchLinks?.();
    this.#unwatchLinks = this.#kernel.links.listen(this.callback(adapt));
  }

  setTimer(key: string, delayMs: number, message: Message): void {
    if (!this.#cell.stopped) this.#timers.set(key, delayMs, message);
  }

  cancelTimer(key: string): void {
    this.#timers.cancel(key);
  }

  /** @internal True once for each watched ref: what makes `terminated` exactly once. */
  takeWatch(ref: AnyRef): boolean {
    return this.#watched.delete(ref.toString());
  }

  /** @internal Forgets what belonged to one life of the actor. */
  reset(): void {
    this.#timers.cancelAll();
    this.release();
    this.#unwatchLinks?.();
    for (const ref of this.#watched.values()) this.#kernel.unwatch(ref, this.#cell.ref);
    this.#watched.clear();
  }
}
