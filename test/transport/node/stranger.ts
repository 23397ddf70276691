/** A client that is no `WsRemoting`: can say anything, at any point of the conversation. */
import { connect, type Socket } from "node:net";
import { Packr } from "msgpackr";
import { WebSocket, type ClientOptions } from "ws";
import {
  greet,
  stepHandshake,
  toWire,
  type HandshakeFrame,
  type HandshakeSelf,
  type Identity,
} from "../../../transport/index.ts";
import { parseFrame } from "../../../transport/index.ts";
import { createHmacProver, freshNonce } from "../../../transport/node/hmac-prover.ts";
import { TOKEN } from "./ws-cluster.ts";

const packr = new Packr({ useRecords: false });

export interface StrangerOptions extends Partial<Identity> {
  readonly token?: string;
  /** The node it wants to talk to. */
  readonly dialed?: string;
  /** Default: version 1 alone, whose frames msgpackr can write. */
  readonly versions?: { readonly min: number; readonly max: number };
}

export class Stranger {
  readonly socket: WebSocket;
  /** How the node closed the connection. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #received: Uint8Array[] = [];
  readonly #waiting: ((bytes: Uint8Array) => void)[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#received.push(data);
      else next(data);
    });
  }

  /** A WebSocket that has said nothing yet. */
  static async open(port: number, options: ClientOptions = {}): Promise<Stranger> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, ...options });
    const stranger = new Stranger(socket);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return stranger;
  }

  /** A WebSocket that has gone through the handshake as far as the node lets it. */
  static async linked(port: number, options: StrangerOptions = {}): Promise<Stranger> {
    const stranger = await Stranger.open(port);
    await stranger.shakeHands(options);
    return stranger;
  }

  async shakeHands(options: StrangerOptions = {}): Promise<void> {
    const { cluster = "test", node = "n1", incarnation = "stranger", token = TOKEN, dialed = "n2" } = options;
    const self: HandshakeSelf = {
      identity: { cluster, node, incarnation },
      versions: options.versions ?? { min: 1, max: 1 },
      prover: createHmacProver(token),
      members: { has: () => true, linkedIncarnation: () => undefined },
    };
    let { state, send } = greet(self, dialed, freshNonce()) as Pick<ReturnType<typeof greet>, "state"> & {
      send: HandshakeFrame;
    };
    for (;;) {
      this.say(toWire(send));
      const reply = await Promise.race([this.next(), this.closed]);
      if (!(reply instanceof Uint8Array)) return;
      const parsed = parseFrame(packr.unpack(reply));
      if (!parsed.ok) throw new Error(parsed.refusal.detail);
      const step = stepHandshake(self, state, parsed.frame);
      if (step.type !== "continue") return;
      ({ state, send } = step);
    }
  }

  /** Sends a value as one frame. */
  say(value: unknown): void {
    this.socket.send(packr.pack(value));
  }

  next(): Promise<Uint8Array> {
    const received = this.#received.shift();
    if (received !== undefined) return Promise.resolve(received);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  end(): void {
    this.socket.terminate();
  }
}

/** Plain TCP: sends `bytes`, and resolves with everything that came back once the node has closed the connection. */
export function sayOverTcp(port: number, bytes: Uint8Array | string): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}
