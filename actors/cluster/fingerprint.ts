/**
 * A digest of a set of keyed values, kept up to date for the price of what changed.
 *
 * Each item is hashed over its canonical JSON; the digest is the sum of the hashes, so order does not matter and an item
 * can be taken out again. Items are hashed when the digest is read, so whoever never reads it (production) pays a set
 * insertion an item. Two sums of 32 bits: enough to notice that two replicas differ, no defence against an adversary.
 */
import { canonicalJson } from "./canonical-json.ts";

interface Hash {
  readonly low: number;
  readonly high: number;
}

const FNV_PRIME = 0x01000193;
const LOW_BASIS = 0x811c9dc5;
const HIGH_BASIS = 0x9e3779b9;

export class Fingerprint {
  readonly #valueOf: (key: string) => unknown;
  readonly #hashes = new Map<string, Hash>();
  readonly #touched = new Set<string>();
  #low = 0;
  #high = 0;

  /** @param valueOf gives the value that stands under a key now, undefined for none. */
  constructor(valueOf: (key: string) => unknown) {
    this.#valueOf = valueOf;
  }

  put(key: string): void {
    this.#touched.add(key);
  }

  remove(key: string): void {
    // What was never hashed leaves no trace, so the set stays as small as what stands.
    if (this.#hashes.has(key)) this.#touched.add(key);
    else this.#touched.delete(key);
  }

  /** 16 hexadecimal digits. */
  read(): string {
    for (const key of this.#touched) this.#rehash(key);
    this.#touched.clear();
    return hex(this.#high) + hex(this.#low);
  }

  #rehash(key: string): void {
    const old = this.#hashes.get(key);
    if (old !== undefined) this.#add({ low: -old.low, high: -old.high });
    this.#hashes.delete(key);
    const value = this.#valueOf(key);
    if (value === undefined) return;
    const hash = hashOf(`${key}=${canonicalJson(value)}`);
    this.#hashes.set(key, hash);
    this.#add(hash);
  }

  #add(hash: Hash): void {
    this.#low = (this.#low + hash.low) >>> 0;
    this.#high = (this.#high + hash.high) >>> 0;
  }
}

/** FNV-1a over UTF-16 units, from two starting points, each mixed at the end so that sums keep all bits apart. */
function hashOf(text: string): Hash {
  let low = LOW_BASIS;
  let high = HIGH_BASIS;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, FNV_PRIME);
    high = Math.imul(high ^ unit, FNV_PRIME) ^ (high >>> 15);
  }
  return { low: mix(low), high: mix(high) };
}

/** The finalizer of MurmurHash3. */
function mix(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
