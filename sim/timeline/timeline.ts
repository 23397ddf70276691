/**
 * The timeline: drives every node of a run, one event at a time.
 *
 * An event is taken from the time queue; then all runnable actors of all nodes get their turns, in an order drawn from the
 * seed, until nobody is runnable; then comes the next event. Computing takes no simulated time.
 */
import type { Dispatcher, Random, Turn, World } from "../../runtime/index.ts";
import type { EventLog, Part } from "./event-log.ts";
import { TimeQueue, type QueueEntry, type TieTaker } from "./time-queue.ts";

/** Turns at one instant beyond which actors are taken to tell each other forever; a normal instant has under a hundred. */
const TURNS_PER_INSTANT_MAX = 100_000;

/** Less than what lies between two ties, however many events one time has. */
const TIE_STEP = 2 ** -20;

export interface Failure {
  /** Name of the rule. */
  readonly invariant: string;
  readonly message: string;
  readonly atUs: number;
}

/** In whose place turns and events of one time come, where chance alone is not to say. */
export interface TurnOrder {
  /** Which of those that are runnable comes next, of two or more. */
  pick(runnable: readonly Turn[]): number;
  /** Where what is put in by that turn comes among events of one time: from 0, first, to 1. */
  rank(turn: Turn): number;
}

export class Timeline {
  /** Microseconds since the run began. */
  nowUs = 0;
  turns = 0;
  /** The first rule that did not hold; the run ends with it. */
  failure: Failure | null = null;
  /** Called after every event, when nobody is runnable any more. */
  afterEvent: () => void = () => {};
  readonly log: EventLog;
  /** One for all nodes. */
  readonly dispatcher: Dispatcher;
  readonly #queue: TimeQueue;
  readonly #random: Random;
  readonly #order: TurnOrder | null;
  readonly #runnable: Turn[] = [];
  /** Whose turn it is; null between turns, and where the order asks nobody. */
  #turn: Turn | null = null;

  /** Where the event that happens now stands among those of its time; for `at`. */
  tie = 0;

  /**
   * @param passedOver of the ties, see `TimeQueue`
   * @param order whose turn it is; null: each is drawn evenly
   */
  constructor(random: Random, log: EventLog, passedOver: readonly number[] = [], order: TurnOrder | null = null) {
    this.log = log;
    this.#queue = new TimeQueue(random.fork(), passedOver);
    this.#random = random.fork();
    this.#order = order;
    this.dispatcher = { schedule: (turn) => void this.#runnable.push(turn) };
  }

  /** Milliseconds since the run began; for reports. */
  get nowMs(): number {
    return this.nowUs / 1000;
  }

  /** Runs `run` after `delayUs`, rounded up to a whole microsecond. */
  after(delayUs: number, run: () => void): QueueEntry {
    const rank = this.#turn === null ? null : (this.#order?.rank(this.#turn) ?? null);
    return this.#queue.push(this.nowUs + Math.max(0, Math.ceil(delayUs)), run, rank);
  }

  /** As `after`, for who decides upon faults. */
  afterAside(delayUs: number, run: () => void, taker: TieTaker = "faults"): QueueEntry {
    return this.#queue.pushAside(this.nowUs + Math.max(0, Math.ceil(delayUs)), run, taker);
  }

  /** Runs `run` at that time, in that order among others of the same time. */
  at(atUs: number, tie: number, run: () => void): QueueEntry {
    return this.#queue.place({ atUs, tie, run });
  }

  /** Numbers of the ties that a replay does without, in which what these decide upon is given. */
  tiesOf(...takers: readonly TieTaker[]): readonly number[] {
    return this.#queue.tiesOf(takers);
  }

  /** The world of a node's process as its actors get it. Others look into it here: `traced-timeline.ts`. */
  watched<Seen extends World>(world: Seen, _node: string): Seen {
    return world;
  }

  note(line: string): void {
    this.log.add(this.nowUs, line);
  }

  /** As `note`, for what happens all the time: the line of `what` and these parts, which is made only when somebody reads it. */
  noteParts(what: string, ...parts: readonly Part[]): void {
    this.log.addParts(this.nowUs, what, parts);
  }

  /** Reports that a rule does not hold. Not thrown: the actor that is being watched would take it for its own crash. */
  fail(invariant: string, message: string): void {
    this.failure ??= { invariant, message, atUs: this.nowUs };
  }

  /** Lets everything happen up to `untilUs`, or to the first failure. */
  run(untilUs: number): void {
    this.settle();
    while (this.step(untilUs));
  }

  /** Lets the next event up to `untilUs` happen, and all turns after it; false when there is none, or a rule has failed. */
  step(untilUs: number): boolean {
    if (this.failure !== null) return false;
    const entry = this.#queue.pop(untilUs);
    if (entry === undefined) {
      this.nowUs = Math.max(this.nowUs, untilUs);
      return false;
    }
    // What an event has put in for its own time comes after it, whatever its tie.
    this.tie = entry.atUs === this.nowUs && entry.tie <= this.tie ? this.tie + TIE_STEP : entry.tie;
    this.nowUs = entry.atUs;
    const run = entry.run as () => void;
    entry.run = null;
    run();
    this.settle();
    return true;
  }

  /** Gives everybody who is runnable a turn, until nobody is. */
  settle(): void {
    this.#drain();
    this.afterEvent();
  }

  #runRanked(turn: Turn): void {
    this.#turn = turn;
    turn.run();
    this.#turn = null;
  }

  #drain(): void {
    const runnable = this.#runnable;
    const turnsMax = this.turns + TURNS_PER_INSTANT_MAX;
    while (runnable.length > 0 && this.failure === null) {
      const last = runnable.length - 1;
      const at = last === 0 ? 0 : (this.#order?.pick(runnable) ?? this.#random.integer(runnable.length));
      const turn = runnable[at] as Turn;
      runnable[at] = runnable[last] as Turn;
      runnable.pop();
      this.turns += 1;
      if (this.#order === null) turn.run();
      else this.#runRanked(turn);
      if (this.turns > turnsMax) {
        this.fail("progress", `Actors took ${TURNS_PER_INSTANT_MAX} turns without time passing`);
      }
    }
  }
}
