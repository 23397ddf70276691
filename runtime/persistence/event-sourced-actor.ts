/**
 * The state of an event-sourced actor, as its behaviour's messages find it: recovering, ready, or ended.
 *
 * Invariants:
 * - `#state` is what the events 1 to `#writes.decided` add up to, `#durableState` those to `#writes.durable`, as far as anybody has been
 *   told; a decision that throws has changed nothing.
 * - Nothing that a decision sends leaves before every event that the decision has seen is durable.
 * - After a write that failed nothing is decided in this life: what is kept is known only after another recovery.
 * - While it recovers, while its writes are full, and when it is about to stop, it holds its messages.
 */
import { refusePromise } from "../behavior-error.ts";
import type { Signal } from "../behavior.ts";
import type { Context } from "../context.ts";
import type { Journal, JournalResult, NewEvent } from "../ports/journal.ts";
import type { StoreError } from "../ports/store-error.ts";
import { Decision, effectToken, type DecideContext } from "./decision.ts";
import type { EventFormat } from "./event-format.ts";
import type { EventSourcedOptions, PersistenceSignal } from "./event-sourced-options.ts";
import { checkAppend } from "./journal-checks.ts";
import { JournalReply } from "./journal-reply.ts";
import { PersistenceError, reasonOf } from "./persistence-error.ts";
import { Recovery, type EventPlace, type Recovered } from "./recovery.ts";
import { WriteQueue } from "./write-queue.ts";

type Phase = "recovering" | "ready" | "stopping" | "failed";

const KEEP_SNAPSHOTS_DEFAULT = 2;

export class EventSourcedActor<State, Command, Event> {
  readonly #options: EventSourcedOptions<State, Command, Event>;
  readonly #format: EventFormat<State, Event>;
  readonly #ctx: Context<Command>;
  readonly #journal: Journal;
  readonly #decideContext: DecideContext<State, Command, Event>;
  /** Signals that came while it recovered. */
  #earlySignals: Signal[] = [];
  #phase: Phase = "recovering";
  #failure: unknown = null;
  #state: State;
  #durableState: State;
  /** Before that, and where it fails, there is no state that anybody may decide on. */
  #hasRecovered = false;
  #epoch = 0;
  #writes = new WriteQueue(0);
  /** The last event that a snapshot was made of, or is about to be. */
  #snapshotSequence = 0;

  static start<State, Command, Event>(
    options: EventSourcedOptions<State, Command, Event>,
    format: EventFormat<State, Event>,
    ctx: Context<Command>,
  ): EventSourcedActor<State, Command, Event> {
    const journal = options.journal ?? ctx.journal;
    if (journal === undefined) {
      const message = `Cannot start "${options.name}": neither it nor its world has a journal. Give one to the world, as createMemoryJournal in a test`;
      throw new PersistenceError("no-journal", { message, stream: options.streamId });
    }
    return new EventSourcedActor(options, format, ctx, journal);
  }

  private constructor(
    options: EventSourcedOptions<State, Command, Event>,
    format: EventFormat<State, Event>,
    ctx: Context<Command>,
    journal: Journal,
  ) {
    this.#options = options;
    this.#format = format;
    this.#ctx = ctx;
    this.#journal = journal;
    this.#state = options.empty;
    this.#durableState = options.empty;
    this.#decideContext = this.#makeDecideContext();
    ctx.hold();
    new Recovery<State, Event>({
      actor: options.name,
      stream: options.streamId,
      journal,
      format,
      empty: () => options.empty,
      evolve: (state, event, place) => this.#evolve(state, event, place),
      callback: (next) => this.#callback((value) => this.#recover(() => next(value))),
      done: (recovered) => this.#recovered(recovered),
    }).start();
  }

