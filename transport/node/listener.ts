/**
 * The door: an HTTP server that lets WebSockets through and refuses everything else with a reason, counted.
 *
 * What it keeps out before a byte is decoded: garbage on the port, plain HTTP, silence, web pages, and more connections than
 * a cluster of this size has.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { FRAME_BYTES_MAX, type Refusal } from "../index.ts";
import type { OpenSocket } from "./connection.ts";
import { formatHost } from "./dialer.ts";
import { TransportError } from "./transport-error.ts";
import type { TransportTiming } from "./timing.ts";

/** Connections beyond two a peer (the old one and its successor): strangers, scanners, monitoring. */
const STRANGERS_MAX = 64;

/** How often the HTTP server looks for connections that say nothing, as a share of their time. */
const SILENCE_CHECKS = 4;

export interface ListenerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly peers: number;
  readonly timing: TransportTiming;
  onOpen(open: OpenSocket): void;
  onRefused(refusal: Refusal, remote: string): void;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #http: Server;
  readonly #upgrader: WebSocketServer;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { handshakeMs } = options.timing;
    this.#http = createServer({
      headersTimeout: handshakeMs,
      requestTimeout: handshakeMs,
      connectionsCheckingInterval: Math.ceil(handshakeMs / SILENCE_CHECKS),
    });
    this.expectPeers(options.peers);
    this.#http.on("drop", (data) => {
      const remote = `${data?.remoteAddress ?? "?"}:${data?.remotePort ?? "?"}`;
      const detail = `${this.#http.maxConnections} are open`;
      options.onRefused({ code: "too-many-connections", detail }, remote);
    });
    this.#http.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#onClientError(error, socket));
    this.#http.on("request", (request, response) => {
      this.#refuse(request.socket, "not-websocket", `${request.method} without an upgrade`);
      response.writeHead(426, { connection: "close", upgrade: "websocket", "content-type": "text/plain" });
      response.end("This port is for the nodes of a Blixard cluster; the API has a port of its own.\n");
    });
    this.#http.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket, head));
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: FRAME_BYTES_MAX,
    });
    this.#upgrader.on("wsClientError", (error, socket) => {
      this.#refuse(socket, "not-websocket", error.message);
      answer(socket, "400 Bad Request");
    });
  }

  /** Makes room for so many peers. */
  expectPeers(count: number): void {
    this.#http.maxConnections = 2 * count + STRANGERS_MAX;
  }

  /** @throws {TransportError} `listen-port-in-use`, `listen-failed`. */
  listen(): Promise<{ readonly port: number }> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#http.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
      this.#http.listen({ host, port }, () => resolve({ port: (this.#http.address() as AddressInfo).port }));
    });
  }

  /** Resolves when the port is free and every connection that came through it has ended. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const { origin } = request.headers;
    if (origin !== undefined) {
      this.#refuse(socket, "from-browser", `the web page is of ${origin.slice(0, 100)}`);
      answer(socket, "403 Forbidden");
      return;
    }
    this.#upgrader.handleUpgrade(request, socket, head, (opened) => {
      this.#options.onOpen({ socket: opened, stream: request.socket, dialed: null });
    });
  }

  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
      this.#refuse(socket, "handshake-timeout", "no request came");
      answer(socket, "408 Request Timeout");
    } else if (error.code?.startsWith("HPE_") === true) {
      this.#refuse(socket, "not-websocket", error.message);
      answer(socket, "400 Bad Request");
    } else {
      socket.destroy();
    }
  }

  #refuse(socket: Duplex, code: Refusal["code"], detail: string): void {
    const { remoteAddress, remotePort } = socket as Socket;
    this.#options.onRefused({ code, detail }, `${remoteAddress ?? "?"}:${remotePort ?? "?"}`);
  }
}

function answer(socket: Duplex, status: string): void {
  if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
  else socket.destroy();
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): TransportError {
  const at = `${formatHost(host)}:${port}`;
  if (cause.code === "EADDRINUSE") {
    const hint = `Stop the process that has it ("ss -ltnp sport = :${port}" names it), or choose another port.`;
    return new TransportError("listen-port-in-use", {
      message: `Cannot listen on ${at}: the port is in use.`,
      hint,
      cause,
    });
  }
  const hint = "The address must be one of this host's, and a port below 1024 needs a privilege.";
  return new TransportError("listen-failed", { message: `Cannot listen on ${at}: ${cause.message}.`, hint, cause });
}
