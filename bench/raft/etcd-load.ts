/**
 * The load's connection to etcd: its gRPC API over as much of HTTP/2 as that takes, written by hand. `node:http2` takes about 40 µs of
 * a core for each stream, which on two cores would be taken from etcd; this takes about 3.
 *
 * Headers go out as literals and are not read when they come: an answer counts when it brought a message, which an error never
 * does. Sources: RFC 9113, RFC 7541, gRPC over HTTP/2, etcd's `rpc.proto` and `kv.proto`.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { LoadConnection } from "./load.ts";

const FRAMES = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const FRAME_HEAD_BYTES = 9;
const GRPC_HEAD_BYTES = 5;
const INITIAL_WINDOW_SETTING = 4;
const WINDOW_BYTES = 1 << 30;
const WINDOW_INITIAL_BYTES = 65_535;

/** Of a message of etcd: the header, and behind it whether there was something. */
const RANGE_KVS_FIELD = 2;

interface Pending {
  readonly isRead: boolean;
  readonly done: (ok: boolean) => void;
  ok: boolean;
}

export async function openEtcd(address: string): Promise<LoadConnection> {
  const [host = "", port = ""] = address.split(":");
  const socket = connect({ host, port: Number(port), noDelay: true });
  await once(socket, "connect");
  return new EtcdConnection(socket, address);
}

class EtcdConnection implements LoadConnection {
  readonly #socket: Socket;
  readonly #put: Buffer;
  readonly #range: Buffer;
  readonly #pending = new Map<number, Pending>();
  #stream = 1;
  #sendWindow = WINDOW_INITIAL_BYTES;
  #received = 0;
  #out: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.#put = headerBlock("/etcdserverpb.KV/Put", address);
    this.#range = headerBlock("/etcdserverpb.KV/Range", address);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("close", () => this.#onClose());
    socket.on("error", () => socket.destroy());
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(INITIAL_WINDOW_SETTING);
    settings.writeUInt32BE(WINDOW_BYTES, 2);
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    this.#send(FRAMES.settings, 0, 0, settings);
    this.#send(FRAMES.windowUpdate, 0, 0, uint32(WINDOW_BYTES));
  }

  put(key: string, value: string, done: (ok: boolean) => void): void {
    this.#request(this.#put, Buffer.concat([field(1, key), field(2, value)]), { isRead: false, done, ok: false });
  }

  get(key: string, done: (ok: boolean) => void): void {
    this.#request(this.#range, field(1, key), { isRead: true, done, ok: false });
  }

  close(): void {
    this.#socket.destroy();
  }

  #request(headers: Buffer, message: Buffer, pending: Pending): void {
    const stream = this.#stream;
    this.#stream += 2;
    this.#pending.set(stream, pending);
    const body = Buffer.allocUnsafe(GRPC_HEAD_BYTES + message.length);
    body[0] = 0;
    body.writeUInt32BE(message.length, 1);
    message.copy(body, GRPC_HEAD_BYTES);
    this.#sendWindow -= body.length;
    // Closed-loop clients have less under way than the window that every server begins with.
    if (this.#sendWindow < 0) throw new Error("The server's window is used up: open more connections");
    this.#send(FRAMES.headers, END_HEADERS, stream, headers);
    this.#send(FRAMES.data, END_STREAM, stream, body);
  }

  #send(type: number, flags: number, stream: number, payload: Buffer): void {
    if (this.#out.length === 0) queueMicrotask(() => this.#flush());
    const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    this.#out.push(head, payload);
  }

  #flush(): void {
    this.#socket.write(Buffer.concat(this.#out));
    this.#out = [];
  }

  #onData(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const stream = bytes.readUInt32BE(at + 5);
      this.#onFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, stream, bytes.subarray(at + FRAME_HEAD_BYTES, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  #onFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    switch (type) {
      case FRAMES.data:
        this.#onMessage(stream, payload);
        if ((flags & END_STREAM) !== 0) this.#end(stream);
        return;
      case FRAMES.headers:
        if ((flags & END_STREAM) !== 0) this.#end(stream);
        return;
      case FRAMES.reset:
        return this.#end(stream);
      case FRAMES.settings:
        if ((flags & ACK) === 0) this.#send(FRAMES.settings, ACK, 0, Buffer.alloc(0));
        return;
      case FRAMES.ping:
        if ((flags & ACK) === 0) this.#send(FRAMES.ping, ACK, 0, Buffer.from(payload));
        return;
      case FRAMES.windowUpdate:
        if (stream === 0) this.#sendWindow += payload.readUInt32BE(0);
        return;
      case FRAMES.goAway:
        this.#socket.destroy();
        return;
      default:
        return;
    }
  }

  #onMessage(stream: number, payload: Buffer): void {
    this.#received += payload.length;
    if (this.#received > WINDOW_BYTES / 2) {
      this.#send(FRAMES.windowUpdate, 0, 0, uint32(this.#received));
      this.#received = 0;
    }
    const pending = this.#pending.get(stream);
    if (pending === undefined || payload.length <= GRPC_HEAD_BYTES) return;
    pending.ok = !pending.isRead || hasField(payload.subarray(GRPC_HEAD_BYTES), RANGE_KVS_FIELD);
  }

  #end(stream: number): void {
    const pending = this.#pending.get(stream);
    this.#pending.delete(stream);
    pending?.done(pending.ok);
  }

  #onClose(): void {
    const left = [...this.#pending.values()];
    this.#pending.clear();
    for (const { done } of left) done(false);
  }
}

/** A field of bytes in a protobuf message. */
function field(number: number, text: string): Buffer {
  const head = [(number << 3) | 2];
  for (let rest = text.length; ; rest >>>= 7) {
    head.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from(head), Buffer.from(text, "latin1")]);
}

/** Whether a protobuf message has a field of bytes of that number at its top. */
function hasField(message: Buffer, number: number): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    if (tag >>> 3 === number) return true;
    const value = varint();
    if ((tag & 7) === 2) at += value;
  }
  return false;
}

/** HPACK: indexed method and scheme, the rest as literals that are not indexed. */
function headerBlock(path: string, authority: string): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x04]),
    text(path),
    Buffer.from([0x01]),
    text(authority),
    Buffer.from([0x0f, 0x10]),
    text("application/grpc"),
    Buffer.from([0x00]),
    text("te"),
    text("trailers"),
  ]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
