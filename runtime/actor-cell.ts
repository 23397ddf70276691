/**
 * One living actor: nact's `Actor` with another engine under it.
 *
 * From nact come the tree (parents, named children, paths) and its validation of names. Replaced is how a turn runs: nact
 * takes a `setImmediate` and two awaits for each message and uses global timers; here the world's dispatcher gives turns,
 * a turn drains up to `THROUGHPUT` messages, and nothing is asynchronous (docs/decisions/0007-kernel-on-nact.md).
 *
 * Invariants: at most one turn is scheduled; a handler runs to its end before anything else of this actor does; after
 * `stop` no message is handled, every waiting one is a dead letter, and each watcher has been told once.
 */
import { Actor, type NactParent } from "nact/lib/actor.js";
import type { ActorKernel, Child } from "./actor-kernel.ts";
import type { Behavior, Signal } from "./behavior.ts";
import { CellContext } from "./cell-context.ts";
import { Deferred } from "./deferred.ts";
import { Mailbox, type MailboxMetrics, type MailboxOwner } from "./mailbox.ts";
import type { Pressure, Source } from "./pressure.ts";
import { Ref, type AnyRef, type LocalActor, type TerminationReason } from "./ref.ts";
import { CrashHistory, stopOnCrash, type Directive } from "./supervision.ts";
import type { TimerHandle } from "./ports/clock.ts";

/** Messages of one turn. More starves the neighbours, fewer pays the dispatcher more often; 64 costs under 2 %. */
const THROUGHPUT = 64;

type Life = "running" | "handling" | "suspended" | "stopped";

export class ActorCell<State, Message> extends Actor implements LocalActor<Message>, MailboxOwner, Source {
  readonly kernel: ActorKernel;
  readonly behavior: Behavior<State, Message>;
  readonly ref: Ref<Message>;
  readonly context: CellContext<Message>;
  /** Counts restarts, so that callbacks and timers of an earlier life are told from those of this one. */
  life = 0;
  readonly #crashes: CrashHistory;
  readonly #mailbox: Mailbox<Message>;
  readonly #ignoresPressure: boolean;
  /** How many receivers it has told too much: above 0 it gets no turn for messages. */
  #mutes = 0;
  readonly #watchers = new Map<string, AnyRef>();
  #phase: Life = "suspended";
  #scheduled = false;
  #hasState = false;
  #stopRequested = false;
  /** A child's crash that escalated here while a handler was running. */
  #escalated: { readonly error: unknown } | null = null;
  #endReason: TerminationReason = "stopped";
  #restartTimer: TimerHandle | null = null;

  constructor(kernel: ActorKernel, parent: NactParent, child: Child<State, Message>) {
    const { behavior, options } = child;
    super(parent, child.name, kernel.root, nothing);
    this.kernel = kernel;
    this.behavior = behavior;
    this.ref = new Ref<Message>({ node: kernel.node, path: null }, this);
    this.context = new CellContext<Message>(this);
    this.#crashes = new CrashHistory(options.supervision ?? stopOnCrash);
    this.#mailbox = new Mailbox(options.mailbox, this);
    this.#ignoresPressure = options.onPressure === "ignore";
    kernel.inspection.spawned(this.ref, behavior.name);
    this.#start();
  }

  /** Called by nact's constructor, before this class has its fields; the state is made by `#start`. */
  override initializeState(): void {}

  /** Restarting or stopping: nothing that begins now would be ended with the rest. */
  get isEnding(): boolean {
    return this.#phase === "suspended" || this.#phase === "stopped";
  }

  makePath(): string {
    return this.path.parts.join("/");
  }

  receive(message: Message | Deferred, sender: AnyRef | null): void {
    if (this.stopped) {
      this.kernel.deadLetter({ to: this.ref, sender, message, reason: "no-recipient" });
      return;
    }
    this.#mailbox.push(message, sender);
    this.#schedule();
  }

  /** An actor that it watches is gone: it hears that ahead of every user message. */
  terminated(ref: AnyRef, reason: TerminationReason): void {
    if (this.stopped) return;
    this.#mailbox.pushSignal({ type: "terminated", ref, reason });
    this.#schedule();
  }

