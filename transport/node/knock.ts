/**
 * Tells a peer that dials this node that there is something to dial: one connection, one frame, and the peer's answer is a link.
 *
 * Of a pair only one node dials (`../dial-rule.ts`). After the other one was down for a while the dialer waits up to its longest
 * back-off, and a cluster that is restarted on a busy host waits with it, while leases run out. A knock is tried once and
 * nothing depends on it: a peer that is down dials when it comes up, and the back-off goes on as if there were no knocks.
 */
import { WebSocket } from "ws";
import { HANDSHAKE_BYTES_MAX, toWire, type Identity, type PeerAddress } from "../index.ts";
import { formatHost } from "./dialer.ts";
import { encodePlain } from "./msgpack-codec.ts";
import type { TransportTiming } from "./timing.ts";

export class Knocker {
  readonly #frame: Uint8Array;
  readonly #timing: TransportTiming;
  readonly #open = new Set<WebSocket>();

  constructor(identity: Identity, timing: TransportTiming) {
    const encoded = encodePlain(toWire({ type: "knock", identity }), "knock");
    if (!encoded.ok) throw new Error(`Bug: the knock is not plain data: ${encoded.detail}`);
    this.#frame = encoded.bytes;
    this.#timing = timing;
  }

  /** Does not wait and does not fail: whoever does not hear it is down, or will dial by itself. */
  knock({ host, port }: PeerAddress): void {
    const socket = new WebSocket(`ws://${formatHost(host)}:${port}/`, {
      perMessageDeflate: false,
      maxPayload: HANDSHAKE_BYTES_MAX,
      handshakeTimeout: this.#timing.handshakeMs,
    });
    this.#open.add(socket);
    socket.on("error", () => socket.terminate());
    socket.once("close", () => this.#open.delete(socket));
    socket.once("open", () => {
      socket.send(this.#frame);
      socket.close();
    });
  }

  close(): void {
    for (const socket of this.#open) socket.terminate();
  }
}
