/**
 * Whole values to bytes and back, for what is not part of a link's stream: greetings, and the payloads of the Raft log.
 * Plain data only (`PLAIN_RULES`), each encoding by itself.
 *
 * Maps decode to plain objects, integers of 64 bits to bigints, binaries to `Uint8Array` views on the given bytes.
 */
import type { PayloadCodec } from "../../runtime/ports/payload-codec.ts";
import { PLAIN_RULES } from "../index.ts";
import { Packer } from "./packer.ts";
import { Unpacker } from "./unpacker.ts";

export type Encoded =
  | { readonly ok: true; readonly bytes: Uint8Array }
  /** Where in the value is what cannot be encoded. */
  | { readonly ok: false; readonly detail: string };

export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly detail: string };

const packer = new Packer(PLAIN_RULES);
const unpacker = new Unpacker({ ...PLAIN_RULES, resolve: null });

/** `name` stands for the value in a refusal's detail. */
export function encodePlain(value: unknown, name: string): Encoded {
  const packed = packer.pack(value, name, Number.MAX_SAFE_INTEGER);
  return packed.ok ? { ok: true, bytes: new Uint8Array(packed.bytes) } : packed;
}

/** Never throws. */
export function decodePlain(bytes: Uint8Array): Decoded {
  try {
    return { ok: true, value: unpacker.value(bytes) };
  } catch (error) {
    return { ok: false, detail: (error as Error).message };
  }
}

/** The codec of the Raft log in production. Refs may not be in a log: their actors do not outlive the process. */
export const msgpackPayloadCodec: PayloadCodec = {
  encode(value: unknown): Uint8Array {
    const encoded = encodePlain(value, "payload");
    if (!encoded.ok) throw new TypeError(`Cannot encode: ${encoded.detail}`);
    return encoded.bytes;
  },
  decode(bytes: Uint8Array): unknown {
    const decoded = decodePlain(bytes);
    if (!decoded.ok) throw new TypeError(`Cannot decode ${bytes.length} bytes: ${decoded.detail}`);
    return decoded.value;
  },
};
