/**
 * Short writes in the caller's thread, where the disk lets that be: no other thread is woken and waited for, which costs more than a good disk
 * does. What it risks is that the event loop stands still for as long as a write takes; so it is for followers, whose heartbeats nobody waits
 * for, in processes that say so (`LogStoreOptions.mayBlock`), and after a write that was slow it leaves the disk alone for a while.
 * docs/decisions/0022-prompt-writes.md has the measurements.
 */
import { writeSync } from "node:fs";
import type { FileWrite } from "./segment-file.ts";

/** What goes with a few small requests, in bytes of a batch. With more, many wait, and others can be served meanwhile. */
export const SHORT_BYTES_MAX = 4096;

/** A disk that takes longer is not what this is for. A good one takes a twentieth. */
const SLOW_MS = 5;

/** How long writes go through other threads after a slow one: a disk that is slow all the time holds up one write in so long. */
const PAUSE_MS = 100;

export class PromptWriter {
  readonly #nowMs: () => number;
  #pausedUntilMs = -Infinity;

  /** @param nowMs a clock that never goes back. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Whether the disk was fast lately, as far as it was asked here. */
  get isAllowed(): boolean {
    return this.#nowMs() >= this.#pausedUntilMs;
  }

  /** Writes all of it, on disk when this returns. @returns what went wrong, or null. */
  write({ file, bytes, position }: FileWrite): NodeJS.ErrnoException | null {
    const beganMs = this.#nowMs();
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at, position + at);
    } catch (error) {
      return error as NodeJS.ErrnoException;
    }
    const endMs = this.#nowMs();
    if (endMs - beganMs > SLOW_MS) this.#pausedUntilMs = endMs + PAUSE_MS;
    return null;
  }
}
