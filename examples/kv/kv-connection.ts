/**
 * One connection of a client to one node: requests made in one turn leave in one frame, answers come as calls, not as promises, so
 * that a client can keep thousands under way. `KvClient` finds the leader and waits; this does neither.
 */
import { WebSocket } from "ws";
import type { SessionUse } from "../../actors/raft/sessions/session-table.ts";
import { msgpackPayloadCodec } from "../../transport/node/index.ts";
import { FRAME_BYTES_MAX, OUTCOMES, readReplies, type KvReply } from "./kv-protocol.ts";

/** Told once for each request. */
export type KvAnswer = (reply: KvReply) => void;

const LOST: KvReply = { outcome: OUTCOMES.unknown, index: 0, bytes: new Uint8Array(0) };

export class KvConnection {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, KvAnswer>();
  readonly #onClose: () => void;
  #frame: unknown[] = [];
  #ids = 0;
  #closed = false;

  /** @param url `ws://HOST:PORT`. Rejects with the socket's error when there is nobody. */
  static open(url: string, onClose: () => void = () => {}): Promise<KvConnection> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, {
        perMessageDeflate: false,
        maxPayload: FRAME_BYTES_MAX,
        // A mask of zeros: masks guard proxies from web pages, and cost a pass over all bytes at both ends.
        generateMask: (mask) => mask.fill(0),
      });
      socket.once("error", reject);
      socket.once("open", () => {
        socket.off("error", reject);
        resolve(new KvConnection(socket, onClose));
      });
    });
  }

  private constructor(socket: WebSocket, onClose: () => void) {
    this.#socket = socket;
    this.#onClose = onClose;
    socket.on("message", (frame: Buffer) => this.#onFrame(frame));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => this.#end());
  }

  /** Requests that are not answered. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Sends a request with this turn's frame. When the connection ends before the answer comes, the outcome is `unknown`. */
  send(kind: number, bytes: Uint8Array, answer: KvAnswer, session: SessionUse | null = null): void {
    if (this.#closed) {
      queueMicrotask(() => answer(LOST));
      return;
    }
    const id = this.#ids;
    this.#ids = (id + 1) >>> 0;
    this.#waiting.set(id, answer);
    if (this.#frame.length === 0) queueMicrotask(() => this.#flush());
    this.#frame.push(id, kind, bytes, session === null ? null : [session.session, session.sequence, session.after]);
  }

  close(): void {
    this.#socket.terminate();
    this.#end();
  }

  #flush(): void {
    const frame = this.#frame;
    this.#frame = [];
    if (!this.#closed) this.#socket.send(msgpackPayloadCodec.encode(frame));
  }

  #onFrame(frame: Buffer): void {
    try {
      readReplies(frame, msgpackPayloadCodec, (id, reply) => {
        const answer = this.#waiting.get(id);
        this.#waiting.delete(id);
        answer?.(reply);
      });
    } catch {
      this.#socket.terminate();
    }
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const answer of waiting) answer(LOST);
    this.#onClose();
  }
}
