/**
 * What happened in a run, event by event, for whoever asks why: two runs that should be one (`sim/verify`), or a failure.
 *
 *     an event ─▶ its steps: lines, turns, messages sent, draws, what it put into the queue ─▶ one rolling hash
 *         │                                                                                      │ every N events
 *         └── what it puts in knows it as its cause, and the causes of that one                  ▼
 *                                                                                          checkpoints
 *
 * Memory is bounded however long the run is: checkpoints are thinned out when they are too many, causes go back a few links and no
 * further, and steps are kept of the events of one window only. Kept by `traced-timeline.ts`; a run without a trace pays nothing for it.
 */
import { Hash64 } from "./hash64.ts";

/** An event as others name it who come after it. */
export interface CauseLink {
  /** Counted from 1; 0 is the start of the run, and -1 has not happened yet. */
  readonly event: number;
  /** Microseconds since the run began. */
  readonly atUs: number;
  /** Its first line in the event log, or whose turns it gave, or what it is. */
  readonly what: string;
  /** Who put it into the queue: an actor, as `n2/raft`; null: nobody's turn, as a link or a disk. */
  readonly by: string | null;
  /** How many alike came about one by the other, as a timer that is set anew each time; this is the last of them. */
  readonly times: number;
}

/** An event with why it came about. */
export interface TracedEvent extends CauseLink {
  /** What led to it, the nearest first. */
  readonly causes: readonly CauseLink[];
  /** How many events there are between the last of `causes` and the one that began it all, which comes then; null: `causes` goes back that far. */
  readonly omitted: number;
  readonly root: CauseLink | null;
}

/** With what it did. */
export interface RecordedEvent extends TracedEvent {
  readonly steps: readonly string[];
}

/** Numbers of events, both among them. */
export interface TraceWindow {
  readonly from: number;
  readonly to: number;
}

/** Links of a chain that are kept beside its root. */
const CAUSES_MAX = 12;

/** Checkpoints beyond which every other is left out: 8 MiB of them. */
const CHECKPOINTS_MAX = 2 ** 20;

/** Events of a window, and steps of one event, that are kept; what comes behind is in the hash all the same. */
const RECORDED_MAX = 4096;
const STEPS_MAX = 500;

interface MutableLink {
  event: number;
  atUs: number;
  what: string;
  readonly by: string | null;
  readonly times: number;
}

/** What waits in the queue, with where it comes from. */
export class PlannedEvent {
  readonly link: MutableLink;
  readonly causes: readonly CauseLink[];
  readonly root: CauseLink | null;
  /** Of the chain, how many links `causes` stands for and how many there are. */
  readonly told: number;
  readonly depth: number;

  constructor(cause: PlannedEvent | null, by: string | null, what: string) {
    this.link = { event: -1, atUs: 0, what, by, times: 1 };
    this.causes = cause === null ? [] : withLink(cause.link, cause.causes);
    this.root = cause === null ? null : (cause.root ?? cause.link);
    this.depth = cause === null ? 0 : cause.depth + 1;
    this.told = this.causes.reduce((sum, { times }) => sum + times, 0);
  }

  get traced(): TracedEvent {
    const { link, causes, root, depth, told } = this;
    const omitted = depth - told;
    return {
      ...link,
      causes: causes.map((one) => ({ ...one })),
      omitted: Math.max(0, omitted - 1),
      root: omitted > 0 ? root : null,
    };
  }
}

function withLink(link: CauseLink, causes: readonly CauseLink[]): readonly CauseLink[] {
  const [nearest] = causes;
  if (nearest?.what !== link.what || nearest.by !== link.by) return [link, ...causes.slice(0, CAUSES_MAX - 1)];
  return [{ ...link, times: nearest.times + 1 }, ...causes.slice(1)];
}

export class EventTrace {
  /** How many have happened. */
  events = 0;
  /** Nothing behind it is asked for. */
  readonly window: TraceWindow | null;
  /** Whose turn it is. */
  actor: string | null = null;
  readonly recorded: RecordedEvent[] = [];
  readonly #hash = new Hash64();
  #checkpoints: number[] = [];
  #every = 1;
  #current: PlannedEvent = new PlannedEvent(null, null, "the start of the run");
  #hasLine = true;
  #steps: string[] = [];

  /** @param window of which events the steps are kept, and behind which the run need not go on. Default: of none. */
  constructor(window: TraceWindow | null = null) {
    this.window = window;
    this.#current.link.event = 0;
  }

  get isOver(): boolean {
    return this.window !== null && this.events > this.window.to;
  }

  /** The event that happens now, or happened last. */
  get current(): TracedEvent {
    return this.#current.traced;
  }

  /** Hashes over all up to each so many events, the start included. */
  get checkpoints(): { readonly every: number; readonly hashes: readonly number[] } {
    return { every: this.#every, hashes: this.#checkpoints };
  }

  /** Something is put into the queue by what happens now. */
  plan(atUs: number, what = ""): PlannedEvent {
    this.step(`will happen at ${atUs}`);
    return new PlannedEvent(this.#current, this.actor, what);
  }

  /** The event before is over, and this one begins. */
  begin(event: PlannedEvent, atUs: number): void {
    this.close();
    this.events += 1;
    event.link.event = this.events;
    event.link.atUs = atUs;
    this.#current = event;
    this.#hasLine = event.link.what !== "";
    this.#hash.addLine(`${this.events} ${atUs}`);
  }

  /** A line of the event log. */
  line(line: string): void {
    if (!this.#hasLine) {
      this.#current.link.what = line;
      this.#hasLine = true;
    }
    this.step(line);
  }

  turn(actor: string): void {
    this.actor = actor;
    if (this.#current.link.what === "") this.#current.link.what = `a turn of ${actor}`;
    this.step(`turn of ${actor}`);
  }

  step(step: string): void {
    this.#hash.addLine(step);
    if (this.#isRecorded && this.#steps.length < STEPS_MAX) this.#steps.push(step);
  }

  /** Ends the last event; nothing is added after it. */
  close(): void {
    if (this.#isRecorded) this.recorded.push({ ...this.#current.traced, steps: this.#steps });
    this.#steps = [];
    if (this.events % this.#every !== 0) return;
    // 52 bits: what a number holds exactly.
    this.#checkpoints.push(Number.parseInt(this.#hash.digest().slice(0, 13), 16));
    if (this.#checkpoints.length < CHECKPOINTS_MAX) return;
    this.#checkpoints = this.#checkpoints.filter((_, at) => at % 2 === 0);
    this.#every *= 2;
  }

  get #isRecorded(): boolean {
    const { window, events } = this;
    return window !== null && events >= window.from && events <= window.to && this.recorded.length < RECORDED_MAX;
  }
}
