/**
 * The outer half of an actor: how messages, signals and watches reach it, and when it gets its turns. What it does with them,
 * and what its lives are, is in `ActorCell`, its only subclass. One object, cut in two for the reader.
 *
 * From nact's `Actor` come the tree and its names (`LeanActor`). Replaced is how a turn runs: nact takes a
 * `setImmediate` and two awaits for each message; here the world's dispatcher gives turns, a turn drains up to `THROUGHPUT`
 * messages, and nothing is asynchronous (docs/decisions/0007-kernel-on-nact.md).
 *
 * Invariants: at most one turn is scheduled; a turn takes signals first, then what comes back from the stash, then messages;
 * a muted actor (pressure.ts) handles signals only.
 */
import type { NactParent } from "nact/lib/actor.js";
import type { ActorKernel, Child } from "./actor-kernel.ts";
import type { Signal } from "./behavior.ts";
import { CellExtras } from "./cell-extras.ts";
import { Deferred } from "./deferred.ts";
import { LeanActor } from "./lean-actor.ts";
import { Mailbox, type MailboxOwner } from "./mailbox.ts";
import type { MailboxMetrics } from "./mailbox-metrics.ts";
import type { Pressure, Source } from "./pressure.ts";
import { Ref, type AnyRef, type LocalActor, type TerminationReason } from "./ref.ts";
import { causeOf } from "./traced.ts";
import { Inlet } from "./remote/inlet.ts";

/** Messages of one turn. More starves the neighbours, fewer pays the dispatcher more often; 64 costs under 2 %. */
const THROUGHPUT = 64;

export type Phase =
  | "running"
  /** In `receive`, with a message in hand. */
  | "handling"
  /** In `init` or `onSignal`. */
  | "signalling"
  /** Between two lives. */
  | "suspended"
  /** The end, and its reason. */
  | "stopped"
  | "crashed";

export abstract class MailboxCell<Message> extends LeanActor implements LocalActor<Message>, MailboxOwner, Source {
  readonly kernel: ActorKernel;
  readonly ref: Ref<Message>;
  protected phase: Phase = "suspended";
  protected extras: CellExtras<Message> | null = null;
  readonly #mailbox: Mailbox<Message>;
  readonly #ignoresPressure: boolean;
  /** How many receivers it has told too much: above 0 it gets no turn for messages. */
  #mutes = 0;
  #scheduled = false;

  constructor(kernel: ActorKernel, parent: NactParent, { name, options }: Child<unknown, Message>) {
    super(parent, name);
    this.kernel = kernel;
    this.ref = new Ref<Message>({ node: kernel.node, path: null }, this);
    this.#mailbox = new Mailbox(options.mailbox, this);
    this.#ignoresPressure = options.onPressure === "ignore";
  }

  /** Whether `message`, from another node, is one for this actor. */
  abstract accepts(message: unknown): boolean;
  /** Whether it is muted by its own wish, by `ctx.hold`. */
  protected abstract get isHeld(): boolean;
  protected abstract handleMessage(message: Message | Deferred, sender: AnyRef | null, isOwn: boolean): void;
  protected abstract handleSignal(signal: Signal): void;

  get actor(): LocalActor<Message> {
    return this;
  }

  get source(): Source {
    return this;
  }

  get senderInHand(): AnyRef | null {
    return this.phase === "handling" ? this.#mailbox.sender : null;
  }

  get metrics(): MailboxMetrics {
    return this.#mailbox;
  }

  /** Whether it gets no turns for messages. */
  get isMuted(): boolean {
    return this.#mutes > 0 && this.#isMuted;
  }

  get pressure(): Pressure | null {
    return this.#mailbox.pressure;
  }

