/**
 * Whether an append can come from a leader at all. A member that is broken or hostile could send anything; what no leader sends
 * is refused before it touches the log, and counted.
 *
 * Members should have equal limits; while they are being changed one may get more than it would send itself, but not many times
 * as much: that would fill memory before anything looked at it.
 *
 * Source: Ongaro's dissertation §3.5: indexes follow each other, terms never fall and never pass the leader's own.
 */
import type { AppendRequest, LogPart } from "./messages.ts";
import type { RaftLimits } from "./raft-options.ts";

const LIMITS_DIFFER_MAX = 4;

export type AppendFault = "entries-out-of-order" | "append-too-large";

/** What is wrong with it; null when nothing is. */
export function appendFault(message: AppendRequest | LogPart, limits: RaftLimits): AppendFault | null {
  const { previousIndex, previousTerm, entries, term } = message;
  if (!isCount(previousIndex) || !isCount(previousTerm) || (previousIndex === 0) !== (previousTerm === 0)) {
    return "entries-out-of-order";
  }
  if (entries.length > limits.entriesPerMessageMax * LIMITS_DIFFER_MAX) return "append-too-large";
  let termBefore = previousTerm;
  let bytes = 0;
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at];
    if (entry?.index !== previousIndex + 1 + at || !Number.isSafeInteger(entry.term) || entry.term < termBefore) {
      return "entries-out-of-order";
    }
    termBefore = entry.term;
    bytes += entry.payload.length;
  }
  if (termBefore > term) return "entries-out-of-order";
  const bytesMax = Math.max(limits.bytesPerMessageMax, limits.payloadBytesMax) * LIMITS_DIFFER_MAX;
  return bytes > bytesMax ? "append-too-large" : null;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
