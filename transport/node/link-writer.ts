/**
 * Envelopes of one link on their way out: into the frame of this turn, or, when large, into the queue of chunks.
 *
 *     add ─▶ packer ─┬─ small ──────────────▶ the open frame ─ full, or end of the turn ──▶ socket
 *                    └─ large, or behind one ▶ ChunkQueue ─ while the socket has room ────▶ socket
 *
 * There is no queue for a peer without a link: what it would have got is stale by the time it is back, and whoever needs
 * delivery repeats by itself. While the link is up and the peer slow, the newest is dropped: the older ones are on their
 * way already, and dropping from the middle would only turn delay into a gap.
 */
import { KERNEL_PATH, type Envelope, type EnvelopeDropReason } from "../../runtime/ports/remoting.ts";
import {
  ChunkQueue,
  EXTENDED_SINCE,
  findUnplain,
  FRAME_BYTES_MAX,
  FRAME_BYTES_TARGET,
  FRAME_TAGS,
  LARGE_BYTES,
  PathSlots,
  PLAIN_RULES,
  type HeldMessage,
  type PayloadRules,
  type Piece,
} from "../index.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import { packValue } from "./msgpack.ts";
import { Packer, type Packed } from "./packer.ts";

/**
 * What waits may not be more when another message comes: in the open frame and the socket together, and of large messages in
 * the queue of chunks, where small ones may wait behind one of the largest size on top. More is only delay.
 */
export const LINK_BYTES_MAX: number = 32 * 1024 * 1024;

/** Messages that wait behind large ones: bounds what small ones cost in objects. */
export const HELD_COUNT_MAX = 100_000;

/**
 * What kernels say may wait beyond that: they count on it, and it is what relieves a peer that is slow. It takes about 100 bytes;
 * past so many the peer reads nothing at all, and the link ends.
 */
const KERNEL_SPARE = { bytes: FRAME_BYTES_MAX + 4 * 1024 * 1024, count: 50_000 };
const NO_SPARE = { bytes: 0, count: 0 };

/** A message for a peer of version 1 must fit into one frame, beside its paths. */
const UNCHUNKED_BYTES_MAX: number = FRAME_BYTES_MAX - 8 * 1024;

/** Chunks go to the socket while less than this waits there, so that a small message is never far from the wire. */
const SOCKET_BYTES_TARGET: number = 4 * FRAME_BYTES_TARGET;

/** Frames below are copied into memory of their size, and the buffer stays; others take the buffer along. */
const COPIED_FRAME_BYTES = 32 * 1024;

/** Buffers of sent frames that wait to be used again: what is between this node and a busy peer at a time. */
const SPARES_MAX = 8;

/** What the link says of its socket. */
export interface FrameSink {
  /** Bytes that the socket has not written out yet. */
  readonly waitingBytes: number;
  /** `sent`: the bytes may be used for something else. */
  send(frame: Uint8Array, sent?: () => void): void;
}

export interface Drop {
  readonly reason: EnvelopeDropReason;
  readonly detail: string;
}

export interface LinkWriterOptions {
  readonly version: number;
  readonly packing: PayloadRules;
  readonly messageBytesMax: number;
}

/** The head of an array of three elements. */
const ARRAY_OF_3 = Uint8Array.of(0x93);

export class LinkWriter {
  readonly #sink: FrameSink;
  readonly #packer: Packer;
  readonly #packing: PayloadRules;
  readonly #isExtended: boolean;
  readonly #messageBytesMax: number;
  readonly #queue: ChunkQueue;
  readonly #to = new PathSlots();
  readonly #from = new PathSlots();
  readonly #frame = new FrameBuffer();
  readonly #spares: Buffer[] = [];
  /** Of the open frame. */
  #tag = 0;
  /** Array elements of the open frame, its tag counted; 0 when none is open. */
  #elements = 0;

  constructor(sink: FrameSink, { version, packing, messageBytesMax }: LinkWriterOptions) {
    this.#sink = sink;
    this.#isExtended = version >= EXTENDED_SINCE;
    this.#packing = packing;
    this.#packer = new Packer(this.#isExtended ? packing : PLAIN_RULES);
    this.#queue = new ChunkQueue(messageBytesMax);
    this.#messageBytesMax = this.#isExtended ? messageBytesMax : Math.min(messageBytesMax, UNCHUNKED_BYTES_MAX);
  }

