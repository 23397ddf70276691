/**
 * What goes over a connection that carries a stream of a guest (a command, a file, the console), after HTTP's upgrade: frames.
 *
 *   type (1 byte)   length (4 bytes, big-endian)   payload
 *
 * Both sides of the port's streams map onto it one to one, credit included, so a node in between passes bytes on and holds no more than
 * the window, and a slow reader of output holds up neither a resize nor the next key. Why no WebSocket: docs/decisions/0026-guest-agent.md.
 */

/** Never given a new meaning. */
export const FRAME = {
  /** The first of the client: JSON, `StreamOpening`. */
  open: 1,
  /** Input. */
  in: 2,
  /** No more input. */
  finish: 3,
  /** JSON: so many bytes may be sent more. Both ways. */
  grant: 4,
  /** JSON: `TerminalSize`. */
  resize: 5,
  /** JSON: number of a signal. */
  signal: 6,
  cancel: 7,
  out: 8,
  err: 9,
  /** JSON: `{ sizeBytes, mode }`. */
  file: 10,
  /** JSON: `StreamEnd`. The last. */
  end: 11,
  /** Of the server, in silence: the connection lives. */
  beat: 12,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

export const UPGRADE_PROTOCOL = "blixard-stream";

const HEAD_BYTES = 5;
/** An opening with a long command line is the longest. */
const PAYLOAD_BYTES_MAX = 65_536;

export function frameOf(type: FrameType, payload: Uint8Array = new Uint8Array()): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(payload.length, 1);
  frame.set(payload, HEAD_BYTES);
  return frame;
}

export function jsonFrame(type: FrameType, value: unknown): Buffer {
  return frameOf(type, Buffer.from(JSON.stringify(value), "utf8"));
}

/** Cuts what arrives into frames. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws {RangeError} for a frame that is too long; what `onFrame` throws goes through, and nothing may be pushed after it. */
  push(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (data.length >= HEAD_BYTES) {
      const length = data.readUInt32BE(1);
      if (length > PAYLOAD_BYTES_MAX) throw new RangeError(`a frame of ${length} bytes`);
      if (data.length < HEAD_BYTES + length) break;
      const payload = data.subarray(HEAD_BYTES, HEAD_BYTES + length);
      const type = data.readUInt8(0);
      data = data.subarray(HEAD_BYTES + length);
      this.#onFrame({ type, payload });
    }
    // A copy, so that a short rest does not keep a large chunk alive.
    this.#rest = Buffer.from(data);
  }
}

/** The payload of a frame of JSON. @throws {SyntaxError} */
export function jsonOfFrame({ payload }: Frame): unknown {
  return JSON.parse(payload.toString("utf8"));
}
