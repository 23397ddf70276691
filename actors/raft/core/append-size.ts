/**
 * Whether an append is of a size that a leader sends. Members should have equal limits; while they are being changed one may get
 * more than it would send itself, but not many times as much: that would fill memory before anything looked at it.
 */
import type { AppendRequest } from "./messages.ts";
import type { RaftLimits } from "./raft-options.ts";

const LIMITS_DIFFER_MAX = 4;

export function isTooLarge({ entries }: AppendRequest, limits: RaftLimits): boolean {
  if (entries.length > limits.entriesPerMessageMax * LIMITS_DIFFER_MAX) return true;
  const bytesMax = Math.max(limits.bytesPerMessageMax, limits.payloadBytesMax) * LIMITS_DIFFER_MAX;
  let bytes = 0;
  for (let at = 0; at < entries.length; at++) bytes += entries[at]?.payload.length ?? 0;
  return bytes > bytesMax;
}