  /** Takes an envelope for the next `flush`, or says why not. */
  add({ to, from, message, cause }: Envelope): Drop | undefined {
    const waiting = this.#frame.length + this.#sink.waitingBytes;
    const spare = from.path === KERNEL_PATH ? KERNEL_SPARE : NO_SPARE;
    if (waiting > LINK_BYTES_MAX + spare.bytes) return full(waiting);
    const packed = this.#packer.pack(message, "message", this.#messageBytesMax);
    if (!packed.ok) return this.#explain(packed, message);
    const { bytes } = packed;
    if (!this.#isExtended) return this.#addPlain(to.path, from.path, bytes);
    if (bytes.length > LARGE_BYTES || this.#queue.isHeld(to.path)) return this.#enqueue(to.path, from.path, bytes);
    this.#open(cause === undefined ? FRAME_TAGS.messages : FRAME_TAGS.traced);
    const frame = this.#frame;
    frame.add(bytes);
    this.#addPath(this.#to, to.path);
    this.#addPath(this.#from, from.path);
    this.#elements += 3;
    if (cause !== undefined) {
      frame.add(packValue(cause));
      this.#elements += 1;
    }
    if (frame.length >= FRAME_BYTES_TARGET) this.#close();
    return undefined;
  }

  /** Sends the open frame, and chunks as far as the socket has room; called at the end of a turn and when it has drained. */
  flush(): void {
    this.#close();
    while (this.#sink.waitingBytes < SOCKET_BYTES_TARGET) {
      const piece = this.#queue.next();
      if (piece === undefined) return;
      this.#sendPiece(piece);
    }
  }

  /** Gives back memory that a busy time has left; called now and then. */
  rest(): void {
    this.#spares.length = 0;
    if (this.#elements === 0 && this.#frame.capacity > COPIED_FRAME_BYTES) this.#frame.handOver();
  }

  /** As a peer of version 1 reads it: one frame, however large. */
  #addPlain(to: string, from: string, bytes: Uint8Array): undefined {
    const frame = this.#frame;
    if (frame.length + bytes.length > FRAME_BYTES_TARGET) this.#close();
    this.#open(FRAME_TAGS.envelopes);
    const message = Buffer.from(bytes);
    frame.add(ARRAY_OF_3);
    frame.add(packValue(to));
    frame.add(packValue(from));
    frame.add(message);
    this.#elements += 1;
    if (frame.length >= FRAME_BYTES_TARGET) this.#close();
  }

  #explain({ reason, detail }: Extract<Packed, { readonly ok: false }>, message: unknown): Drop {
    if (this.#isExtended) return { reason, detail };
    if (reason === "too-large") return { reason, detail: `${detail}, all that a peer of protocol version 1 takes` };
    const isForLater = findUnplain(message, "message", this.#packing) === undefined;
    return { reason, detail: isForLater ? `${detail}, which a peer of protocol version 1 cannot read` : detail };
  }

  #enqueue(to: string, from: string, bytes: Uint8Array): Drop | undefined {
    if (this.#isQueueFull(bytes.length > LARGE_BYTES, from)) return full(this.#queue.bytes);
    this.#queue.add({ to, from, bytes: Buffer.from(bytes) });
    return undefined;
  }

  #isQueueFull(isLarge: boolean, from: string): boolean {
    const { bytes, count } = this.#queue;
    if (isLarge) return bytes > LINK_BYTES_MAX || count >= HELD_COUNT_MAX;
    const spare = from === KERNEL_PATH ? KERNEL_SPARE : NO_SPARE;
    const bytesMax = LINK_BYTES_MAX + this.#messageBytesMax + spare.bytes;
    return bytes > bytesMax || count >= HELD_COUNT_MAX + spare.count;
  }

  #addPath(slots: PathSlots, path: string): void {
    const frame = this.#frame;
    const known = slots.slotOf(path);
    if (known !== undefined) return frame.addUint16(known);
    const slot = slots.define(path);
    frame.add(packValue(slot === undefined ? path : [slot, path]));
  }

  #open(tag: number): void {
    if (this.#elements > 0 && this.#tag === tag) return;
    this.#close();
    this.#frame.begin(tag);
    this.#elements = 1;
    this.#tag = tag;
  }

  /** Completes and sends the open frame. */
  #close(): void {
    const elements = this.#elements;
    if (elements === 0) return;
    this.#elements = 0;
    const frame = this.#frame.end(elements);
    if (frame.length <= COPIED_FRAME_BYTES) {
      this.#sink.send(Buffer.from(frame));
      return;
    }
    const next = this.#spares.pop() ?? Buffer.allocUnsafeSlow(this.#frame.capacity);
    const whole = this.#frame.handOver(next);
    this.#sink.send(frame, () => {
      if (this.#spares.length < SPARES_MAX && whole.length <= 4 * FRAME_BYTES_TARGET) this.#spares.push(whole);
    });
  }

  #sendPiece(piece: Piece): void {
    switch (piece.type) {
      case "large": {
        const { to, from, bytes } = piece.message;
        this.#sendFrame([FRAME_TAGS.large, piece.id, to, from, bytes.length]);
        break;
      }
      case "chunk":
        this.#sendFrame([FRAME_TAGS.chunk, piece.id, piece.bytes]);
        break;
      case "messages":
        this.#open(FRAME_TAGS.messages);
        this.#addHeld(piece.messages);
        this.#close();
        break;
      default:
        piece satisfies never;
    }
  }

  #sendFrame(frame: readonly unknown[]): void {
    this.#sink.send(Buffer.from(packValue(frame)));
  }

  #addHeld(messages: readonly HeldMessage[]): void {
    for (const { to, from, bytes } of messages) {
      this.#frame.add(bytes);
      this.#frame.add(packValue(to));
      this.#frame.add(packValue(from));
    }
    this.#elements += 3 * messages.length;
  }
}

function full(bytes: number): Drop {
  return { reason: "queue-full", detail: `${bytes} bytes wait for the node already` };
}
