/**
 * One WebSocket from its opening to its end: handshake, frames in and out, heartbeat. Neighbours: `Dialer` and `Listener`
 * open them, `WsRemoting` owns them.
 *
 * From the moment it is closed, whoever closed it, nothing that still arrives is looked at and `onClosed` has been called.
 */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Clock, TimerHandle } from "../../runtime/ports/clock.ts";
import type { Envelope } from "../../runtime/ports/remoting.ts";
import {
  awaitHello,
  CLOSE_REPLACED,
  CLOSE_SHUTDOWN,
  closeCodeOf,
  greet,
  HANDSHAKE_BYTES_MAX,
  isWireRefusal,
  parseFrame,
  refusalOfCloseCode,
  stepHandshake,
  toWire,
  type HandshakeFrame,
  type HandshakeSelf,
  type HandshakeState,
  type Identity,
  type PayloadRules,
  type Refusal,
  type RefusalCode,
  type TransportCounters,
} from "../index.ts";
import { freshNonce } from "./hmac-prover.ts";
import { LinkReader, type Received } from "./link-reader.ts";
import { LinkWriter, type Drop, type FrameSink } from "./link-writer.ts";
import { decodePlain, encodePlain } from "./msgpack-codec.ts";
import type { UnpackerOptions } from "./unpacker.ts";
import type { TransportTiming } from "./timing.ts";

/** What all connections of one node share. */
export interface ConnectionWorld {
  readonly self: HandshakeSelf;
  readonly clock: Clock;
  readonly timing: TransportTiming;
  readonly counters: TransportCounters;
  readonly packing: PayloadRules;
  readonly unpacking: UnpackerOptions;
  readonly messageBytesMax: number;
  onLinked(connection: Connection, peer: Identity): void;
  onReceived(received: Received): void;
  /** A peer that this node dials listens again. */
  onKnock(peer: string): void;
  /** Called once, after which nothing else is. */
  onClosed(connection: Connection, end: ConnectionEnd): void;
}

export type ConnectionEnd =
  | { readonly type: "refused"; readonly refusal: Refusal }
  | { readonly type: "refused-by-peer"; readonly code: RefusalCode }
  | { readonly type: "silent" }
  | { readonly type: "replaced" }
  | { readonly type: "shutdown" }
  /** The peer has knocked, which was all it wanted. */
  | { readonly type: "knocked" }
  /** It takes no more, not even what kernels say. */
  | { readonly type: "congested" }
  /** The other side ended it, or the network did. */
  | { readonly type: "lost"; readonly detail: string };

export interface OpenSocket {
  readonly socket: WebSocket;
  /** The TCP connection below. */
  readonly stream: Socket;
  /** The peer that this side dialed; null when it was accepted. */
  readonly dialed: string | null;
}

/** What a connection has once it is a link. */
interface Link {
  readonly reader: LinkReader;
  readonly writer: LinkWriter;
}

export class Connection implements FrameSink {
  readonly dialed: string | null;
  readonly remote: string;
  /** Set once the peer has proven who it is. */
  peer: Identity | null = null;
  /** The protocol version of the link; 0 before it is one. */
  version = 0;
  /** Resolves when the socket is gone: some time after `onClosed`. */
  readonly gone: Promise<void>;
  readonly #world: ConnectionWorld;
  readonly #socket: WebSocket;
  readonly #stream: Socket;
  #link: Link | null = null;
  /** A flush is due at the end of this turn. */
  #flushing = false;
  readonly #bytesBefore: number;
  #handshake: HandshakeState;
  #closed = false;
  #timer: TimerHandle;
  #bytesSeen = 0;
  #silentTicks = 0;

