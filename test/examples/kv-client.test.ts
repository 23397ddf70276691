import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { expect, onTestFinished, test, vi } from "vitest";
import { KvClient } from "../../examples/kv/kv-client.ts";

/** What RFC 6455, section 1.3, has a server add to the client's key. */
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Takes connections at once, as the kernel does for a process that is stopped, and shakes hands only when it is let. */
class StoppedNode {
  readonly #http: Server = createServer();
  readonly #waiting: (() => void)[] = [];
  /** Those that stand. */
  readonly connections: Set<Duplex> = new Set();

  static async start(): Promise<StoppedNode> {
    const node = new StoppedNode();
    node.#http.on("upgrade", ({ headers }, socket) => {
      node.#waiting.push(() => node.#shakeHands(socket, headers["sec-websocket-key"] ?? ""));
    });
    node.#http.listen(0, "127.0.0.1");
    await once(node.#http, "listening");
    onTestFinished(() => {
      for (const socket of node.connections) socket.destroy();
      node.#http.close();
    });
    return node;
  }

  get address(): string {
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** Connections that are kept waiting. */
  get dialled(): number {
    return this.#waiting.length;
  }

  goOn(): void {
    for (const shakeHands of this.#waiting.splice(0)) shakeHands();
  }

  #shakeHands(socket: Duplex, key: string): void {
    const accept = createHash("sha1").update(`${key}${MAGIC}`).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    this.connections.add(socket);
    socket
      .on("error", () => {})
      .once("end", () => socket.destroy())
      .once("close", () => this.connections.delete(socket));
    socket.resume().write([...head, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n"));
  }
}

test("KvClient closes a connection that comes after it was closed itself", async () => {
  const node = await StoppedNode.start();
  const client = new KvClient({ addresses: [node.address], timeoutMs: 30 });
  expect(await client.get("k")).toMatchObject({ ok: false, code: "unavailable" });
  expect(node.dialled).toBeGreaterThan(0);
  client.close();
  node.goOn();
  expect(node.connections.size).toBeGreaterThan(0);
  await vi.waitFor(() => expect(node.connections.size).toBe(0), { interval: 5 });
});

test("KvClient keeps one connection when several come late", async () => {
  const node = await StoppedNode.start();
  const client = new KvClient({ addresses: [node.address], timeoutMs: 30 });
  onTestFinished(() => client.close());
  await client.get("k");
  await client.get("k");
  expect(node.dialled).toBeGreaterThan(1);
  node.goOn();
  await vi.waitFor(() => expect(node.connections.size).toBe(1), { interval: 5 });
});
