/**
 * What an overloaded leader has no room for, at the node where it was proposed: the oldest asks for all.
 *
 *     refused ─▶ held ──when the leader wants to be asked again──▶ the oldest asks ─┬─ taken ──▶ the next two ask ─▶ …
 *       ▲                                                                           └─ refused ─┐
 *       └───────────────────────────────────────────────────────────────────────────────────────┘
 *
 * If each came back by itself, a leader with room for five a second would have to refuse hundreds, and luck would decide which five: whoever is out
 * of luck waits for ever. So a node's proposals go in the order in which they were made, also those that are made meanwhile,
 * and nodes get in equally often, whatever each wants. Asking twice as often after each that was taken finds all the room there is within a few round trips
 * (TCP's slow start, Jacobson 1988).
 */
import type { Context } from "../../runtime/index.ts";
import type { ReplicaMessage } from "./replica-message.ts";

/** Of a leader that does not say when: an election, or a hand-over, is over by then. */
const RETRY_MS = 200;

const TIMER = "held";

/** How many ask once one was taken. */
const NEXT = 2;

export interface HeldProposalsOptions {
  readonly ctx: Context<ReplicaMessage>;
  /** Sends a proposal that is held no more. */
  readonly send: (session: string) => void;
}

export class HeldProposals {
  readonly #options: HeldProposalsOptions;
  /** By session: the place in the order in which they were made. */
  readonly #held = new Map<string, number>();
  /** Whoever asks next does so when the timer fires. */
  #isWaiting = false;

  constructor(options: HeldProposalsOptions) {
    this.#options = options;
  }

  /** What is proposed now goes behind what is held. */
  get isHolding(): boolean {
    return this.#held.size > 0;
  }

  add(session: string, order: number, retryAfterMs: number | undefined): void {
    this.#held.set(session, order);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const { ctx } = this.#options;
    // Nodes that were refused together do not come back together.
    const delayMs = Math.round((retryAfterMs ?? RETRY_MS) * (0.5 + ctx.random.next()));
    ctx.setTimer(TIMER, delayMs, { type: "held-due" });
  }

  /** The leader has taken one. */
  taken(): void {
    for (let count = 0; count < NEXT && !this.#isWaiting; count++) this.#release();
  }

  /** It is time to ask, as when the message of that name has come. */
  due(): void {
    this.#isWaiting = false;
    this.#release();
  }

  /** It was answered, or given up. */
  remove(session: string): void {
    this.#held.delete(session);
  }

  /** Another leader: nothing is known of how much it takes. */
  clear(): void {
    this.#held.clear();
    this.#isWaiting = false;
    this.#options.ctx.cancelTimer(TIMER);
  }

  #release(): void {
    let oldest: string | null = null;
    let lowest = Infinity;
    for (const [session, order] of this.#held) {
      if (order >= lowest) continue;
      oldest = session;
      lowest = order;
    }
    if (oldest === null) return;
    this.#held.delete(oldest);
    this.#options.send(oldest);
  }
}
