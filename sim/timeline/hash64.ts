/**
 * A 64-bit hash that grows line by line, or part by part: two 32-bit FNV-1a lanes with different offsets and primes, crossed at the end.
 *
 * Not for secrets: it tells two event logs apart, and two logs that differ in one character must differ in it.
 */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** A second odd multiplier (from xxHash32), so that the lanes do not collide together. */
const SECOND_OFFSET = 0x2545f491;
const SECOND_PRIME = 0x85ebca6b;

const LINE_END = 10;

/** What tells a text's length from a small number. */
const TEXT = 1 << 30;

export class Hash64 {
  #first = FNV_OFFSET;
  #second = SECOND_OFFSET;

  /** Adds the line's UTF-16 units and a line end. */
  addLine(line: string): void {
    let first = this.#first;
    let second = this.#second;
    for (let at = 0; at < line.length; at++) {
      const unit = line.charCodeAt(at);
      first = Math.imul(first ^ unit, FNV_PRIME);
      second = Math.imul(second ^ unit, SECOND_PRIME);
      // Without it a high bit of a unit never reaches a low bit of the lane.
      second ^= second >>> 15;
    }
    this.#first = Math.imul(first ^ LINE_END, FNV_PRIME);
    this.#second = Math.imul(second ^ LINE_END, SECOND_PRIME);
  }

  /** Adds a part of an event: a text with its length, so that no two sequences of parts are alike, or a number. */
  addPart(part: string | number): void {
    if (typeof part === "number" && Number.isSafeInteger(part)) {
      this.#addWord(part | 0);
      if (part !== (part | 0)) this.#addWord(Math.floor(part / 2 ** 32));
      return;
    }
    const text = String(part);
    this.#addWord(text.length | TEXT);
    let first = this.#first;
    let second = this.#second;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      first = Math.imul(first ^ unit, FNV_PRIME);
      second = Math.imul(second ^ unit, SECOND_PRIME);
      second ^= second >>> 15;
    }
    this.#first = first;
    this.#second = second;
  }

  #addWord(word: number): void {
    const first = Math.imul(this.#first ^ word, FNV_PRIME);
    const second = Math.imul(this.#second ^ word, SECOND_PRIME);
    this.#first = first ^ (first >>> 13);
    this.#second = second ^ (second >>> 15);
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return hex(mix(this.#first ^ (this.#second >>> 7))) + hex(mix(this.#second ^ (this.#first >>> 11)));
  }
}

/** murmur3's finalizer. */
function mix(lane: number): number {
  let mixed = lane ^ (lane >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
