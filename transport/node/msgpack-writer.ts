/**
 * MessagePack's tokens, written into one growing buffer. What it may not contain is the packer's business.
 *
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { EXTENSION_TYPES, FRAME_HEAD_BYTES } from "../index.ts";

/** The buffer's size at first; whoever writes more pays for the growth once. */
const INITIAL_BYTES = 1024;

/** Room that one token may take unasked: a head of 5 bytes, a number of 9, an extension's head of 6 and a date's 8. */
export const ROOM = 16;

/** Up to here a loop over the characters is faster than the call into C++. */
const SHORT_TEXT = 16;

/** Above, the exact size is worth a pass over the text: the guess, three bytes a character, is that of memory. */
const LONG_TEXT = 0x10000;

/** What is being written outgrows its limit. */
export class TooLarge extends Error {}

export class MsgpackWriter {
  /** What has been written stands before `at`. */
  bytes: Buffer;
  at = 0;
  /** Where the buffer must not grow any more. */
  limit: number = Number.MAX_SAFE_INTEGER;
  protected view: DataView;

  constructor() {
    this.bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.view = viewOf(this.bytes);
  }

  /** Gives what was written away, buffer and all, and starts with `next` or a new one. */
  handOver(next: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)): Buffer {
    const written = this.bytes.subarray(0, this.at);
    this.bytes = next;
    this.view = viewOf(next);
    this.at = 0;
    return written;
  }

  /** Begins a frame, in an empty buffer: an array whose length comes later, and its tag. */
  frameHead(tag: number): void {
    this.bytes[0] = 0xdd;
    this.bytes[FRAME_HEAD_BYTES - 1] = tag;
    this.at = FRAME_HEAD_BYTES;
  }

  /** Completes it, the tag counted. */
  frameLength(elements: number): void {
    this.view.setUint32(1, elements);
  }

  /** Bytes that are values already. */
  raw(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.copy(bytes);
  }

  uint(value: number): void {
    this.room(ROOM);
    this.number(value);
  }

  /** The head of an array. */
  /** The head of an array. */
  array(length: number): void {
    this.room(ROOM);
    if (length < 16) this.bytes[this.at++] = 0x90 | length;
    else this.head(0xdc, length);
  }

  text(text: string): void {
    const { length } = text;
    this.room((length < LONG_TEXT ? 3 * length : Buffer.byteLength(text)) + ROOM);
    if (length > SHORT_TEXT || !this.#ascii(text, length)) this.#utf8(text, length);
  }

  /** A binary. */
  binary(bytes: Uint8Array): void {
    const { length } = bytes;
    this.room(length + ROOM);
    if (length < 0x100) {
      this.bytes[this.at++] = 0xc4;
      this.bytes[this.at++] = length;
    } else {
      this.head(0xc5, length);
    }
    this.copy(bytes);
  }

  undefined(): void {
    this.bytes[this.at++] = 0xd4;
    this.bytes[this.at++] = EXTENSION_TYPES.undefined;
    this.bytes[this.at++] = 0;
  }

  number(value: number): void {
    const { bytes } = this;
    if (value >>> 0 === value) {
      if (value < 0x80) {
        if (value === 0 && 1 / value < 0) return this.double(value);
        bytes[this.at++] = value;
      } else if (value < 0x100) {
        bytes[this.at++] = 0xcc;
        bytes[this.at++] = value;
      } else if (value < 0x10000) {
        bytes[this.at++] = 0xcd;
        bytes[this.at++] = value >> 8;
        bytes[this.at++] = value;
      } else {
        bytes[this.at++] = 0xce;
        this.uint32(value);
      }
    } else if ((value | 0) === value) {
      if (value >= -0x20) {
        bytes[this.at++] = value;
      } else {
        bytes[this.at++] = 0xd2;
        this.uint32(value);
      }
    } else {
      this.double(value);
    }
  }

  double(value: number): void {
    this.bytes[this.at++] = 0xcb;
    this.float(value);
  }

  float(value: number): void {
    this.view.setFloat64(this.at, value);
    this.at += 8;
  }

  uint32(value: number): void {
    this.view.setUint32(this.at, value);
    this.at += 4;
  }

  /** The bytes as they are; there is room. */
  copy(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** The head of a container or a binary: `token` with a length of 16 bits, or the token behind it with one of 32. */
  head(token: number, length: number): void {
    if (length < 0x10000) {
      this.bytes[this.at] = token;
      this.view.setUint16(this.at + 1, length);
      this.at += 3;
    } else {
      this.bytes[this.at++] = token + 1;
      this.uint32(length);
    }
  }

  /** The head of an extension of up to 255 bytes. */
  head8(type: number, length: number): void {
    this.bytes[this.at++] = 0xc7;
    this.bytes[this.at++] = length;
    this.bytes[this.at++] = type;
  }

  /** The head of any extension. */
  head32(type: number, length: number): void {
    this.bytes[this.at++] = 0xc9;
    this.uint32(length);
    this.bytes[this.at++] = type;
  }

  /** Makes sure that `bytes` more fit. @throws {TooLarge} */
  room(bytes: number): void {
    if (this.at + bytes > this.bytes.length) this.#grow(bytes);
  }

  /** Whether it was ASCII, and is written. */
  #ascii(text: string, length: number): boolean {
    const { bytes } = this;
    let at = this.at + 1;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return false;
      bytes[at++] = unit;
    }
    bytes[this.at] = 0xa0 | length;
    this.at = at;
    return true;
  }

  #utf8(text: string, length: number): void {
    const { bytes, at } = this;
    const guess = textHeadBytes(length);
    const written = bytes.write(text, at + guess, "utf8");
    const head = textHeadBytes(written);
    if (head !== guess) bytes.copyWithin(at + head, at + guess, at + guess + written);
    if (head === 1) {
      bytes[at] = 0xa0 | written;
    } else if (head === 2) {
      bytes[at] = 0xd9;
      bytes[at + 1] = written;
    } else if (head === 3) {
      bytes[at] = 0xda;
      this.view.setUint16(at + 1, written);
    } else {
      bytes[at] = 0xdb;
      this.view.setUint32(at + 1, written);
    }
    this.at = at + head + written;
  }

  #grow(bytes: number): void {
    // A text asks for three times its characters, so a third of what is asked for will be written at least.
    if (this.at + bytes / 3 > this.limit + ROOM) throw new TooLarge();
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.at + bytes));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
    this.view = viewOf(grown);
  }
}

function textHeadBytes(length: number): number {
  if (length < 0x20) return 1;
  if (length < 0x100) return 2;
  return length < 0x10000 ? 3 : 5;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