  /** One command. */
  decide(command: Command): void {
    if (this.#phase === "failed") throw this.#failure;
    const decision = this.#options.decide(this.#state, command, this.#decideContext);
    if (!(decision instanceof Decision)) {
      throw new TypeError(
        `"${this.#options.name}" came to no decision about a command; return ctx.none() where nothing follows`,
      );
    }
    this.#carryOut(decision);
    if (decision.command === "stash") this.#ctx.stash();
    else if (decision.command === "unhandled") this.#ctx.unhandled();
    this.#proceed();
  }

  onSignal(signal: Signal): void {
    if (signal.type === "pre-restart" || signal.type === "post-stop") this.#lastSignal(signal);
    else if (this.#phase === "recovering") this.#earlySignals.push(signal);
    else if (this.#phase !== "failed") this.#signal(signal);
  }

  #signal(signal: Signal | PersistenceSignal): void {
    const decision = this.#options.onSignal?.(this.#state, signal, this.#decideContext);
    if (decision === undefined) return;
    this.#carryOut(decision);
    this.#proceed();
  }

  /** There is no time left for a write: what is decided is done at once, or not at all. */
  #lastSignal(signal: Signal | PersistenceSignal): void {
    if (!this.#hasRecovered) return;
    const decision = this.#options.onSignal?.(this.#durableState, signal, this.#decideContext);
    if (decision === undefined) return;
    if (decision.events.length > 0) {
      throw this.#rejected(`it was decided on "${signal.type}", when nothing can be kept any more`);
    }
    const token = effectToken(this.#options.streamId, this.#writes.durable);
    for (const step of decision.steps) step(this.#durableState, this.#ctx, token);
  }

  #carryOut({ events, steps, unstashes, stops }: Decision<State, Command>): void {
    const state = this.#keep(events as readonly Event[]);
    this.#state = state;
    const token = effectToken(this.#options.streamId, this.#writes.decided);
    this.#writes.owe(() => {
      this.#durableState = state;
      for (const step of steps) step(state, this.#ctx, token);
    });
    if (unstashes) this.#ctx.unstashAll();
    if (stops) {
      this.#phase = "stopping";
      this.#writes.owe(() => this.#ctx.stop());
    }
    if (events.length > 0) this.#considerSnapshot(state);
  }

  /** The state behind the events, which are on their way to the journal. Throws before anything has changed. */
  #keep(events: readonly Event[]): State {
    if (events.length === 0) return this.#state;
    const wallMs = this.#ctx.wallNow();
    const encoded = this.#encode(events, wallMs);
    const stream = this.#options.streamId;
    let state = this.#state;
    let sequence = this.#writes.decided;
    for (const event of events) {
      sequence += 1;
      state = this.#evolve(state, event, { stream, sequence, wallMs, token: effectToken(stream, sequence) });
    }
    this.#writes.push(encoded);
    return state;
  }

  /** A case that was forgotten returns nothing; kept as the state, it would crash everything that comes after. */
  #evolve(state: State, event: Event, place: EventPlace): State {
    const { name, empty } = this.#options;
    const next = this.#options.evolve(state, event, place);
    refusePromise(next, name, "evolve");
    if (next !== undefined || empty === undefined) return next;
    throw new TypeError(
      `evolve of "${name}" made no state of event ${place.sequence}: return one for every event, the old one where nothing changes`,
    );
  }

  #encode(events: readonly Event[], wallMs: number): readonly NewEvent[] {
    let encoded: readonly NewEvent[];
    try {
      encoded = events.map((event) => this.#format.encode(event, wallMs));
    } catch (cause) {
      throw this.#rejected(reasonOf(cause), cause);
    }
    const { streamId: stream } = this.#options;
    const failure = checkAppend({ stream, epoch: this.#epoch, after: this.#writes.decided, events: encoded });
    if (failure !== undefined) throw this.#rejected(failure.reason);
    return encoded;
  }

  /** After anything that was decided or written: what is due happens, the next write begins, messages come or wait. */
  #proceed(): void {
    try {
      this.#writes.settle();
    } finally {
      this.#write();
      if (this.#phase === "ready" && !this.#writes.isFull) this.#ctx.release();
      else this.#ctx.hold();
    }
  }

  #write(): void {
    const after = this.#writes.durable;
    const events = this.#writes.take();
    if (events.length === 0) return;
    const append = { stream: this.#options.streamId, epoch: this.#epoch, after, events };
    this.#journal.append(
      append,
      this.#callback((result: JournalResult<{ readonly lastSequence: number }>) => {
        if (!result.ok) {
          this.#failed(result.error);
          return;
        }
        this.#writes.written(result.value.lastSequence);
        this.#proceed();
      }),
    );
  }

