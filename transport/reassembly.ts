/**
 * Large messages on their way in: chunks become one message again, in memory that is bounded a link.
 *
 * A message that is over this node's limit, or would be too much beside the others, is read over and lost by itself; more of
 * them side by side than the protocol allows, or chunks that do not fit, are a peer that does not speak it. Half a message
 * goes with the link that it came on.
 */
import { LARGE_OPEN_MAX } from "./frame.ts";
import type { Address } from "../runtime/ports/address.ts";

export interface LargeMessage {
  readonly id: number;
  readonly to: Address;
  readonly from: Address;
  readonly length: number;
}

interface Assembly extends LargeMessage {
  /** Null when it is only read over. */
  readonly bytes: Uint8Array | null;
  received: number;
}

export type Assembled =
  | { readonly type: "incomplete" }
  | { readonly type: "complete"; readonly message: LargeMessage; readonly bytes: Uint8Array }
  /** It was read over, and this was its end. */
  | { readonly type: "too-large"; readonly message: LargeMessage; readonly detail: string }
  | { readonly type: "malformed"; readonly detail: string };

const INCOMPLETE: Assembled = { type: "incomplete" };

export class Reassembly {
  readonly #bytesMax: number;
  readonly #assemblies = new Map<number, Assembly>();
  #bytes = 0;

  /** @param bytesMax of one message; of all that are under way, twice as much. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What is wrong with the announcement, or undefined. */
  begin(message: LargeMessage): string | undefined {
    if (this.#assemblies.has(message.id)) return `large message ${message.id} began twice`;
    if (this.#assemblies.size === LARGE_OPEN_MAX) return `more than ${LARGE_OPEN_MAX} large messages at a time`;
    if (message.length === 0) return `large message ${message.id} is empty`;
    const fits = message.length <= this.#bytesMax && this.#bytes + message.length <= 2 * this.#bytesMax;
    if (fits) this.#bytes += message.length;
    this.#assemblies.set(message.id, { ...message, bytes: fits ? new Uint8Array(message.length) : null, received: 0 });
    return undefined;
  }

  add(id: number, chunk: Uint8Array): Assembled {
    const assembly = this.#assemblies.get(id);
    if (assembly === undefined)
      return { type: "malformed", detail: `a chunk of large message ${id}, which never began` };
    const { bytes, length } = assembly;
    if (chunk.length === 0 || assembly.received + chunk.length > length) {
      return { type: "malformed", detail: `a chunk that does not fit into large message ${id}` };
    }
    bytes?.set(chunk, assembly.received);
    assembly.received += chunk.length;
    if (assembly.received < length) return INCOMPLETE;
    this.#assemblies.delete(id);
    if (bytes === null) return { type: "too-large", message: assembly, detail: this.#describe(length) };
    this.#bytes -= length;
    return { type: "complete", message: assembly, bytes };
  }

  #describe(length: number): string {
    if (length > this.#bytesMax) return `it has ${length} bytes, this node takes ${this.#bytesMax} at most`;
    return `it has ${length} bytes, too many beside the other large messages of this link`;
  }
}
