/**
 * A probe: an actor whose messages the test takes out one by one, in the virtual time of a manual world.
 *
 * Every expectation first lets all runnable actors run, then lets time pass, timer by timer, until it is met or its limit
 * of virtual time is over. So a test that waits three seconds takes none. What is not met throws a `ProbeError` that shows
 * what came instead. Akka's `TestProbe` is the model.
 */
import type { ActorSystem } from "../actor-system.ts";
import type { Behavior } from "../behavior.ts";
import type { AnyRef, Ref, TerminationReason } from "../ref.ts";
import type { ManualWorld } from "./manual-world.ts";
import { sameValue } from "./same-value.ts";
import { showValue } from "./show-value.ts";

/** An expectation of a probe was not met. */
export class ProbeError extends Error {
  override readonly name = "ProbeError";
}

/** How a probe is spawned, and how long it waits. */
export interface ProbeOptions {
  /** The actor's name. Default: `probe-<n>`. */
  readonly name?: string;
  /** Virtual milliseconds that an expectation waits unless it says otherwise. Default: 3,000. */
  readonly withinMs?: number;
}

/** How long an expectation waits, in virtual milliseconds. Default: the probe's own. */
export interface Within {
  readonly withinMs?: number;
}

/** Either the message itself, compared by structure, or a function that says whether it is the one. */
export type MessageMatcher<Message> = Message | ((message: Message) => boolean);

const WITHIN_MS_DEFAULT = 3000;
const NO_MESSAGE_MS_DEFAULT = 100;

/** Messages that a failure shows; of more than these it says how many. */
const SHOWN_MAX = 10;

/** What the test asks the probe's actor to do. A class, so that no message of a user is taken for it. */
class Command {
  readonly run: (ctx: { watch(ref: AnyRef): void; stop(): void }) => void;

  constructor(run: Command["run"]) {
    this.run = run;
  }
}

interface Arrival<Message> {
  readonly message: Message;
  readonly atMs: number;
}

/** An actor whose messages the test takes out, each expectation in virtual time. */
export class Probe<Message> {
  /** Where to send what the test wants to see. */
  readonly ref: Ref<Message>;
  readonly #system: ActorSystem;
  readonly #world: ManualWorld;
  readonly #withinMs: number;
  readonly #arrived: Arrival<Message>[] = [];
  readonly #watched = new Set<string>();
  readonly #ended = new Map<string, TerminationReason>();

