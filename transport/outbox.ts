/**
 * What waits to go to one peer over a link that is up: encoded envelopes, joined into frames when the turn ends.
 *
 * There is no queue for a peer without a link: what it would have got is stale by the time it is back, and whoever needs
 * delivery (Raft, ask) repeats by itself. While the link is up and the peer slow, the newest is dropped: the older ones
 * are on their way already, and dropping from the middle would only turn delay into a gap.
 */
import { FRAME_BYTES_MAX, FRAME_TAGS } from "./frame.ts";

/** Bytes that wait here and in the socket together: two frames of the largest size. More is only delay. */
export const OUTBOX_BYTES_MAX: number = 2 * FRAME_BYTES_MAX;

/** Envelopes that wait for the end of the turn; bounds what small ones cost in objects (about 200 bytes each). */
export const OUTBOX_COUNT_MAX = 100_000;

/**
 * A frame is closed when it reaches this size, so that the receiver's event loop gets a turn between frames and one of
 * its timers is never late by more than a millisecond or so. A larger envelope goes in a frame of its own.
 */
const FRAME_BYTES_TARGET = 256 * 1024;

/** An array of 32-bit length and the tag. */
const HEADER_BYTES = 6;

/** The largest encoded envelope: what fits into the largest frame. */
export const ENVELOPE_BYTES_MAX: number = FRAME_BYTES_MAX - HEADER_BYTES;

export class Outbox {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** Whether there was room. `socketBytes`: what the socket has not written out yet. */
  offer(part: Uint8Array, socketBytes: number): boolean {
    if (this.#parts.length >= OUTBOX_COUNT_MAX) return false;
    if (this.#bytes + socketBytes + part.length > OUTBOX_BYTES_MAX) return false;
    this.#parts.push(part);
    this.#bytes += part.length;
    return true;
  }

  /** Takes everything out, as frames in order. */
  drain(): readonly Uint8Array[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    const frames: Uint8Array[] = [];
    let first = 0;
    let bytes = 0;
    for (const [i, part] of parts.entries()) {
      if (i > first && bytes + part.length > FRAME_BYTES_TARGET) {
        frames.push(joinFrame(parts, first, i, bytes));
        first = i;
        bytes = 0;
      }
      bytes += part.length;
    }
    if (first < parts.length) frames.push(joinFrame(parts, first, parts.length, bytes));
    return frames;
  }
}

/** Encoded envelopes are whole MessagePack values, so a frame is an array header, the tag, and their bytes in a row. */
function joinFrame(parts: readonly Uint8Array[], first: number, end: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + bytes);
  const elements = 1 + end - first;
  frame.set([0xdd, elements >>> 24, elements >>> 16, elements >>> 8, elements, FRAME_TAGS.envelopes]);
  let at = HEADER_BYTES;
  for (let i = first; i < end; i++) {
    const part = parts[i] as Uint8Array;
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}
