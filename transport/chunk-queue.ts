/**
 * Large messages on their way out, cut into chunks, and the messages that have to stay behind them.
 *
 * One lane for each receiver that has a large message under way: what is sent to it meanwhile waits in its lane, so that what it
 * gets, and what a kernel says about it, keeps its order; everybody else's messages do not come here and pass between the
 * chunks. Lanes take turns, chunk by chunk. A pure queue: when a piece may go is decided by who asks for it.
 */
import { FRAME_BYTES_TARGET, LARGE_OPEN_MAX } from "./frame.ts";

/** An encoded message and its paths. */
export interface HeldMessage {
  readonly to: string;
  readonly from: string;
  readonly bytes: Uint8Array;
}

export type Piece =
  | { readonly type: "large"; readonly id: number; readonly message: HeldMessage }
  | { readonly type: "chunk"; readonly id: number; readonly bytes: Uint8Array }
  /** Messages that stood behind a large one, in order; about a frame of them at most. */
  | { readonly type: "messages"; readonly messages: readonly HeldMessage[] };

interface Lane {
  readonly to: string;
  readonly messages: HeldMessage[];
  /** The large message at the head, once it has begun. */
  open: { readonly id: number; sent: number } | null;
}

/** What is larger travels in chunks. */
export const LARGE_BYTES: number = FRAME_BYTES_TARGET;

export class ChunkQueue {
  readonly #lanes = new Map<string, Lane>();
  /** Those that take turns, the next one first: as many as a receiver takes large messages at a time. */
  readonly #active: Lane[] = [];
  readonly #waiting: Lane[] = [];
  #bytes = 0;
  #count = 0;
  #ids = 0;
  readonly #openBytesMax: number;
  /** Of the large messages whose lanes take turns, sent parts included: what the receiver sets aside for them. */
  #openBytes = 0;

  /** @param messageBytesMax of one message; a receiver takes twice as much at a time (reassembly.ts). */
  constructor(messageBytesMax: number) {
    this.#openBytesMax = 2 * messageBytesMax;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages that wait. */
  get count(): number {
    return this.#count;
  }

  /** Whether messages to `to` must wait here. */
  isHeld(to: string): boolean {
    return this.#count > 0 && this.#lanes.has(to);
  }

  /** A large message, or one to a receiver that is held. */
  add(message: HeldMessage): void {
    const { to } = message;
    const lane = this.#lanes.get(to);
    if (lane === undefined) this.#open({ to, messages: [message], open: null });
    else lane.messages.push(message);
    this.#bytes += message.bytes.length;
    this.#count += 1;
  }

  /** The next to be sent; undefined when nothing waits. */
  next(): Piece | undefined {
    this.#activate();
    const lane = this.#active.shift();
    if (lane === undefined) return undefined;
    const piece = this.#pieceOf(lane);
    if (lane.messages.length === 0) this.#lanes.delete(lane.to);
    // Between two of its messages it lets others begin.
    else if (lane.open === null) this.#waiting.push(lane);
    else this.#active.push(lane);
    return piece;
  }

  #activate(): void {
    while (this.#active.length < LARGE_OPEN_MAX && this.#waiting.length > 0) {
      const lane = this.#waiting[0] as Lane;
      const openBytes = this.#openBytes + largeBytesOf(lane.messages[0]);
      if (openBytes > this.#openBytesMax && this.#active.length > 0) return;
      this.#openBytes = openBytes;
      this.#active.push(lane);
      this.#waiting.shift();
    }
  }

  #open(lane: Lane): void {
    this.#lanes.set(lane.to, lane);
    this.#waiting.push(lane);
  }

  #pieceOf(lane: Lane): Piece {
    const head = lane.messages[0] as HeldMessage;
    if (head.bytes.length <= LARGE_BYTES) return { type: "messages", messages: this.#takeSmall(lane) };
    if (lane.open === null) {
      this.#ids += 1;
      lane.open = { id: this.#ids, sent: 0 };
      return { type: "large", id: this.#ids, message: head };
    }
    const { id, sent } = lane.open;
    const bytes = head.bytes.subarray(sent, sent + LARGE_BYTES);
    lane.open.sent += bytes.length;
    this.#bytes -= bytes.length;
    if (lane.open.sent === head.bytes.length) {
      lane.open = null;
      lane.messages.shift();
      this.#openBytes -= head.bytes.length;
      this.#count -= 1;
    }
    return { type: "chunk", id, bytes };
  }

  #takeSmall(lane: Lane): HeldMessage[] {
    let bytes = 0;
    let frameBytes = 0;
    let count = 0;
    for (const message of lane.messages) {
      if (message.bytes.length > LARGE_BYTES || frameBytes >= LARGE_BYTES) break;
      bytes += message.bytes.length;
      frameBytes += message.bytes.length + pathBytes(message.to) + pathBytes(message.from);
      count += 1;
    }
    this.#bytes -= bytes;
    this.#count -= count;
    return lane.messages.splice(0, count);
  }
}

function largeBytesOf(message: HeldMessage | undefined): number {
  return message !== undefined && message.bytes.length > LARGE_BYTES ? message.bytes.length : 0;
}

/** At most: its characters in UTF-8, and their count. */
function pathBytes(path: string): number {
  return 3 * path.length + 3;
}
