/**
 * A payload codec that needs no platform: JSON with every non-ASCII character escaped, one byte a character.
 * The simulator uses it; Node.js uses MessagePack (`transport/node/`), which is faster and smaller.
 */
import type { PayloadCodec } from "./ports/payload-codec.ts";

const CHUNK = 8192;

/** Values as ASCII JSON; needs nothing of a platform. */
export const jsonCodec: PayloadCodec = {
  encode(value: unknown): Uint8Array {
    const text = JSON.stringify(value).replace(/[\u0080-\uffff]/g, escapeUnit);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  },
  decode(bytes: Uint8Array): unknown {
    let text = "";
    for (let at = 0; at < bytes.length; at += CHUNK) {
      // Spreading would iterate, which is four times slower; `apply` takes any array-like.
      text += Reflect.apply(String.fromCharCode, null, bytes.subarray(at, at + CHUNK));
    }
    return JSON.parse(text);
  },
};

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
