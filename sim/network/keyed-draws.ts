/**
 * Draws by number instead of one after another: what is drawn for the n-th message of a direction follows from the run's seed, the two
 * nodes and n, and from nothing else that happens.
 *
 *     run's seed, from, to ──▶ key (64 bits)
 *     key, n ──▶ word (32 bits): the message's delay ──▶ further words of the same message: lost? twice? late?
 *
 * Why: a fault that is left out of a run, to make it short, leaves the delays of all links that it did not touch as they were. A stream is
 * none the better for being quick, since every message asks here: two rounds of a 32-bit mixer, about as much as one step of the run's
 * generator and without its state.
 *
 * The mixer is murmur3's finalizer (Austin Appleby, MurmurHash3, `fmix32`), a bijection in which each bit of what goes in turns over each bit
 * of what comes out in about half of all cases. Keyed before each of two rounds as here, two directions share their words only where
 * both halves of their keys do. Not for secrets.
 */
import type { Random } from "../../runtime/index.ts";

/** Odd, far from each other, and no multiples: steps of the counters that are mixed in (2³² by the golden ratio; xxHash32's primes). */
const STEP = 0x9e3779b9;
const FROM = 0x85ebca77;
const TO = 0xc2b2ae3d;
const PURPOSE = 0x27d4eb2f;

const PURPOSES = { messages: 1, connections: 2, distances: 3 } as const;

const UNIT = 2 ** -32;

/** What one seed decides, in two words. */
export type DrawSeed = readonly [number, number];

/** What is drawn: for the messages of a direction, for how long it is, for the connections of a pair. */
export type DrawPurpose = keyof typeof PURPOSES;

export function drawSeedOf(random: Random): DrawSeed {
  return [random.integer(2 ** 32) | 0, random.integer(2 ** 32) | 0];
}

export class KeyedDraws {
  readonly #first: number;
  readonly #second: number;

  constructor(seed: DrawSeed, { from, to, purpose }: { from: number; to: number; purpose: DrawPurpose }) {
    const domain = Math.imul(PURPOSES[purpose], PURPOSE);
    const where = mix(Math.imul(from + 1, FROM) ^ domain) ^ Math.imul(to + 1, TO);
    this.#first = mix((seed[0] + where) | 0);
    this.#second = mix(seed[1] ^ mix(where));
  }

  /** The word of number `n`, signed; `n` counts up to 2³². */
  word(n: number): number {
    return mix(this.#second ^ mix((this.#first + Math.imul(n, STEP)) | 0));
  }
}

/** Another word of the same message; `place` from 1. */
export function furtherWord(word: number, place: number): number {
  return mix((word + Math.imul(place, STEP)) | 0);
}

/** From 0 to below 1. */
export function unitOf(word: number): number {
  return (word >>> 0) * UNIT;
}

/** From 0 to below `bound`, which is at most 2³². */
export function integerOf(word: number, bound: number): number {
  return Math.floor(unitOf(word) * bound);
}

/** murmur3's finalizer; signed. */
export function mix(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