  constructor(world: ConnectionWorld, { socket, stream, dialed }: OpenSocket) {
    this.#world = world;
    this.#socket = socket;
    this.#stream = stream;
    this.#bytesBefore = stream.bytesRead;
    this.dialed = dialed;
    this.remote = `${stream.remoteAddress ?? "?"}:${stream.remotePort ?? "?"}`;
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#onMessage(data, isBinary));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#onError(error));
    this.gone = new Promise((resolve) => {
      socket.on("close", (code: number) => {
        this.#onClose(code);
        resolve();
      });
    });
    // Behind the WebSocket's own listener, so that a chunk whose frames complete the handshake has done so by now.
    stream.on("data", () => this.#checkHandshakeBytes());
    this.#timer = world.clock.setTimer(world.timing.handshakeMs, () => {
      this.#refuse("handshake-timeout", `no link within ${world.timing.handshakeMs} ms`);
    });
    if (dialed === null) {
      this.#handshake = awaitHello(freshNonce());
      return;
    }
    const { state, send } = greet(world.self, dialed, freshNonce());
    this.#handshake = state;
    this.#sendHandshake(send);
  }

  /** Bytes that the socket has not written out yet. */
  get waitingBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Takes an envelope for the end of this turn at the latest, or says why not. Only when linked. */
  tell(envelope: Envelope): Drop | undefined {
    if (!this.#flushing) {
      this.#flushing = true;
      // A microtask runs when the macrotask that sends has finished: its envelopes share frames and none waits longer.
      queueMicrotask(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
    return (this.#link as Link).writer.add(envelope);
  }

  /** Sends one frame; `sent` is called when its bytes are no longer needed, and not at all when the connection ends. */
  send(frame: Uint8Array, sent?: () => void): void {
    this.#world.counters.framesSent += 1;
    this.#world.counters.bytesSent += frame.length;
    if (sent === undefined) this.#socket.send(frame);
    else this.#socket.send(frame, (error) => error ?? sent());
  }

  /** Asks for a sign of life now: where the peer's process is a new one, its host answers that it knows no such connection. */
  probe(): void {
    if (!this.#closed) this.#socket.ping();
  }

  /** Cuts it off: the peer has not read for too long to hear why. */
  giveUp(): void {
    this.#end({ type: "congested" }, null);
  }

  close(end: "replaced" | "shutdown"): void {
    this.#end({ type: end }, end === "replaced" ? CLOSE_REPLACED : CLOSE_SHUTDOWN);
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#closed) return;
    const { counters } = this.#world;
    counters.framesReceived += 1;
    counters.bytesReceived += data.length;
    if (!isBinary) return this.#refuse("text-frame", "frames are binary");
    if (this.#link === null) return this.#onGreeting(data);
    const read = this.#link.reader.read(data);
    if (!read.ok) return this.#refuse(read.refusal.code, read.refusal.detail);
    this.#world.onReceived(read.received);
  }

  #onGreeting(data: Buffer): void {
    const decoded = decodePlain(data);
    if (!decoded.ok) return this.#refuse("malformed-frame", decoded.detail);
    const parsed = parseFrame(decoded.value);
    if (!parsed.ok) return this.#refuse(parsed.refusal.code, parsed.refusal.detail);
    this.#stepHandshake(parsed.frame);
  }

  #stepHandshake(frame: HandshakeFrame): void {
    const step = stepHandshake(this.#world.self, this.#handshake, frame);
    if (step.type === "refused") return this.#refuse(step.refusal.code, step.refusal.detail);
    if (step.type === "knocked") {
      this.#world.onKnock(step.node);
      return this.#end({ type: "knocked" }, CLOSE_SHUTDOWN);
    }
    if (step.send !== null) this.#sendHandshake(step.send);
    if (step.type === "continue") {
      this.#handshake = step.state;
      return;
    }
    this.peer = step.peer;
    this.version = step.version;
    this.#link = this.#createLink(step.peer.node, step.version);
    this.#stream.on("drain", () => this.#flush());
    this.#world.clock.clearTimer(this.#timer);
    this.#scheduleHeartbeat();
    this.#world.onLinked(this, step.peer);
  }

  #createLink(peer: string, version: number): Link {
    const { self, packing, unpacking, messageBytesMax } = this.#world;
    return {
      reader: new LinkReader({ from: peer, to: self.identity.node, unpacking, messageBytesMax }),
      writer: new LinkWriter(this, { version, packing, messageBytesMax }),
    };
  }

  #sendHandshake(frame: HandshakeFrame): void {
    const encoded = encodePlain(toWire(frame), frame.type);
    if (!encoded.ok) throw new Error(`Bug: handshake frame ${frame.type} is not plain data: ${encoded.detail}`);
    this.send(encoded.bytes);
  }

  #flush(): void {
    if (!this.#closed) this.#link?.writer.flush();
  }

  #checkHandshakeBytes(): void {
    if (this.peer !== null || this.#closed) return;
    const bytes = this.#stream.bytesRead - this.#bytesBefore;
    if (bytes <= HANDSHAKE_BYTES_MAX) return;
    this.#refuse("handshake-too-large", `${bytes} bytes without a link, at most ${HANDSHAKE_BYTES_MAX} are taken`);
  }

  #scheduleHeartbeat(): void {
    const { clock, timing } = this.#world;
    this.#timer = clock.setTimer(timing.heartbeatMs, () => this.#heartbeat());
  }

  #heartbeat(): void {
    // Bytes rather than pongs: while a large frame is on its way, no pong can come between its parts.
    const bytes = this.#stream.bytesRead;
    this.#silentTicks = bytes === this.#bytesSeen ? this.#silentTicks + 1 : 0;
    this.#bytesSeen = bytes;
    if (this.#silentTicks >= this.#world.timing.silentTicksMax) {
      this.#end({ type: "silent" }, null);
      return;
    }
    this.#link?.writer.rest();
    this.#socket.ping();
    this.#scheduleHeartbeat();
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") this.#refuse("frame-too-large", error.message);
    else if (error.code?.startsWith("WS_ERR_") === true) this.#refuse("bad-websocket", error.message);
    else this.#end({ type: "lost", detail: error.message }, null);
  }

  #onClose(closeCode: number): void {
    const code = refusalOfCloseCode(closeCode);
    const detail = `closed by the peer (${closeCode})`;
    this.#end(code === undefined ? { type: "lost", detail } : { type: "refused-by-peer", code }, null);
    this.#world.clock.clearTimer(this.#timer);
  }

  #refuse(code: RefusalCode, detail: string): void {
    const closeCode = isWireRefusal(code) ? closeCodeOf(code) : null;
    this.#end({ type: "refused", refusal: { code, detail } }, closeCode);
  }

  /** `closeCode`: what to tell the peer, or null to cut the connection. */
  #end(end: ConnectionEnd, closeCode: number | null): void {
    if (this.#closed) return;
    this.#closed = true;
    const { clock, timing } = this.#world;
    clock.clearTimer(this.#timer);
    if (closeCode === null) {
      this.#socket.terminate();
    } else {
      this.#socket.close(closeCode, reasonOf(end));
      this.#timer = clock.setTimer(timing.closeMs, () => this.#socket.terminate());
    }
    this.#world.onClosed(this, end);
  }
}

/** Goes into the close frame, which takes 123 bytes; the detail stays in this node's log. */
function reasonOf(end: ConnectionEnd): string {
  return end.type === "refused" ? end.refusal.code : end.type;
}