  #failed(error: StoreError): void {
    const stream = this.#options.streamId;
    const message = `Cannot keep events of "${this.#options.name}": ${error.message}`;
    this.#failure = new PersistenceError("persist-failed", { message, stream, cause: error });
    this.#phase = "failed";
    this.#ctx.release();
    if (error.code !== "fenced") throw this.#failure;
    this.#ctx.stop();
    this.#lastSignal({ type: "fenced", error });
  }

  #recover(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#phase = "failed";
      this.#failure = error;
      this.#ctx.release();
      throw error;
    }
  }

  #recovered({ state, epoch, sequence, snapshotSequence, events, skipped }: Recovered<State>): void {
    this.#state = state;
    this.#durableState = state;
    this.#epoch = epoch;
    this.#writes = new WriteQueue(sequence);
    this.#snapshotSequence = snapshotSequence;
    this.#hasRecovered = true;
    this.#phase = "ready";
    this.#signal({ type: "recovered", sequence, events, skippedSnapshots: skipped });
    const early = this.#earlySignals;
    this.#earlySignals = [];
    for (const signal of early) this.#signal(signal);
    this.#proceed();
  }

  #considerSnapshot(state: State): void {
    const { snapshotEvery } = this.#options;
    const sequence = this.#writes.decided;
    if (snapshotEvery === undefined || sequence - this.#snapshotSequence < snapshotEvery) return;
    this.#snapshotSequence = sequence;
    this.#writes.owe(() => this.#saveSnapshot(state, sequence));
  }

  #saveSnapshot(state: State, sequence: number): void {
    const { streamId: stream, keepSnapshots: keep = KEEP_SNAPSHOTS_DEFAULT, deleteOldEvents } = this.#options;
    try {
      const snapshot = { sequence, ...this.#format.encodeState(state, this.#ctx.wallNow()) };
      this.#journal.saveSnapshot(
        { stream, epoch: this.#epoch, snapshot, keep },
        this.#callback((result: JournalResult<{ readonly oldestSequence: number }>) => {
          if (!result.ok && result.error.code === "fenced") this.#failed(result.error);
          else if (!result.ok) this.#snapshotFailed(result.error);
          else if (deleteOldEvents === true) this.#deleteEvents(result.value.oldestSequence);
        }),
      );
    } catch (error) {
      this.#snapshotFailed(error);
    }
  }

  /** What a failure leaves behind goes with the next snapshot. */
  #deleteEvents(upTo: number): void {
    this.#journal.deleteEvents({ stream: this.#options.streamId, epoch: this.#epoch, upTo }, () => {});
  }

  #snapshotFailed(error: unknown): void {
    if (this.#phase === "ready") this.#signal({ type: "snapshot-failed", error });
  }

  #rejected(reason: string, cause?: unknown): PersistenceError {
    const { name, streamId: stream } = this.#options;
    return new PersistenceError("persist-rejected", {
      message: `Cannot keep an event of "${name}": ${reason}`,
      stream,
      cause,
    });
  }

  #callback<Value>(next: (value: Value) => void): (value: Value) => void {
    const ctx = this.#ctx as Context<unknown>;
    return ctx.callback((value: Value) => new JournalReply(() => next(value)), { ahead: true });
  }

  #makeDecideContext(): DecideContext<State, Command, Event> {
    const ctx = this.#ctx;
    const writes = (): WriteQueue => this.#writes;
    return {
      self: ctx.self,
      node: ctx.node,
      stream: this.#options.streamId,
      random: ctx.random,
      get sequence() {
        return writes().decided;
      },
      now: () => ctx.now(),
      wallNow: () => ctx.wallNow(),
      persist: (events) => new Decision({ events: Array.isArray(events) ? events : [events] }),
      none: () => new Decision({}),
      reply: (to, answer) => new Decision<State, Command>({}).thenReply(to, () => answer),
      stash: () => new Decision({ command: "stash" }),
      unhandled: () => new Decision({ command: "unhandled" }),
      stop: () => new Decision({ stops: true }),
    };
  }
}
