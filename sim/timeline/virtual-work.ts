/**
 * The work port of a simulated world: promises that actors give to `ctx.pipe`, under virtual time.
 *
 * No virtual time passes while a promise can still make progress by itself: between two events the run lets the platform
 * work off its queue of microtasks, whose order the language fixes. What became of the promise then reaches the actor after
 * a virtual time that is drawn from the seed, as real work takes some.
 *
 * The run never gives control back to the event loop, so a socket, a file or a timer of the platform cannot settle a
 * promise at a moment that no seed decides: such a promise never settles, and `unsettled` names it at the end
 * (docs/decisions/0012-simulated-promises.md).
 */
import type { Random, Work } from "../../runtime/index.ts";
import type { ProcessLife } from "./process-life.ts";
import type { Timeline } from "./timeline.ts";

/** What a promise's work takes: each order of magnitude is equally likely. */
const WORK_MIN_US = 50;
const WORK_MAX_US = 50_000;

/** Microtasks, one behind the other, between two events: enough for what awaits an answer of an actor. */
const HOPS_MIN = 8;

/** As many while a promise that is new has not settled; a chain that is longer goes on after the next event. */
const HOPS_MAX = 1000;

/** Awaiting it lets every microtask run that is queued already. */
const MICROTASK = Promise.resolve();

export class VirtualWork {
  readonly #timeline: Timeline;
  readonly #random: Random;
  /** The lives that wait, one entry a promise. */
  readonly #open = new Set<{ readonly life: ProcessLife }>();
  /** Promises that came since the last time all hops were taken. */
  #fresh = 0;

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
  }

  /** The port of one life of a node. */
  port(life: ProcessLife): Work {
    return {
      follow: (promise, done) => {
        const entry = { life };
        const delayUs = WORK_MIN_US * (WORK_MAX_US / WORK_MIN_US) ** this.#random.next();
        this.#open.add(entry);
        this.#fresh += 1;
        const settle = (settled: Parameters<typeof done>[0]): void => {
          this.#open.delete(entry);
          this.#fresh -= 1;
          this.#timeline.after(delayUs, () => life.enter(() => done(settled)));
        };
        promise.then(
          (value) => settle({ ok: true, value }),
          (error: unknown) => settle({ ok: false, error }),
        );
      },
    };
  }

  /** Promises of living processes that have not settled. */
  unsettled(): number {
    let count = 0;
    for (const { life } of this.#open) if (life.alive) count += 1;
    return count;
  }

  /** Lets promises make what progress they can. */
  async progress(): Promise<void> {
    for (let hop = 0; hop < HOPS_MIN; hop++) await MICROTASK;
    for (let hop = HOPS_MIN; hop < HOPS_MAX && this.#fresh > 0; hop++) await MICROTASK;
    this.#fresh = 0;
  }
}