  receiveAhead(message: Deferred): void {
    if (this.stopped) return;
    this.#mailbox.pushSignal(message);
    this.#schedule();
  }

  /** One turn; called by the dispatcher. */
  run(): void {
    this.#scheduled = false;
    for (let budget = THROUGHPUT; budget > 0 && this.#phase === "running"; budget--) {
      if (this.#mailbox.hasSignal) this.#handleControl(this.#mailbox.shiftSignal());
      else if (this.#mutes === 0 && this.#mailbox.hasMessage) this.#handleMessage(this.#mailbox.shift(), this.#mailbox.sender);
      else return;
    }
    this.#schedule();
  }

  get actor(): LocalActor<Message> {
    return this;
  }

  get source(): Source {
    return this;
  }

  get metrics(): MailboxMetrics {
    return this.#mailbox;
  }

  get pressure(): Pressure | null {
    return this.#mailbox.pressure;
  }

  get patience(): Source["patience"] {
    if (this.#mailbox.pressure !== null) return "overloaded";
    return this.#ignoresPressure ? "ignore" : "wait";
  }

  mute(): void {
    this.#mutes += 1;
  }

  unmute(): void {
    this.#mutes -= 1;
    this.#schedule();
  }

  dropped(message: unknown, sender: AnyRef | null): void {
    this.kernel.deadLetter({ to: this.ref, sender, message, reason: "mailbox-full" });
    if (this.#mailbox.failsAsks) this.kernel.refuse(sender, "mailbox-full");
  }

  holdBack(sender: AnyRef | null, pressure: Pressure): boolean {
    if (sender === null) return false;
    // What another node sends is bounded by the credit of its channel.
    if (sender.node !== this.kernel.node) return true;
    const source = sender.target.source;
    return source !== null && source !== undefined && pressure.hold(source);
  }

  addWatcher(watcher: AnyRef): void {
    if (this.stopped) this.kernel.notifyTerminated(watcher, this.ref, this.#endReason);
    else this.#watchers.set(watcher.toString(), watcher);
  }

  removeWatcher(watcher: AnyRef): void {
    this.#watchers.delete(watcher.toString());
  }

  /** Stops this actor and everything below it; waits for the handler that is running, if it is this actor's own. */
  override stop(): void {
    if (this.#phase === "handling") this.#stopRequested = true;
    else this.#end("stopped");
  }

  /** A child crashed and its supervision says that this actor is to blame. */
  escalated(error: unknown): void {
    if (this.#phase === "running") this.#crash(error);
    // It runs to its end first: what it returns is the state that the crash is about.
    else if (this.#phase === "handling") this.#escalated ??= { error };
  }

  #start(): void {
    this.#phase = "handling";
    try {
      this.state = this.behavior.init(this.context);
      this.#hasState = true;
    } catch (error) {
      this.#crash(error);
      return;
    }
    this.#handled();
  }

  #handleMessage(message: Message | Deferred, sender: AnyRef | null): void {
    this.#phase = "handling";
    try {
      if (message instanceof Deferred) {
        const due = message.take();
        if (due === undefined) {
          this.#phase = "running";
          return;
        }
        message = due.message as Message;
      }
      if (this.kernel.inspection.observed) this.kernel.inspection.message(this.ref, sender, message);
      this.state = this.behavior.receive(this.state as State, message, this.context);
    } catch (error) {
      this.kernel.deadLetter({ to: this.ref, sender, message, reason: "crashed" });
      this.#crash(error);
      return;
    }
    this.#handled();
  }

  #handleControl(control: Signal | Deferred): void {
    if (control instanceof Deferred) this.#handleMessage(control, null);
    else this.#handleSignal(control);
  }

  #handleSignal(signal: Signal): void {
    if (signal.type === "terminated" && !this.context.takeWatch(signal.ref)) return;
    if (this.behavior.onSignal === undefined) return;
    this.#phase = "handling";
    try {
      this.state = this.behavior.onSignal(this.state as State, signal, this.context);
    } catch (error) {
      this.#crash(error);
      return;
    }
    this.#handled();
  }

  #handled(): void {
    if (this.#escalated !== null) this.#crash(this.#escalated.error);
    else if (this.#stopRequested) this.#end("stopped");
    else {
      this.#phase = "running";
      this.#schedule();
    }
  }

  #crash(error: unknown): void {
    this.#phase = "suspended";
    this.#escalated = null;
    if (this.#stopRequested) this.#end("crashed");
    else this.#decide(error);
  }

  #decide(error: unknown): void {
    const verdict = this.#judge(error);
    const { directive } = verdict;
    this.kernel.crashed(this.ref, this.behavior.name, verdict.error, directive);
    switch (directive) {
      case "resume":
        // A behaviour that never made its first state has none to resume with.
        if (this.#hasState) this.#handled();
        else this.#end("crashed");
        return;
      case "restart":
        this.#restart(verdict.error, verdict.delayMs);
        return;
      case "stop":
        this.#end("crashed");
        return;
      case "escalate":
        this.#escalate(verdict.error);
        return;
      default:
        directive satisfies never;
    }
  }

  #judge(error: unknown): { readonly directive: Directive; readonly delayMs: number; readonly error: unknown } {
    const { clock, random } = this.kernel.world;
    try {
      return { ...this.#crashes.decide(error, clock.monotonicMs(), random), error };
    } catch (bug) {
      const both = new AggregateError(
        [error, bug],
        "A crash, and no choice what to do about it: the supervision threw",
      );
      return { directive: "escalate", delayMs: 0, error: both };
    }
  }

  #escalate(error: unknown): void {
    const parent = this.parent;
    this.#end("crashed");
    if (parent instanceof ActorCell) parent.escalated(error);
    else this.kernel.failed(this.ref, error);
  }

  #restart(error: unknown, delayMs: number): void {
    this.#phase = "suspended";
    this.#stopChildren();
    this.#lastSignal({ type: "pre-restart", error });
    this.life += 1;
    this.context.reset();
    this.state = undefined;
    this.#hasState = false;
    const again = (): void => {
      this.#restartTimer = null;
      this.kernel.inspection.restarted(this.ref);
      this.#start();
    };
    if (delayMs === 0) again();
    else this.#restartTimer = this.kernel.world.clock.setTimer(delayMs, again);
  }

  #end(reason: TerminationReason): void {
    if (this.stopped) return;
    this.#endReason = reason;
    this.#phase = "stopped";
    if (this.#restartTimer !== null) this.kernel.world.clock.clearTimer(this.#restartTimer);
    this.#stopChildren();
    this.#lastSignal({ type: "post-stop" });
    this.stopped = true;
    this.life += 1;
    this.context.reset();
    this.parent.childStopped(this);
    while (this.#mailbox.hasMessage) {
      const message = this.#mailbox.shift();
      if (message instanceof Deferred) continue;
      this.kernel.deadLetter({ to: this.ref, sender: this.#mailbox.sender, message, reason: "stopped" });
    }
    for (const watcher of this.#watchers.values()) this.kernel.notifyTerminated(watcher, this.ref, reason);
    this.#watchers.clear();
    this.#mailbox.release();
    this.kernel.inspection.stopped(this.ref);
  }

  #stopChildren(): void {
    for (const child of [...this.children.values()]) child.stop();
  }

  /** A signal outside of a turn, to an actor that will handle nothing after it in this life; its failure is reported only. */
  #lastSignal(signal: Signal): void {
    if (!this.#hasState) return;
    try {
      this.behavior.onSignal?.(this.state as State, signal, this.context);
    } catch (error) {
      this.kernel.crashed(this.ref, this.behavior.name, error, "stop");
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#phase !== "running") return;
    if (!this.#mailbox.hasSignal && (this.#mutes > 0 || !this.#mailbox.hasMessage)) return;
    this.#scheduled = true;
    this.kernel.world.dispatcher.schedule(this);
  }
}

function nothing(): void {}
