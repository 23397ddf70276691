/**
 * Supervision: what happens to an actor that threw (Armstrong's thesis, §5; OTP supervisors; Akka's backoff supervisor).
 *
 * The policy is given at spawn by the parent, who knows what the child is for; which siblings a restart or a stop takes along
 * is the parent's own strategy. A crash keeps the mailbox; the message that was being handled is reported as a dead letter,
 * never handled again.
 */
import type { Random } from "./ports/random.ts";

/** What is done about a crash. */
export type Directive =
  /** Forget the message, keep the state. An `init` that throws has no state to keep: `stop`. */
  | "resume"
  /** Make a new state, go on with the mailbox; the children stop or stay, as `Supervision.children` says. */
  | "restart"
  | "stop"
  /** The parent crashes with the same error, and its own supervision decides. */
  | "escalate";

/** A JavaScript caller is not held to the type. */
export function isDirective(value: unknown): value is Directive {
  return value === "resume" || value === "restart" || value === "stop" || value === "escalate";
}

/** Which siblings a child takes along when it restarts or stops after a crash. OTP's restart strategies. */
export type Strategy =
  | "one-for-one"
  /** All of them: none can do without the others. */
  | "all-for-one"
  /** Those that were spawned after it, since they rely on it. */
  | "rest-for-one";

/** What a parent decides for the crashes of one child. */
export interface Supervision {
  /** One directive for every error, or a choice by error; one that throws, or chooses none of them, escalates. */
  readonly onCrash: Directive | ((error: unknown) => Directive);
  /**
   * How many restarts within the window are still normal; one more escalates. Default: 5 in 60,000 ms. A restart that a
   * sibling caused counts too, so a group is bounded as one actor is.
   */
  readonly intensity?: { readonly restartsMax: number; readonly windowMs: number };
  /**
   * The wait before a restart, in milliseconds: none before the first, then `minMs` doubling to `maxMs`, each varied by up to
   * the share `jitter`; the first again after `calmMs` without a restart. Default: 100, 10,000, 0.2 and the intensity's window.
   */
  readonly backoff?: {
    readonly minMs: number;
    readonly maxMs: number;
    readonly jitter: number;
    readonly calmMs?: number;
  };
  /**
   * What a restart does with the children. Those kept go on with their work; the next life finds them through `ctx.child`, and
   * must not spawn their names again. Watches belong to a life, so it watches them anew. Default: `stop`.
   */
  readonly children?: "stop" | "keep";
}

/** A crash stops the actor: the default. */
export const stopOnCrash: Supervision = { onCrash: "stop" };

const DEFAULT_INTENSITY = { restartsMax: 5, windowMs: 60_000 };
/** A millisecond doubled so often is 35 years; a wait of 0, doubled without end, would be no number. */
const DOUBLINGS_MAX = 40;

const DEFAULT_BACKOFF = { minMs: 100, maxMs: 10_000, jitter: 0.2 };

/** One actor's crash history: answers what to do about the next crash. Keeps at most `restartsMax` times, of the window. */
export class CrashHistory {
  readonly #supervision: Supervision;
  /** When it was restarted, the oldest first; those before `#head` have left the window. */
  #restartsAtMs: number[] = [];
  #head = 0;
  /** Restarts since it was calm. */
  #streak = 0;
  /** When the last restart was over, its wait included. */
  #restartedAtMs = 0;

  constructor(supervision: Supervision) {
    this.#supervision = supervision;
  }

  decide(error: unknown, nowMs: number, random: Random): { directive: Directive; delayMs: number } {
    const { onCrash } = this.#supervision;
    const directive = typeof onCrash === "function" ? onCrash(error) : onCrash;
    if (!isDirective(directive)) throw new TypeError(`No directive for a crash: ${String(directive)}`);
    if (directive !== "restart") return { directive, delayMs: 0 };
    this.#forgetBefore(nowMs - this.#intensity.windowMs);
    if (this.#recent >= this.#intensity.restartsMax) return { directive: "escalate", delayMs: 0 };
    return { directive, delayMs: this.#record(nowMs, random) };
  }

  /** A sibling's crash restarts this actor. */
  restartedBySibling(nowMs: number): void {
    this.#forgetBefore(nowMs - this.#intensity.windowMs);
    this.#record(nowMs, null);
  }

  get #intensity(): { readonly restartsMax: number; readonly windowMs: number } {
    return this.#supervision.intensity ?? DEFAULT_INTENSITY;
  }

  get #recent(): number {
    return this.#restartsAtMs.length - this.#head;
  }

  #forgetBefore(sinceMs: number): void {
    const times = this.#restartsAtMs;
    while (this.#head < times.length && (times[this.#head] as number) <= sinceMs) this.#head += 1;
    if (this.#head * 2 <= times.length) return;
    this.#restartsAtMs = times.slice(this.#head);
    this.#head = 0;
  }

  /** The wait before this restart; without `random` somebody else decides on it. */
  #record(nowMs: number, random: Random | null): number {
    const { restartsMax, windowMs } = this.#intensity;
    // No more than decide: where any number is allowed, none is kept.
    if (Number.isFinite(restartsMax)) {
      this.#restartsAtMs.push(nowMs);
      if (this.#recent > restartsMax) this.#head += 1;
    }
    if (nowMs - this.#restartedAtMs >= (this.#supervision.backoff?.calmMs ?? windowMs)) this.#streak = 0;
    const delayMs = random === null ? 0 : this.#delayMs(random);
    this.#streak += 1;
    this.#restartedAtMs = nowMs + delayMs;
    return delayMs;
  }

  #delayMs(random: Random): number {
    if (this.#streak === 0) return 0;
    const { minMs, maxMs, jitter } = this.#supervision.backoff ?? DEFAULT_BACKOFF;
    const baseMs = Math.min(maxMs, minMs * 2 ** Math.min(this.#streak - 1, DOUBLINGS_MAX));
    return Math.round(baseMs * (1 + jitter * (2 * random.next() - 1)));
  }
}