  /** @internal Use `createProbe`. */
  constructor(system: ActorSystem, world: ManualWorld, options: ProbeOptions) {
    this.#system = system;
    this.#world = world;
    this.#withinMs = options.withinMs ?? WITHIN_MS_DEFAULT;
    this.ref = system.spawn(this.#behavior(), options.name === undefined ? {} : { name: options.name });
  }

  /**
   * Takes the next message and returns it. It must be the one that `wanted` says: the same by structure, or one for which
   * the function returns true. Without `wanted` any will do.
   * @throws {ProbeError} when another comes first, or none in time.
   */
  expectMessage(wanted?: undefined, within?: Within): Message;
  expectMessage<Wanted extends Message>(wanted: (message: Message) => message is Wanted, within?: Within): Wanted;
  expectMessage(wanted: MessageMatcher<Message>, within?: Within): Message;
  expectMessage(wanted?: MessageMatcher<Message>, within: Within = {}): Message {
    const withinMs = within.withinMs ?? this.#withinMs;
    const described = wanted === undefined ? "a message" : describeMatcher(wanted);
    const next = this.#next(withinMs);
    if (next === undefined) throw this.#failure(`expected ${described} within ${withinMs} ms, got none`);
    if (wanted !== undefined && !matches(wanted, next.message)) {
      throw this.#failure(`expected ${described}, got ${showArrival(next)}`);
    }
    return next.message;
  }

  /**
   * Lets `forMs` pass (default: 100), in which no message may come; one that waits already counts.
   * @throws {ProbeError} when one comes.
   */
  expectNoMessage(forMs: number = NO_MESSAGE_MS_DEFAULT): void {
    const next = this.#next(forMs);
    if (next !== undefined) throw this.#failure(`expected no message for ${forMs} ms, got ${showArrival(next)}`);
  }

  /**
   * Takes messages until one is wanted, and returns that one; those before it are gone.
   * @throws {ProbeError} when none is within the time for all of them together; shows what was passed over.
   */
  fishFor<Wanted extends Message>(wanted: (message: Message) => message is Wanted, within?: Within): Wanted;
  fishFor(wanted: (message: Message) => boolean, within?: Within): Message;
  fishFor(wanted: (message: Message) => boolean, within: Within = {}): Message {
    const withinMs = within.withinMs ?? this.#withinMs;
    const untilMs = this.#nowMs + withinMs;
    const passed: Arrival<Message>[] = [];
    for (;;) {
      const next = this.#next(untilMs - this.#nowMs);
      if (next === undefined) {
        throw this.#failure(`fished ${withinMs} ms for ${describeMatcher(wanted)}, got ${showArrivals(passed)}`);
      }
      if (wanted(next.message)) return next.message;
      passed.push(next);
    }
  }

  /** Takes the next `count` messages. @throws {ProbeError} when fewer come in the time for all of them together. */
  receiveN(count: number, within: Within = {}): readonly Message[] {
    const withinMs = within.withinMs ?? this.#withinMs;
    const untilMs = this.#nowMs + withinMs;
    const received: Arrival<Message>[] = [];
    while (received.length < count) {
      const next = this.#next(untilMs - this.#nowMs);
      if (next === undefined) {
        throw this.#failure(`expected ${count} messages within ${withinMs} ms, got ${showArrivals(received)}`);
      }
      received.push(next);
    }
    return received.map(({ message }) => message);
  }

  /**
   * Waits for the end of an actor, which the probe watches from now on unless it does already, and says how it ended.
   * `not-found` when it was gone before.
   * @throws {ProbeError} when it lives on.
   */
  expectTerminated(ref: AnyRef, within: Within = {}): TerminationReason {
    const withinMs = within.withinMs ?? this.#withinMs;
    const key = ref.toString();
    this.watch(ref);
    if (!this.#world.advanceUntil(() => this.#ended.has(key), withinMs)) {
      throw this.#failure(`expected the end of ${key} within ${withinMs} ms, and it runs`);
    }
    const reason = this.#ended.get(key) as TerminationReason;
    this.#ended.delete(key);
    this.#watched.delete(key);
    return reason;
  }

  /** Watches an actor from now on, for `expectTerminated` later. */
  watch(ref: AnyRef): void {
    if (this.#watched.has(ref.toString())) return;
    this.#watched.add(ref.toString());
    this.#command((ctx) => ctx.watch(ref));
  }

  /** Ends the probe's actor: what watches it hears so. */
  stop(): void {
    this.#command((ctx) => ctx.stop());
  }

  get #nowMs(): number {
    return this.#world.clock.monotonicMs();
  }

  #next(withinMs: number): Arrival<Message> | undefined {
    this.#world.advanceUntil(() => this.#arrived.length > 0, Math.max(0, withinMs));
    return this.#arrived.shift();
  }

  #command(run: Command["run"]): void {
    this.#system.tell(this.ref as Ref<Message | Command>, new Command(run));
    this.#world.settle();
  }

  #failure(what: string): ProbeError {
    const waiting = this.#arrived.length === 0 ? "" : `; behind it wait ${showArrivals(this.#arrived)}`;
    return new ProbeError(`Probe "${this.ref.path}" at ${this.#nowMs} ms: ${what}${waiting}`);
  }

  #behavior(): Behavior<null, Message | Command> {
    return {
      name: "probe",
      init: () => null,
      receive: (state, message, ctx) => {
        if (message instanceof Command) message.run(ctx);
        else this.#arrived.push({ message, atMs: this.#nowMs });
        return state;
      },
      onSignal: (state, signal) => {
        if (signal.type === "terminated") this.#ended.set(signal.ref.toString(), signal.reason);
        return state;
      },
    };
  }
}

/** Spawns a probe in a system that runs on a manual world. */
export function createProbe<Message>(
  system: ActorSystem,
  world: ManualWorld,
  options: ProbeOptions = {},
): Probe<Message> {
  return new Probe<Message>(system, world, options);
}

function matches<Message>(wanted: MessageMatcher<Message>, message: Message): boolean {
  return typeof wanted === "function" ? (wanted as (message: Message) => boolean)(message) : sameValue(wanted, message);
}

function describeMatcher(wanted: unknown): string {
  return typeof wanted === "function" ? `a message that passes \`${wanted.toString()}\`` : showValue(wanted);
}

function showArrival({ message, atMs }: Arrival<unknown>): string {
  return `${showValue(message)} (at ${atMs} ms)`;
}

function showArrivals(arrivals: readonly Arrival<unknown>[]): string {
  if (arrivals.length === 0) return "none";
  const shown = arrivals.slice(0, SHOWN_MAX).map(showArrival).join(", ");
  return `${arrivals.length}: ${shown}${arrivals.length > SHOWN_MAX ? ", …" : ""}`;
}
