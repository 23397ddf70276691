/**
 * When the beginning of the log is dropped: once a snapshot that covers it is durable, less a trailing window, so that a follower
 * that lags a little needs no snapshot; and not what follows a snapshot that is on its way to a follower, which would need another one at once.
 *
 * Source: Ongaro's dissertation §5.1.
 */
import type { LogPosition } from "../../../runtime/ports/log-store.ts";
import type { Essence } from "./essence.ts";
import type { RaftLog, TrailingLimits } from "./raft-log.ts";

/** Compaction that was asked for keeps nothing for followers that lag: they get the snapshot. */
const NO_WINDOW: TrailingLimits = { trailingEntries: 0, trailingBytesMax: 0 };

export class Compaction {
  /** Something has changed, so there may be something to drop. */
  #isDue: boolean;
  #dropsWindow = false;
  /** Something more could be dropped, and is kept for who takes a snapshot. */
  #isHeld = false;

  constructor(hasSnapshot: boolean) {
    this.#isDue = hasSnapshot;
  }

  get isWaiting(): boolean {
    return this.#isDue || this.#isHeld;
  }

  /** A snapshot has become durable, or is no longer on its way. */
  due(): void {
    this.#isDue = true;
  }

  /** Somebody wants the log as short as the snapshot allows. */
  dropWindow(): void {
    this.#isDue = true;
    this.#dropsWindow = true;
  }

  /** Up to where to drop entries now. `keepFrom`: the first that is kept for a follower; Infinity when none is. */
  take(log: RaftLog, limits: TrailingLimits, keepFrom: number): LogPosition | undefined {
    const isHeld = keepFrom <= log.snapshot.index;
    if (!this.#isDue && isHeld) return undefined;
    this.#isHeld = isHeld;
    // What is not durable here yet is dropped after a later write.
    this.#isDue = log.durable < log.snapshot.index;
    const window = this.#dropsWindow ? NO_WINDOW : limits;
    if (!this.isWaiting) this.#dropsWindow = false;
    return log.compact(window, keepFrom);
  }

  essence(): Essence {
    return [this.#isDue, this.#dropsWindow, this.#isHeld];
  }
}
