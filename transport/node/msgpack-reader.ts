/**
 * MessagePack's tokens, read from bytes that anybody may have written: nothing is read beyond the end, and a length is
 * believed only as far as there are bytes for it.
 */

/** These bytes are not what they should be: whoever sent them does not speak the protocol. */
export class Malformed extends Error {}

/** Texts up to here are looked up among those read before: keys, types, names come again and again. */
const CACHED_TEXT = 20;

/** A power of two; a text takes the place of another of the same hash. 1,024 keep every key of an application's messages. */
const CACHE_SLOTS = 1024;

export class MsgpackReader {
  protected bytes: Buffer = Buffer.alloc(0);
  protected view: DataView = new DataView(this.bytes.buffer, 0, 0);
  protected at = 0;
  protected end = 0;
  readonly #cache: string[] = Array.from({ length: CACHE_SLOTS }, () => "");

  /** Starts reading these bytes. */
  open(bytes: Uint8Array): void {
    const { buffer, byteOffset, length } = bytes;
    this.bytes = Buffer.from(buffer, byteOffset, length);
    this.view = new DataView(buffer, byteOffset, length);
    this.at = 0;
    this.end = length;
  }

  /** @throws {Malformed} unless everything has been read. */
  finish(): void {
    if (this.at !== this.end) throw new Malformed("bytes follow the value");
  }

  /** The length of an array. */
  array(): number {
    const token = this.byte();
    if (token >= 0x90 && token < 0xa0) return token - 0x90;
    if (token === 0xdc) return this.uint16();
    if (token === 0xdd) return this.uint32();
    throw new Malformed("it is not an array");
  }

  /** A whole number of 32 bits, not negative. */
  uint(): number {
    const token = this.byte();
    if (token < 0x80) return token;
    if (token === 0xcc) return this.byte();
    if (token === 0xcd) return this.uint16();
    if (token === 0xce) return this.uint32();
    throw new Malformed("a number is missing");
  }

  text(): string {
    const length = this.textLength(this.byte());
    if (length < 0) throw new Malformed("a text is missing");
    return this.textOf(length);
  }

  /** A binary, as a view on the bytes. */
  binary(): Uint8Array {
    const token = this.byte();
    if (token < 0xc4 || token > 0xc6) throw new Malformed("a binary is missing");
    return this.viewOf(this.length(token - 0xc4));
  }

  /** What comes next, which stays. */
  kind(): "text" | "array" | "other" {
    const token = this.bytes[this.at] ?? 0xc1;
    if (token < 0x80) return "other";
    if (token < 0xa0) return token < 0x90 ? "other" : "array";
    return token < 0xc0 || (token >= 0xd9 && token <= 0xdb) ? "text" : "other";
  }

  protected byte(): number {
    if (this.at >= this.end) throw new Malformed("it ends inside a value");
    return this.bytes[this.at++] as number;
  }

  protected uint16(): number {
    return this.view.getUint16(this.take(2));
  }

  protected uint32(): number {
    return this.view.getUint32(this.take(4));
  }

  /** A length of 8, 16 or 32 bits: `size` 0, 1 or 2. */
  protected length(size: number): number {
    if (size === 0) return this.byte();
    return size === 1 ? this.uint16() : this.uint32();
  }

  /** The length of the text that `token` begins, -1 when it begins none. */
  protected textLength(token: number): number {
    if (token >= 0xa0 && token < 0xc0) return token - 0xa0;
    return token >= 0xd9 && token <= 0xdb ? this.length(token - 0xd9) : -1;
  }

  /** The next `length` bytes as text; what is no UTF-8 in them becomes U+FFFD. */
  protected textOf(length: number): string {
    const at = this.take(length);
    if (length > CACHED_TEXT) return this.bytes.toString("utf8", at, at + length);
    const { bytes } = this;
    let hash = length;
    let all = 0;
    for (let i = at; i < at + length; i++) {
      const byte = bytes[i] as number;
      hash = (Math.imul(hash, 31) + byte) | 0;
      all |= byte;
    }
    if (all >= 0x80) return bytes.toString("utf8", at, at + length);
    const slot = (hash ^ (hash >>> 15)) & (CACHE_SLOTS - 1);
    const cached = this.#cache[slot] as string;
    if (cached.length === length && this.#is(cached, at)) return cached;
    const text = bytes.toString("latin1", at, at + length);
    this.#cache[slot] = text;
    return text;
  }

  protected viewOf(length: number): Uint8Array {
    const at = this.take(length);
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + at, length);
  }

  /** Steps over `length` bytes; returns where they begin. */
  protected take(length: number): number {
    const { at } = this;
    if (length > this.end - at) throw new Malformed("it ends inside a value");
    this.at = at + length;
    return at;
  }

  #is(text: string, at: number): boolean {
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== this.bytes[at + i]) return false;
    return true;
  }
}
