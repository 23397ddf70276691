/**
 * A timeline that keeps a trace: who put each event into the queue, and what each event did. It happens as on any other timeline, draw for
 * draw; a run that nobody asks about has the plain one.
 */
import { Ref, type Dispatcher, type Random, type Turn, type World } from "../../runtime/index.ts";
import type { Part } from "./event-log.ts";
import type { EventTrace, PlannedEvent } from "./event-trace.ts";
import { Hash64 } from "./hash64.ts";
import { Timeline } from "./timeline.ts";
import type { QueueEntry, TieTaker } from "./time-queue.ts";

/** Of a run: with a trace where one is kept. */
export function openTimeline(trace: EventTrace | null, ...plain: ConstructorParameters<typeof Timeline>): Timeline {
  return trace === null ? new Timeline(...plain) : new TracedTimeline(trace, ...plain);
}

class TracedTimeline extends Timeline {
  readonly #trace: EventTrace;

  constructor(trace: EventTrace, ...plain: ConstructorParameters<typeof Timeline>) {
    super(...plain);
    this.#trace = trace;
  }

  override after(delayUs: number, run: () => void): QueueEntry {
    return super.after(delayUs, this.#planned(this.#due(delayUs), "", run));
  }

  override afterAside(delayUs: number, run: () => void, taker: TieTaker = "faults"): QueueEntry {
    const what = taker === "faults" ? "who draws faults decides" : "the load decides";
    return super.afterAside(delayUs, this.#planned(this.#due(delayUs), what, run), taker);
  }

  override at(atUs: number, tie: number, run: () => void): QueueEntry {
    return super.at(atUs, tie, this.#planned(atUs, "an act of the schedule", run));
  }

  override note(line: string): void {
    this.#trace.line(line);
    super.note(line);
  }

  override noteParts(what: string, ...parts: readonly Part[]): void {
    this.#trace.line([what, ...parts].join(" "));
    super.noteParts(what, ...parts);
  }

  override step(untilUs: number): boolean {
    if (!this.#trace.isOver) return super.step(untilUs);
    this.nowUs = Math.max(this.nowUs, untilUs);
    return false;
  }

  override watched<Seen extends World>(world: Seen, node: string): Seen {
    const trace = this.#trace;
    const { dispatcher, remoting, random } = world;
    return {
      ...world,
      dispatcher: new TracedDispatcher(dispatcher, node, trace),
      random: tracedRandom(random, node, trace),
      ...(remoting && {
        remoting: {
          ...remoting,
          send: (envelope) => {
            const { to, message } = envelope;
            trace.step(`${node} sends to ${to.node}/${to.path}: ${describeMessage(message)}`);
            remoting.send(envelope);
          },
        } satisfies NonNullable<World["remoting"]>,
      }),
    };
  }

  #due(delayUs: number): number {
    return this.nowUs + Math.max(0, Math.ceil(delayUs));
  }

  #planned(atUs: number, what: string, run: () => void): () => void {
    const event: PlannedEvent = this.#trace.plan(atUs, what);
    return () => {
      this.#trace.begin(event, this.nowUs);
      run();
    };
  }
}

/** Gives the same turns, and says whose they are. */
class TracedDispatcher implements Dispatcher {
  readonly #inner: Dispatcher;
  readonly #node: string;
  readonly #trace: EventTrace;
  /** One for one: who orders turns may know them again. */
  readonly #traced = new WeakMap<Turn, Turn>();

  constructor(inner: Dispatcher, node: string, trace: EventTrace) {
    this.#inner = inner;
    this.#node = node;
    this.#trace = trace;
  }

  schedule(turn: Turn): void {
    let traced = this.#traced.get(turn);
    if (traced === undefined) {
      const describe = (): string => `${this.#node}/${turn.describe?.() ?? ""}`;
      traced = {
        describe,
        run: () => {
          this.#trace.turn(describe());
          turn.run();
          this.#trace.actor = null;
        },
      };
      this.#traced.set(turn, traced);
    }
    this.#inner.schedule(traced);
  }
}

function tracedRandom(random: Random, node: string, trace: EventTrace): Random {
  const seen = (drawn: number): number => {
    trace.step(`${node} draws ${drawn}`);
    return drawn;
  };
  return {
    next: () => seen(random.next()),
    integer: (bound) => seen(random.integer(bound)),
    fork: () => tracedRandom(random.fork(), node, trace),
  };
}

/** Of a long message its beginning, and a hash of the whole. */
const MESSAGE_SHOWN = 300;

/** Values within values, beyond which a message is taken for one that refers to itself; no frame could carry it. */
const DEPTH_MAX = 64;

function describeMessage(message: unknown): string {
  const text = show(message, 0);
  return text.length <= MESSAGE_SHOWN ? text : `${text.slice(0, MESSAGE_SHOWN)}… (${hashOf(text)})`;
}

function show(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (depth > DEPTH_MAX) return "…";
  // A path that nobody has asked for is made, and numbered, when it is read: whoever looks would change the run.
  if (value instanceof Ref) return `${value.node}/${value.target.makePath === undefined ? value.path : "?"}`;
  if (value instanceof Uint8Array) return `${value.length} bytes ${hashOf(value.join(" "))}`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const items = (all: Iterable<unknown>): string => [...all].map((item) => show(item, depth + 1)).join(",");
  if (Array.isArray(value)) return `[${items(value)}]`;
  if (value instanceof Map) return `map{${items(value)}}`;
  if (value instanceof Set) return `set{${items(value)}}`;
  return `{${Object.entries(value)
    .map(([key, field]) => `${key}:${show(field, depth + 1)}`)
    .join(",")}}`;
}

function hashOf(text: string): string {
  const hash = new Hash64();
  hash.addLine(text);
  return hash.digest();
}
