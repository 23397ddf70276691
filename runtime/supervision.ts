/**
 * Supervision: what happens to an actor that threw (Armstrong's thesis, §5; OTP supervisors; Akka's backoff supervisor).
 *
 * The policy is given at spawn by the parent, who knows what the child is for. A crash keeps the mailbox; the message
 * that was being handled is reported as a dead letter, never handled again.
 */
import type { Random } from "./ports/random.ts";

export type Directive =
  /** Forget the message, keep the state. */
  | "resume"
  /** Stop the children, make a new state, go on with the mailbox. */
  | "restart"
  | "stop"
  /** The parent crashes with the same error, and its own supervision decides. */
  | "escalate";

export interface Supervision {
  /** One directive for every error, or a choice by error; one that throws escalates. */
  readonly onCrash: Directive | ((error: unknown) => Directive);
  /** How many restarts within the window are still normal; one more escalates. Default: 5 in 60,000 ms. */
  readonly intensity?: { readonly restartsMax: number; readonly windowMs: number };
  /** The wait before a restart. Default: none before the first, then 100 ms doubling to 10,000 ms, with 20 % jitter. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number; readonly jitter: number };
}

export const stopOnCrash: Supervision = { onCrash: "stop" };

const DEFAULT_INTENSITY = { restartsMax: 5, windowMs: 60_000 };
const DEFAULT_BACKOFF = { minMs: 100, maxMs: 10_000, jitter: 0.2 };

/** One actor's crash history: answers what to do about the next crash. Keeps only crashes within the window. */
export class CrashHistory {
  readonly #supervision: Supervision;
  #restartsAtMs: number[] = [];

  constructor(supervision: Supervision) {
    this.#supervision = supervision;
  }

  decide(error: unknown, nowMs: number, random: Random): { directive: Directive; delayMs: number } {
    const { onCrash } = this.#supervision;
    const directive = typeof onCrash === "function" ? onCrash(error) : onCrash;
    if (directive !== "restart") return { directive, delayMs: 0 };
    const { restartsMax, windowMs } = this.#supervision.intensity ?? DEFAULT_INTENSITY;
    const recent = this.#restartsAtMs.filter((atMs) => nowMs - atMs < windowMs);
    if (recent.length >= restartsMax) return { directive: "escalate", delayMs: 0 };
    this.#restartsAtMs = [...recent, nowMs];
    return { directive, delayMs: this.#delayMs(recent.length, random) };
  }

  #delayMs(earlierRestarts: number, random: Random): number {
    if (earlierRestarts === 0) return 0;
    const { minMs, maxMs, jitter } = this.#supervision.backoff ?? DEFAULT_BACKOFF;
    const baseMs = Math.min(maxMs, minMs * 2 ** (earlierRestarts - 1));
    return Math.round(baseMs * (1 + jitter * (2 * random.next() - 1)));
  }
}
