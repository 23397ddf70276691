/**
 * A 64-bit fingerprint of plain data, so that an explorer needs 8 bytes to remember a state and not the state.
 *
 * Two different states with one fingerprint would hide what lies behind the second. Among n states that happens with a chance of about
 * n² / 2^65: 1 in 37 million for a million states, 1 in 370,000 for ten million. Every result says its own (`collisionChance`).
 *
 * Two lanes of MurmurHash3's (Appleby, x86_128) with all words in each: of numbers, because a BigInt a state costs more than everything else.
 */
const FIRST = 0x2545f491;
const SECOND = 0x811c9dc5;

/** What comes next, so that `[1, "1"]` and `["1", 1]` differ. */
const TAG = {
  undefined: 1,
  null: 2,
  false: 3,
  true: 4,
  integer: 5,
  float: 6,
  text: 7,
  list: 8,
  record: 9,
  map: 10,
  set: 11,
} as const;

const float = new Float64Array(1);
const floatWords = new Uint32Array(float.buffer);

/** What tells one state from another, put together part by part. */
export class Fingerprint {
  #first = FIRST;
  #second = SECOND;
  #words = 0;

  /** Begins anew. */
  reset(): void {
    this.#first = FIRST;
    this.#second = SECOND;
    this.#words = 0;
  }

  /** Adds 32 bits. */
  word(word: number): void {
    let one = Math.imul(word, 0xcc9e2d51);
    one = Math.imul((one << 15) | (one >>> 17), 0x1b873593);
    let other = Math.imul(word ^ 0x5bd1e995, 0xab0e9789);
    other = Math.imul((other << 16) | (other >>> 16), 0x38b34ae5);
    let first = this.#first ^ one;
    first = (((first << 19) | (first >>> 13)) + this.#second) | 0;
    first = (Math.imul(first, 5) + 0x561ccd1b) | 0;
    let second = this.#second ^ other;
    second = (((second << 17) | (second >>> 15)) + first) | 0;
    this.#second = (Math.imul(second, 5) + 0x0bcaa747) | 0;
    this.#first = first;
    this.#words += 1;
  }

  /**
   * Adds plain data: what JSON can say, `undefined`, numbers that JSON cannot say, maps, sets, bytes. The order of a record's fields, a
   * map's keys and a set's members does not count.
   * @throws {TypeError} for a function, a symbol, or an object of a class.
   */
  value(value: unknown): void {
    switch (typeof value) {
      case "number":
        return this.#number(value);
      case "string":
        return this.#text(value);
      case "boolean":
        return this.word(value ? TAG.true : TAG.false);
      case "undefined":
        return this.word(TAG.undefined);
      case "bigint":
        return this.#text(`${value}n`);
      case "object":
        return value === null ? this.word(TAG.null) : this.#object(value);
      default:
        throw new TypeError(
          `Cannot make a fingerprint of a ${typeof value}: a state is plain data. Give the model a \`fingerprint\``,
        );
    }
  }

  /** Of all since `reset`, as two words. */
  digest(): { readonly high: number; readonly low: number } {
    let high = this.#first ^ this.#words;
    let low = this.#second ^ this.#words;
    high = (high + low) | 0;
    low = (low + high) | 0;
    high = mix(high);
    low = mix(low);
    high = (high + low) | 0;
    low = (low + high) | 0;
    return { high: high >>> 0, low: low >>> 0 };
  }

  #number(value: number): void {
    if ((value | 0) === value) {
      this.word(TAG.integer);
      return this.word(value);
    }
    this.word(TAG.float);
    float[0] = value;
    this.word(floatWords[0] as number);
    this.word(floatWords[1] as number);
  }

  #text(text: string): void {
    this.word(TAG.text);
    this.word(text.length);
    for (let at = 0; at < text.length; at++) this.word(text.charCodeAt(at));
  }

  #object(value: object): void {
    if (Array.isArray(value)) return this.#list(value);
    if (value instanceof Uint8Array) return this.#list([...value]);
    if (value instanceof Set) return this.#unordered(TAG.set, [...value]);
    if (value instanceof Map) return this.#unordered(TAG.map, [...value]);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      const { name } = value.constructor;
      throw new TypeError(
        `Cannot make a fingerprint of a ${name}: a state is plain data. Give the model a \`fingerprint\``,
      );
    }
    this.word(TAG.record);
    const names = Object.keys(value).toSorted();
    this.word(names.length);
    for (const name of names) {
      this.#text(name);
      this.value((value as Readonly<Record<string, unknown>>)[name]);
    }
  }

  #list(list: readonly unknown[]): void {
    this.word(TAG.list);
    this.word(list.length);
    for (const item of list) this.value(item);
  }

  /** By the fingerprints of what is in it, in their order. */
  #unordered(tag: number, items: readonly unknown[]): void {
    const digests = items.map((item) => {
      const own = new Fingerprint();
      own.value(item);
      return own.digest();
    });
    this.word(tag);
    this.word(items.length);
    for (const { high, low } of digests.toSorted((a, b) => a.high - b.high || a.low - b.low)) {
      this.word(high);
      this.word(low);
    }
  }
}

/** The chance that among so many states two have one fingerprint. */
export function collisionChance(states: number): number {
  return (states * states) / 2 ** 65;
}

/** murmur3's finalizer. */
function mix(lane: number): number {
  let mixed = lane ^ (lane >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
