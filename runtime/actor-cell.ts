/**
 * One living actor: its behaviour, its state, its lives. How messages reach it is in `MailboxCell`, what becomes of a crash
 * in `supervisor.ts`.
 *
 * Invariants: a handler runs to its end before anything else of this actor does; what it asked
 * for through `become`, `stash` and `stop` happens after it has returned, and of the first two nothing when it throws; after
 * the end no message is handled, every waiting one is a dead letter, and each watcher has been told once.
 */
import type { NactParent } from "nact/lib/actor.js";
import type { ActorKernel, Child } from "./actor-kernel.ts";
import {
  BECOME,
  ESCALATED,
  settleStash,
  STASH,
  STOP,
  TIMED,
  UNHANDLED,
  UNSTASH,
  withUnstash,
} from "./after-handler.ts";
import { BehaviorError, nothingToStash, refusePromise } from "./behavior-error.ts";
import type { Behavior, Signal } from "./behavior.ts";
import { checkDelay, checkReceiveTimeout } from "./check-delay.ts";
import { CellContext } from "./cell-context.ts";
import type { SpawnOptions } from "./context.ts";
import { Deferred } from "./deferred.ts";
import { MailboxCell } from "./mailbox-cell.ts";
import { ReceiveTimeout } from "./receive-timeout.ts";
import type { AnyRef } from "./ref.ts";
import type { Restart } from "./restart.ts";
import { STASH_LIMIT_DEFAULT, Stash, type Held } from "./stash.ts";
import { StopRequest } from "./stop-request.ts";
import { CrashHistory, stopOnCrash } from "./supervision.ts";
import { supervise, type Supervised } from "./supervisor.ts";

/** How often in a row the `init` of what an actor became may become something else; more is taken for a circle. */
const BECOMES_MAX = 16;

export class ActorCell<Message> extends MailboxCell<Message> implements Supervised {
  readonly context: CellContext<Message>;
  /** Counts restarts, so that callbacks and timers of an earlier life are told from those of this one. */
  life = 0;
  hasState = false;
  /** As it was spawned: what each life begins with. */
  readonly #child: Child<unknown, Message>;
  #behavior: Behavior<unknown, Message>;
  /** What is to be done when the handler has returned: after-handler.ts. */
  #after = 0;