  get inlet(): Inlet | null {
    if (!this.#mailbox.pressesBack || this.stopped) return null;
    return (this.extra.inlet ??= new Inlet(this.kernel.remote, this.ref.path, () => this.schedule()));
  }

  get patience(): Source["patience"] {
    if (this.#mailbox.pressure !== null || this.extras?.inlet?.isFull === true) return "overloaded";
    return this.#ignoresPressure ? "ignore" : "wait";
  }

  makePath(): string {
    return this.parent instanceof MailboxCell ? `${this.parent.ref.path}/${this.name}` : this.name;
  }

  receive(message: Message | Deferred, sender: AnyRef | null): void {
    if (this.stopped) {
      this.kernel.deadLetter({ to: this.ref, sender, message, reason: "no-recipient" });
      return;
    }
    this.#mailbox.push(message, this.kernel.inspection.on ? this.kernel.inspection.trace(sender) : sender);
    // `schedule`, without its look for work: there is some.
    if (this.#scheduled || this.phase !== "running" || (this.#mutes > 0 && this.#isMuted)) return;
    this.#scheduled = true;
    this.kernel.world.dispatcher.schedule(this);
  }

  /** An actor that it watches is gone: it hears that ahead of every user message. */
  terminated(ref: AnyRef, reason: TerminationReason): void {
    if (this.stopped) return;
    this.#pushSignal({ type: "terminated", ref, reason });
  }

  /** What the actor has asked for and must hear ahead of every user message. */
  receiveAhead(message: Deferred): void {
    if (this.stopped) return;
    this.#pushSignal(message);
  }

  /** One turn; called by the dispatcher. */
  run(): void {
    // It stays scheduled until the turn's end: what comes meanwhile needs no turn yet.
    for (let budget = THROUGHPUT; budget > 0 && this.phase === "running"; budget--) {
      if (this.#mailbox.hasSignal) this.#handleControl(this.#mailbox.shiftSignal());
      else if (this.#mutes > 0 && this.#isMuted) break;
      else if (this.extras !== null && this.extras.hasStashed) this.#handleStashed(this.extras);
      else if (this.#mailbox.hasMessage) this.#handleNext();
      else break;
    }
    this.#scheduled = false;
    if (this.kernel.inspection.on) this.kernel.inspection.current = 0;
    this.schedule();
  }

  describe(): string {
    return this.ref.path;
  }

  mute(): void {
    this.#mutes += 1;
  }

  unmute(): void {
    this.#mutes -= 1;
    this.schedule();
  }

  dropped(message: unknown, sender: AnyRef | null): void {
    if (sender !== null && this.extras !== null) this.extras.inlet?.handled(sender.node);
    this.kernel.deadLetter({ to: this.ref, sender, message, reason: "mailbox-full" });
    if (this.#mailbox.failsAsks) this.kernel.refuse(sender, "mailbox-full");
  }

  holdBack(sender: AnyRef | null, pressure: Pressure): boolean {
    if (sender === null) return false;
    if (sender.node !== this.kernel.node) return this.extras?.inlet?.bounds(sender.node) ?? true;
    const { source } = sender.target;
    return source !== null && source !== undefined && pressure.hold(source);
  }

  addWatcher(watcher: AnyRef): void {
    if (this.stopped) this.kernel.notifyTerminated(watcher, this.ref, this.phase as TerminationReason);
    else (this.extra.watchers ??= new Map()).set(watcher.toString(), watcher);
  }

  removeWatcher(watcher: AnyRef): void {
    this.extras?.watchers?.delete(watcher.toString());
  }

  protected get extra(): CellExtras<Message> {
    this.extras ??= new CellExtras();
    return this.extras;
  }

  protected schedule(): void {
    if (this.#scheduled || this.phase !== "running" || !this.#hasWork) return;
    this.#scheduled = true;
    this.kernel.world.dispatcher.schedule(this);
  }

  /** The end: what waits becomes dead letters, in the order in which it would have been handled; watchers are told. */
  protected refuseAll(reason: TerminationReason): void {
    const { extras } = this;
    this.extras = null;
    for (const { message, sender, isOwn } of extras?.stash?.drain() ?? []) {
      if (!isOwn) this.kernel.deadLetter({ to: this.ref, sender, message, reason: "stopped" });
    }
    while (this.#mailbox.hasMessage) {
      const message = this.#mailbox.shift();
      if (message instanceof Deferred) continue;
      this.kernel.deadLetter({ to: this.ref, sender: this.#mailbox.sender, message, reason: "stopped" });
    }
    extras?.inlet?.close();
    for (const watcher of extras?.watchers?.values() ?? []) this.kernel.notifyTerminated(watcher, this.ref, reason);
    this.#mailbox.release();
  }

  get #hasWork(): boolean {
    if (this.#mailbox.hasSignal) return true;
    return (
      (this.#mutes === 0 || !this.#isMuted) &&
      (this.#mailbox.hasMessage || (this.extras !== null && this.extras.hasStashed))
    );
  }

  /** Only with `#mutes`. One that another node waits for is not muted, unless it wants to be: see `Inlet.isFull`. */
  get #isMuted(): boolean {
    return this.isHeld || this.extras?.inlet?.isFull !== true;
  }

  #handleNext(): void {
    const message = this.#mailbox.shift();
    const { sender } = this.#mailbox;
    if (sender !== null && this.extras !== null) this.extras.inlet?.handled(sender.node);
    this.handleMessage(message, sender, false);
  }

  #pushSignal(signal: Signal | Deferred): void {
    const { inspection } = this.kernel;
    this.#mailbox.pushSignal(signal, inspection.on ? inspection.trace(null) : null);
    this.schedule();
  }

  #handleControl(control: Signal | Deferred): void {
    const sender = this.#mailbox.signalSender;
    if (control instanceof Deferred) {
      this.#mailbox.sender = sender;
      this.handleMessage(control, sender, true);
      return;
    }
    if (this.kernel.inspection.on) this.kernel.inspection.current = causeOf(sender);
    this.handleSignal(control);
  }

  #handleStashed(extras: CellExtras<Message>): void {
    const { message, sender, isOwn } = extras.nextStashed();
    this.#mailbox.sender = sender;
    this.handleMessage(message as Message, sender, isOwn);
  }
}
