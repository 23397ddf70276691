/**
 * The payload codec of a run: each payload is decoded once, and all replicas get the same frozen object.
 *
 * Replicas apply the whole log at every start; decoding it each time would take most of a run.
 */
import type { PayloadCodec } from "../../runtime/index.ts";
import { freezeDeep } from "./strict-message.ts";

export function decodeOnceCodec(codec: PayloadCodec): PayloadCodec {
  const decoded = new WeakMap<Uint8Array, unknown>();
  return {
    encode: (value) => codec.encode(value),
    decode: (bytes) => {
      const known = decoded.get(bytes);
      if (known !== undefined) return known;
      const value = codec.decode(bytes);
      freezeDeep(value);
      decoded.set(bytes, value);
      return value;
    },
  };
}
