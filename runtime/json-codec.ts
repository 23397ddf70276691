/**
 * A payload codec that needs no platform: JSON with every non-ASCII character escaped, one byte a character.
 * The simulator uses it; Node.js uses MessagePack (`transport/node/`), which is faster and smaller.
 */
import type { PayloadCodec } from "./ports/payload-codec.ts";

const CHUNK = 8192;

/** Values as ASCII JSON; needs nothing of a platform. */
export const jsonCodec: PayloadCodec = {
  encode(value: unknown): Uint8Array {
    const text = JSON.stringify(value);
    return asciiOf(text) ?? (asciiOf(text.replace(/[\u0080-\uffff]/g, escapeUnit)) as Uint8Array);
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

/** Null where the text holds anything but ASCII, which is rare: then it is gone through once more. */
function asciiOf(text: string): Uint8Array | null {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return null;
    bytes[i] = unit;
  }
  return bytes;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
