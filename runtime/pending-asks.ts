/**
 * Asks that wait for an answer: each has a ref of its own, which takes one answer and then is gone.
 *
 * What an ask costs here: one object and its ref. It has no name until somebody reads the path of its ref, as another node's
 * transport does; only then it can be found by one. The path holds a number drawn when the system started: an answer from
 * another node to an ask of before a restart must not be taken for the answer to one of after it.
 */
import type { AskFailure, AskResult } from "./ask-result.ts";
import { Deadline, Deadlines } from "./deadlines.ts";
import type { Source } from "./pressure.ts";
import { Ref, type AnyRef, type Recipient } from "./ref.ts";
import type { World } from "./world.ts";

/** The first part of the path of every reply ref; no actor can have this name. */
const ASK_PATH = "$ask";

/** Who asks. */
export interface Asker<in Answer> {
  /** The actor that asks; null outside of actors. */
  readonly ref: AnyRef | null;
  /** What to hold back when it asks too much; null: nothing can be. */
  readonly source: Source | null;
  /** Called once. */
  settled(result: AskResult<Answer>): void;
}

/** Told of an answer to an ask that is over. */
export type OnLate = (to: AnyRef, message: unknown, sender: AnyRef | null) => void;

export class PendingAsks {
  readonly #node: string;
  readonly #life: string;
  readonly #late: OnLate;
  readonly #deadlines: Deadlines;
  /** Those whose path is known to somebody. */
  readonly #named = new Map<string, PendingAsk<never>>();
  #names = 0;

  constructor(node: string, world: World, late: OnLate) {
    this.#node = node;
    this.#life = world.random.integer(2 ** 32).toString(36);
    this.#late = late;
    this.#deadlines = new Deadlines(world.clock);
  }

  /** Settles `asker` once: with the first answer, when it is refused, or after `timeoutMs`. */
  open<Answer>(timeoutMs: number, asker: Asker<Answer>): Ref<Answer> {
    const ask = new PendingAsk<Answer>(this, this.#node, asker);
    this.#deadlines.add(ask, timeoutMs);
    return ask.ref;
  }

  find(path: string): Recipient<unknown> | undefined {
    return this.#named.get(path);
  }

  /** Nobody will answer the ask that was sent to `node`, and this is why. Does nothing when it is over, or went elsewhere. */
  fail(path: string, node: string, code: AskFailure): void {
    const ask = this.#named.get(path);
    if (ask?.node === node) ask.refused(code);
  }

  /** Nothing more is heard of `node`: every ask that was sent there ends. */
  failAllTo(node: string): void {
    for (const ask of [...this.#named.values()]) if (ask.node === node) ask.refused("node-down");
  }

  /** The system stops: every ask ends with `node-down`. */
  close(): void {
    this.#deadlines.close();
  }

  /** @internal Gives a waiting ask the path by which it can be found. */
  name(ask: PendingAsk<never>): string {
    const path = `${ASK_PATH}/${this.#life}-${++this.#names}`;
    if (ask.isWaiting) this.#named.set(path, ask);
    return path;
  }

  /** @internal It is over. */
  forget(ask: PendingAsk<never>): void {
    this.#deadlines.remove(ask);
    if (ask.path !== null) this.#named.delete(ask.path);
  }

  /** @internal */
  late(to: AnyRef, message: unknown, sender: AnyRef | null): void {
    this.#late(to, message, sender);
  }
}

/** One ask, and what its ref leads to. */
class PendingAsk<in Answer> extends Deadline implements Recipient<Answer> {
  readonly ref: Ref<Answer>;
  path: string | null = null;
  /** The other node that it was sent to. */
  node: string | null = null;
  readonly #asks: PendingAsks;
  /** Null when it is over. */
  #asker: Asker<Answer> | null;

  constructor(asks: PendingAsks, node: string, asker: Asker<Answer>) {
    super();
    this.#asks = asks;
    this.#asker = asker;
    this.ref = new Ref<Answer>({ node, path: null }, this);
  }

  get isWaiting(): boolean {
    return this.#asker !== null;
  }

  get source(): Source | null {
    return this.#asker?.source ?? null;
  }

  get asker(): AnyRef | null {
    return this.#asker?.ref ?? null;
  }

  makePath(): string {
    this.path = this.#asks.name(this);
    return this.path;
  }

  receive(answer: Answer, sender: AnyRef | null): void {
    if (this.#asker === null) this.#asks.late(this.ref, answer, sender);
    else this.#settle({ ok: true, answer });
  }

  sentTo(node: string): void {
    this.node = node;
  }

  refused(code: AskFailure): void {
    if (this.#asker !== null) this.#settle({ ok: false, code });
  }

  override expire(): void {
    this.refused("timeout");
  }

  override abandon(): void {
    this.refused("node-down");
  }

  #settle(result: AskResult<Answer>): void {
    const asker = this.#asker;
    this.#asker = null;
    this.#asks.forget(this);
    asker?.settled(result);
  }
}
