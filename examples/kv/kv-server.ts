/**
 * Serves clients over WebSockets: frames of requests in, batches for the machine actor out, and back.
 *
 *     frame ─▶ requests ─▶ one batch of each kind ─▶ machine actor ─▶ replies ─▶ gate actor ─▶ one frame for each client
 *
 * All that a turn answers to a client leaves in one frame. A client that does not read is cut off.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { WebSocketServer, type WebSocket } from "ws";
import type {
  MachineCommand,
  MachineReplies,
  MachineReply,
  MachineRequest,
} from "../../actors/raft/machine/machine-protocol.ts";
import { stateless, type ActorSystem, type Ref } from "../../runtime/index.ts";
import { msgpackPayloadCodec } from "../../transport/node/index.ts";
import { FRAME_BYTES_MAX, OUTCOMES, readRequests, REQUEST_KINDS } from "./kv-protocol.ts";
import type { KvStatus } from "./kv-status.ts";
import { RequestSlots } from "./request-slots.ts";

export interface KvServerOptions {
  readonly system: ActorSystem;
  readonly machine: Ref<MachineRequest>;
  /** Where a node serves clients. */
  addressOf(node: string): string | undefined;
  status(): Promise<KvStatus>;
}

/** What a request may take; past it a write is `unknown` and a read has failed. */
const REQUEST_MS = 5000;

/** A client that leaves so much unread is cut off. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

/** One client's connection, and the frame of replies that is open for it. */
interface Client {
  readonly socket: WebSocket;
  frame: unknown[];
}

export class KvServer {
  readonly #options: KvServerOptions;
  readonly #http: Server = createServer((_request, response) => {
    response.writeHead(426, { connection: "close", upgrade: "websocket" }).end();
  });
  readonly #sockets = new WebSocketServer({
    server: this.#http,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
  });
  readonly #gate: Ref<MachineReplies>;
  readonly #slots = new RequestSlots<Client>();
  readonly #dirty: Client[] = [];

  constructor(options: KvServerOptions) {
    this.#options = options;
    const gate = stateless<MachineReplies>("gate", ({ replies }) => {
      for (const reply of replies) this.#onReply(reply);
    });
    this.#gate = options.system.spawn(gate, { name: "gate", mailbox: { capacity: 100_000 } });
    this.#sockets.on("connection", (socket) => this.#onClient(socket));
  }

  async listen(host: string, port: number): Promise<{ readonly port: number }> {
    this.#http.listen({ host, port });
    await once(this.#http, "listening");
    return { port: (this.#http.address() as AddressInfo).port };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.close();
    await once(this.#http, "close");
  }

  #onClient(socket: WebSocket): void {
    const client: Client = { socket, frame: [] };
    socket.on("message", (frame: Buffer) => {
      try {
        this.#onFrame(client, frame);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        socket.close(1002, "not a frame of this protocol");
      }
    });
    socket.on("error", () => socket.terminate());
  }

  #onFrame(client: Client, frame: Uint8Array): void {
    const commands: MachineCommand[] = [];
    const reads: MachineCommand[] = [];
    const staleReads: MachineCommand[] = [];
    for (const { id, kind, bytes, session } of readRequests(frame, msgpackPayloadCodec)) {
      switch (kind) {
        case REQUEST_KINDS.write:
          commands.push({ id: this.#slots.take(client, id), bytes, ...(session && { session }) });
          break;
        case REQUEST_KINDS.read:
          reads.push({ id: this.#slots.take(client, id), bytes });
          break;
        case REQUEST_KINDS.staleRead:
          staleReads.push({ id: this.#slots.take(client, id), bytes });
          break;
        case REQUEST_KINDS.status:
          void this.#tellStatus(client, id);
          break;
        default:
          this.#reply(client, [id, OUTCOMES.refused, 0, text(`There is no request of kind ${kind}`)]);
      }
    }
    const { system, machine } = this.#options;
    const common = { timeoutMs: REQUEST_MS, replyTo: this.#gate };
    if (commands.length > 0) system.tell(machine, { type: "execute", commands, elsewhere: "refuse", ...common });
    if (reads.length > 0)
      system.tell(machine, { type: "query", queries: reads, consistency: "linearizable", ...common });
    if (staleReads.length > 0) {
      system.tell(machine, { type: "query", queries: staleReads, consistency: "stale", ...common });
    }
  }

  #onReply(reply: MachineReply): void {
    const request = this.#slots.give(reply.id);
    if (request === undefined) return;
    const { owner, id } = request;
    if (reply.ok) this.#reply(owner, [id, OUTCOMES.ok, reply.index, reply.bytes]);
    else this.#reply(owner, [id, ...this.#failureOf(reply)]);
  }

  #failureOf({
    code,
    leader,
    index,
  }: Extract<MachineReply, { readonly ok: false }>): readonly [number, number, Uint8Array] {
    switch (code) {
      case "unknown":
        return [OUTCOMES.unknown, index, NOTHING];
      case "not-leader":
      case "unavailable":
        return [OUTCOMES.notLeader, index, text((leader !== null && this.#options.addressOf(leader)) || "")];
      case "overloaded":
      case "read-only":
        return [OUTCOMES.overloaded, index, text(code)];
      default:
        return [OUTCOMES.refused, index, text(code)];
    }
  }

  async #tellStatus(client: Client, id: number): Promise<void> {
    const status = await this.#options.status();
    this.#reply(client, [id, OUTCOMES.ok, 0, text(JSON.stringify(status))]);
  }

  #reply(client: Client, elements: readonly unknown[]): void {
    if (client.frame.length === 0) {
      // The microtask runs behind the turns of all actors that had something to do.
      if (this.#dirty.length === 0) queueMicrotask(() => this.#flush());
      this.#dirty.push(client);
    }
    for (const element of elements) client.frame.push(element);
  }

  #flush(): void {
    for (const client of this.#dirty.splice(0)) {
      const { socket, frame } = client;
      client.frame = [];
      if (socket.readyState !== socket.OPEN) continue;
      if (socket.bufferedAmount > UNREAD_BYTES_MAX) socket.terminate();
      else socket.send(msgpackPayloadCodec.encode(frame));
    }
  }
}

function text(value: string): Uint8Array {
  return Buffer.from(value);
}
