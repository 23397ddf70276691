/**
 * Connections on which nothing was ever sent.
 *
 * Node.js does not count them as idle, so they would hold up a server that closes until its patience ends; fetch keeps
 * such a one ready after it dropped a stream.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";

export class SilentConnections {
  readonly #sockets = new Set<Socket>();

  constructor(server: Server) {
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  close(): void {
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }
}
