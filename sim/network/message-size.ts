/**
 * About how many bytes a message takes on the wire; asked only while a line is narrow.
 *
 * MessagePack's sizes, without its finer points: what a narrow line does to a protocol hangs on entries and snapshots being large and votes being
 * small, not on single bytes.
 */
import { Ref } from "../../runtime/index.ts";

/** A frame's and a packet's headers, and the numbers of both paths. */
const ENVELOPE_BYTES = 70;
const NUMBER_BYTES = 5;
const HEAD_BYTES = 3;
/** A node and a path. */
const REF_BYTES = 40;

/** Deeper than any codec carries. */
const DEPTH_MAX = 64;

export function sizeOfMessage(message: unknown): number {
  return ENVELOPE_BYTES + sizeOf(message, 0);
}

function sizeOf(value: unknown, depth: number): number {
  if (typeof value === "string") return HEAD_BYTES + value.length;
  if (typeof value !== "object" || value === null || depth > DEPTH_MAX) return NUMBER_BYTES;
  if (ArrayBuffer.isView(value)) return HEAD_BYTES + value.byteLength;
  if (value instanceof Ref) return REF_BYTES;
  let bytes = HEAD_BYTES;
  if (value instanceof Map) {
    for (const [key, item] of value) bytes += sizeOf(key, depth + 1) + sizeOf(item, depth + 1);
  } else if (Array.isArray(value) || value instanceof Set) {
    for (const item of value) bytes += sizeOf(item, depth + 1);
  } else {
    for (const [key, field] of Object.entries(value)) bytes += 1 + key.length + sizeOf(field, depth + 1);
  }
  return bytes;
}