  constructor(kernel: ActorKernel, parent: NactParent, child: Child<unknown, Message>) {
    super(kernel, parent, child);
    this.#child = child;
    this.#behavior = child.behavior;
    this.context = new CellContext<Message>(this);
    if (kernel.inspection.on) kernel.inspection.spawning(this.ref, child.behavior.name, () => this.#start());
    else this.#start();
  }

  /** The name of its present behaviour. */
  get behavior(): string {
    return this.#behavior.name;
  }

  get options(): SpawnOptions {
    return this.#child.options;
  }

  /** Restarting or stopping: nothing that begins now would be ended with the rest. */
  get isEnding(): boolean {
    return this.phase !== "running" && !this.#busy;
  }

  get restart(): Restart | null {
    return this.extras?.restart ?? null;
  }

  set restart(restart: Restart | null) {
    this.extra.restart = restart;
  }

  get crashes(): CrashHistory {
    return (this.extra.crashes ??= new CrashHistory(this.#child.options.supervision ?? stopOnCrash));
  }

  protected override get isHeld(): boolean {
    return this.context.isHeld;
  }

  /** A check that throws has not said yes. */
  override accepts(message: unknown): boolean {
    try {
      return this.#behavior.accepts?.(message) ?? true;
    } catch {
      return false;
    }
  }

  /** Stops this actor and everything below it; waits for the handler that is running, if it is this actor's own. */
  override stop(): void {
    if (this.#busy) this.#after |= STOP;
    else this.end("stopped");
  }

  /** Stops it when it has handled what waits now, and at the deadline, if there is one, if it has not by then. */
  stopGracefully(deadlineMs: number | null, ended?: () => void): void {
    if (this.stopped) return;
    if (deadlineMs !== null) checkDelay("a deadline", deadlineMs);
    if (ended !== undefined) this.extra.ended = ended;
    // In its last signal: it ends when that has returned.
    if (this.#hasEnded) return;
    const { clock } = this.kernel.world;
    const { extra } = this;
    if (extra.deadline !== null) clock.clearTimer(extra.deadline);
    extra.deadline = deadlineMs === null ? null : clock.setTimer(deadlineMs, () => this.stop());
    this.receive(new StopRequest(() => this.context.endWhenAnswered(() => this.stop())), null);
  }

  /** A child crashed and its supervision says that this actor is to blame. */
  escalated(error: unknown): void {
    if (this.phase === "running") {
      this.#crash(error);
    } else if (this.#busy) {
      // It runs to its end first: what it returns is the state that the crash is about.
      this.extra.escalated ??= { error };
      this.#after |= ESCALATED;
    }
  }

  become(behavior: Behavior<unknown, Message>): void {
    this.extra.becoming = behavior;
    this.#after |= BECOME;
  }

  stash(): void {
    const { name, options } = this.#child;
    if (this.phase !== "handling") throw nothingToStash(name);
    if ((this.#after & STASH) !== 0) return;
    const stash = (this.extra.stash ??= new Stash());
    const limit = options.stash ?? STASH_LIMIT_DEFAULT;
    if ((this.#after & UNSTASH) === 0 && stash.size >= limit) {
      throw new BehaviorError("stash-full", `Cannot stash in actor "${name}": its stash holds ${limit}, its limit`);
    }
    this.#after |= STASH;
  }

  unstashAll(): void {
    this.#after = withUnstash(this.#after);
  }

  unhandled(): void {
    this.#after |= UNHANDLED;
  }

  setReceiveTimeout(delayMs: number, message: Message): void {
    checkReceiveTimeout(delayMs);
    this.cancelReceiveTimeout();
    if (this.isEnding) return;
    const deliver = (timeout: Deferred): void => this.receive(timeout, null);
    this.extra.receiveTimeout = new ReceiveTimeout(this.kernel.world.clock, delayMs, message, deliver);
    this.#after |= TIMED;
  }

  cancelReceiveTimeout(): void {
    if (this.extras === null || this.extras.receiveTimeout === null) return;
    this.extras.receiveTimeout.cancel();
    this.extras.receiveTimeout = null;
    this.#after &= ~TIMED;
  }

  get #hasEnded(): boolean {
    return this.phase === "stopped" || this.phase === "crashed";
  }

  /** A handler of its own is on the stack. */
  get #busy(): boolean {
    return this.phase === "handling" || this.phase === "signalling";
  }

  #start(): void {
    this.phase = "signalling";
    this.#behavior = this.#child.behavior;
    try {
      this.#keep(this.#behavior.init(this.context), "init");
      this.hasState = true;
    } catch (error) {
      this.#crash(error);
      return;
    }
    this.#handled(null);
  }

  protected override handleMessage(message: Message | Deferred, sender: AnyRef | null, isOwn: boolean): void {
    this.phase = "handling";
    let timer: string | null = null;
    try {
      if (message instanceof Deferred) {
        ({ timer } = message);
        const due = message.take();
        if (due === undefined) {
          this.#handled(null);
          return;
        }
        isOwn = true;
        message = due.message as Message;
      }
      if (this.kernel.inspection.on) this.kernel.inspection.message(this.ref, sender, { message, timer });
      const next = this.#behavior.receive(this.state, message, this.context);
      if (next !== this.state) this.#keep(next, "receive");
    } catch (error) {
      if (message instanceof Deferred) message = message.content as Message;
      this.kernel.deadLetter({ to: this.ref, sender, message, reason: "crashed" });
      this.#crash(error);
      return;
    }
    if (this.#after === 0) {
      // Whether there is more to do is for the turn to see.
      this.phase = "running";
      return;
    }
    this.extras?.receiveTimeout?.touch();
    this.#handled({ message, sender, isOwn });
  }

  protected override handleSignal(signal: Signal): void {
    if (signal.type === "terminated" && !this.context.takeWatch(signal.ref)) return;
    if (this.#behavior.onSignal === undefined) return;
    this.phase = "signalling";
    try {
      this.#keep(this.#behavior.onSignal(this.state, signal, this.context), "onSignal");
    } catch (error) {
      this.#crash(error);
      return;
    }
    this.#handled(null);
  }

  #keep(state: unknown, handler: string): void {
    if (typeof state === "object") refusePromise(state, this.#behavior.name, handler);
    this.state = state;
  }

  /** What the handler asked for happens now that it has returned; `inHand` is the message, if it had one. */
  #handled(inHand: Held | null): void {
    for (let becomes = 1; (this.#after & ~TIMED) !== 0; becomes++) {
      const asked = this.#after;
      this.#after &= TIMED;
      if ((asked & (STASH | UNSTASH)) !== 0 && this.extras?.stash) settleStash(this.extras.stash, asked, inHand);
      if ((asked & UNHANDLED) !== 0 && inHand !== null) {
        this.kernel.deadLetter({ to: this.ref, sender: inHand.sender, message: inHand.message, reason: "unhandled" });
      }
      if ((asked & ESCALATED) !== 0) {
        this.#after |= asked & STOP;
        this.#crash(this.extras?.escalated?.error);
        return;
      }
      if ((asked & STOP) !== 0) {
        this.end("stopped");
        return;
      }
      if ((asked & BECOME) !== 0 && !this.#switch(becomes)) return;
    }
    this.phase = "running";
    this.schedule();
  }

  /** Into what the actor becomes. When that fails in its start, false: the old behaviour has crashed, with its state. */
  #switch(becomes: number): boolean {
    const behavior = this.extra.becoming as Behavior<unknown, Message>;
    this.extra.becoming = null;
    this.phase = "signalling";
    try {
      if (becomes > BECOMES_MAX) {
        const message = `Behaviour "${behavior.name}" and those before it become each other in their start, without a message`;
        throw new BehaviorError("become-endless", message);
      }
      const state = behavior.init(this.context);
      refusePromise(state, behavior.name, "init");
      this.#behavior = behavior;
      this.state = state;
      return true;
    } catch (error) {
      this.#crash(error);
      return false;
    }
  }

  #crash(error: unknown): void {
    this.phase = "suspended";
    const isStopping = (this.#after & STOP) !== 0;
    this.#after &= TIMED;
    if (this.extras !== null) {
      this.extras.escalated = null;
      this.extras.becoming = null;
    }
    if (isStopping) {
      this.kernel.crashed(this.ref, this.#behavior.name, error, "stop");
      this.end("crashed");
    } else {
      supervise(this, error);
    }
  }

  /** After a crash that changes nothing. */
  resume(): void {
    this.#handled(null);
  }

  /** Ends the present life; called by its restart. */
  suspend(error: unknown): void {
    this.phase = "suspended";
    if (this.#child.options.supervision?.children !== "keep") this.#stopChildren();
    this.#lastSignal({ type: "pre-restart", error });
    const { isWaitingToEnd } = this.context;
    this.#endLife();
    // What it waited for was the ended life's: the next one has nothing to wait for.
    if (isWaitingToEnd) this.receiveAhead(new StopRequest(() => this.stop()));
    this.extras?.stash?.restart();
    this.state = undefined;
    this.hasState = false;
  }

  /** Begins the next life; called by its restart. */
  revive(): void {
    const { inspection } = this.kernel;
    if (inspection.on) inspection.restarting(this.ref, () => this.#start());
    else this.#start();
  }

  end(reason: "stopped" | "crashed"): void {
    if (this.#hasEnded) return;
    this.phase = reason;
    this.restart?.leave(this);
    if (this.extras?.deadline) this.kernel.world.clock.clearTimer(this.extras.deadline);
    this.#stopChildren();
    this.#lastSignal({ type: "post-stop" });
    this.stopped = true;
    this.parent.childStopped(this);
    this.#endLife();
    const ended = this.extras?.ended;
    this.refuseAll(reason);
    this.kernel.inspection.stopped(this.ref);
    ended?.();
  }

  #endLife(): void {
    this.life += 1;
    this.cancelReceiveTimeout();
    this.context.reset();
    this.#after = 0;
  }

  #stopChildren(): void {
    for (const child of [...this.children.values()]) child.stop();
  }

  /** A signal outside of a turn, to an actor that will handle nothing after it in this life; its failure is reported only. */
  #lastSignal(signal: Signal): void {
    if (!this.hasState || this.#behavior.onSignal === undefined) return;
    try {
      refusePromise(this.#behavior.onSignal(this.state, signal, this.context), this.#behavior.name, "onSignal");
    } catch (error) {
      this.kernel.crashed(this.ref, this.#behavior.name, error, "stop");
    }
  }
}
