/**
 * A digest of a set of keyed values, kept up to date for the price of what changed.
 *
 * Each item is hashed over its structure, fields in any order; the digest is the sum of the hashes, so the items' order does not
 * matter and an item can be taken out again. Items are hashed when the digest is read, so whoever never reads it (production) pays a set
 * insertion an item. Two sums of 32 bits: enough to notice that two replicas differ, no defence against an adversary.
 */
interface Hash {
  readonly low: number;
  readonly high: number;
}

const FNV_PRIME = 0x01000193;
const LOW_BASIS = 0x811c9dc5;
const HIGH_BASIS = 0x9e3779b9;

/** What tells values of different kinds apart; beyond every UTF-16 unit. */
const TAGS = { text: 0x10000, array: 0x10001, object: 0x10002, other: 0x10003, integer: 0x10004 };

export class Fingerprint {
  readonly #valueOf: (key: string) => unknown;
  readonly #hashes = new Map<string, Hash>();
  readonly #touched = new Set<string>();
  readonly #hasher = new Hasher();
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
    const value = this.#valueOf(key);
    if (value === undefined) {
      this.#hashes.delete(key);
      return;
    }
    const hash = this.#hasher.of(key, value);
    this.#hashes.set(key, hash);
    this.#add(hash);
  }

  #add(hash: Hash): void {
    this.#low = (this.#low + hash.low) >>> 0;
    this.#high = (this.#high + hash.high) >>> 0;
  }
}

/**
 * FNV-1a over UTF-16 units, from two starting points, each mixed at the end so that sums keep all bits apart. Fields are summed, too: their
 * order says nothing, and sorting names takes longer than hashing them.
 */
class Hasher {
  #low = LOW_BASIS;
  #high = HIGH_BASIS;

  of(key: string, value: unknown): Hash {
    this.#low = LOW_BASIS;
    this.#high = HIGH_BASIS;
    this.#text(key);
    this.#value(value);
    return { low: mix(this.#low), high: mix(this.#high) };
  }

  #text(text: string): void {
    const { length } = text;
    // The length first, so that what follows cannot be taken for its end.
    let low = Math.imul(this.#low ^ length, FNV_PRIME);
    let high = Math.imul(this.#high ^ length, FNV_PRIME) ^ (this.#high >>> 15);
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      low = Math.imul(low ^ unit, FNV_PRIME);
      high = Math.imul(high ^ unit, FNV_PRIME) ^ (high >>> 15);
    }
    this.#low = low;
    this.#high = high;
  }

  /** Plain data; a field that is undefined counts as absent. */
  #value(value: unknown): void {
    if (typeof value === "string") {
      this.#unit(TAGS.text);
      this.#text(value);
    } else if (typeof value === "number" && Number.isSafeInteger(value)) {
      this.#unit(TAGS.integer);
      this.#unit(value | 0);
      this.#unit(Math.floor(value / 2 ** 32));
    } else if (typeof value !== "object" || value === null) {
      this.#unit(TAGS.other);
      this.#text(String(value));
    } else if (Array.isArray(value)) {
      this.#unit(TAGS.array);
      this.#unit(value.length);
      for (const item of value) this.#value(item);
    } else {
      this.#fields(value as Readonly<Record<string, unknown>>);
    }
  }

  #fields(fields: Readonly<Record<string, unknown>>): void {
    const lowBefore = this.#low;
    const highBefore = this.#high;
    let lowSum = 0;
    let highSum = 0;
    for (const key in fields) {
      const field = fields[key];
      if (field === undefined) continue;
      this.#low = LOW_BASIS;
      this.#high = HIGH_BASIS;
      this.#text(key);
      this.#value(field);
      lowSum = (lowSum + mix(this.#low)) | 0;
      highSum = (highSum + mix(this.#high)) | 0;
    }
    this.#low = lowBefore;
    this.#high = highBefore;
    this.#unit(TAGS.object);
    this.#unit(lowSum);
    this.#unit(highSum);
  }

  #unit(unit: number): void {
    this.#low = Math.imul(this.#low ^ unit, FNV_PRIME);
    this.#high = Math.imul(this.#high ^ unit, FNV_PRIME) ^ (this.#high >>> 15);
  }
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
