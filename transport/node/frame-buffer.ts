/** The frame that is open: an array whose elements have been packed one by one, in one growing buffer. */
import { FRAME_HEAD_BYTES } from "../index.ts";

const INITIAL_BYTES = 1024;

export class FrameBuffer {
  /** Of the open frame; 0 when none is open. */
  length = 0;
  #bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);

  /** What is set aside. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** An array whose length comes later, and its tag. */
  begin(tag: number): void {
    this.#bytes[0] = 0xdd;
    this.#bytes[FRAME_HEAD_BYTES - 1] = tag;
    this.length = FRAME_HEAD_BYTES;
  }

  /** Bytes that are values. */
  add(values: Uint8Array): void {
    const { length } = this;
    this.#room(values.length);
    this.#bytes.set(values, length);
    this.length = length + values.length;
  }

  /** A number below 65,536. */
  addUint16(value: number): void {
    this.#room(3);
    const bytes = this.#bytes;
    bytes[this.length++] = 0xcd;
    bytes[this.length++] = value >>> 8;
    bytes[this.length++] = value;
  }

  /** Completes the frame, its tag counted among its elements. The bytes are there until the next one. */
  end(elements: number): Buffer {
    this.#bytes.writeUInt32BE(elements, 1);
    const frame = this.#bytes.subarray(0, this.length);
    this.length = 0;
    return frame;
  }

  /** Gives its memory away, and goes on with `next`; nothing may be open. */
  handOver(next: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)): Buffer {
    const bytes = this.#bytes;
    this.#bytes = next;
    return bytes;
  }

  #room(more: number): void {
    const wanted = this.length + more;
    if (wanted <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, wanted));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }
}
