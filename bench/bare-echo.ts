/**
 * What lies below an ask between two processes: as many bytes there and back over bare ws, measured in the same rounds. Between idle
 * cores most of a round trip is the waking of the other process, which no code of ours makes shorter.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

/** About what the frame of a small ask has. */
const BYTES = 48;

export interface BareEcho {
  readonly port: number;
  close(): void;
}

/** Sends back whatever comes. */
export async function serveBareEcho(): Promise<BareEcho> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  await once(server, "listening");
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** The median of round trips one after another, in microseconds. */
export async function bareRoundTrips(port: number, count: number): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  await once(socket, "open");
  const timesUs: number[] = [];
  await new Promise<void>((done) => {
    const bytes = new Uint8Array(BYTES);
    let startMs = performance.now();
    socket.on("message", () => {
      timesUs.push((performance.now() - startMs) * 1000);
      if (timesUs.length === count) return done();
      startMs = performance.now();
      socket.send(bytes);
    });
    socket.send(bytes);
  });
  socket.close();
  await once(socket, "close");
  return timesUs.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? Number.NaN;
}
