/** What a codec would enforce and the simulator, which hands objects over, must ask for: plain data, never changed later. */
import { findUnplain } from "../transport/index.ts";
import { Ref, type Envelope } from "../runtime/index.ts";
import type { Timeline } from "./timeline.ts";

export function requirePlain(envelope: Envelope, timeline: Timeline): void {
  const found = findUnplain(envelope.message, "message");
  if (found === undefined) return;
  timeline.fail("plain-messages", `To ${envelope.to.node}/${envelope.to.path}: ${found}, which no frame can carry`);
}

/** Freezes everything below `value` but bytes, which cannot be frozen, and refs, which belong to the kernel. */
export function freezeDeep(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  if (value instanceof Ref || value instanceof Uint8Array) return;
  Object.freeze(value);
  for (const below of Object.values(value)) freezeDeep(below);
}
