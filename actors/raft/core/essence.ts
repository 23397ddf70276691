/**
 * What decides all that a member does from now on, as plain data: two members of equal essence answer every input alike, for ever. An
 * explorer of all orders (`sim/explore/`) tells states by it; nothing in production asks for it.
 *
 * Each part tells its own (`essence(nowMs)`), so that whoever adds a field has the place under the eyes; a test sees that each private field
 * is told, or named there as one that decides nothing. Two rules keep the number of states down:
 * - No time is told as it is, only how long it is until or since (`leftMs`, `agoMs`): behaviour does not depend on when the clock began.
 * - Nothing is told beyond what somebody compares it with: that a leader was heard an hour ago says no more than that it was long ago.
 *
 * What a caller takes with each `Ready` (messages, reads, alarms, news) is empty by then and not told: an essence is of a core whose
 * `Ready` was taken.
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";

/** Nested lists of what JSON can tell apart; times in milliseconds from or to now. */
export type Essence = readonly unknown[];

/** How long it is until then: 0 when it is over, null when it never comes. */
export function leftMs(untilMs: number, nowMs: number): number | null {
  return untilMs === Infinity ? null : Math.max(0, untilMs - nowMs);
}

/** How long ago it was, up to `agesMs`, behind which nobody tells times apart. */
export function agoMs(thenMs: number, nowMs: number, agesMs: number): number {
  return Math.min(nowMs - thenMs, agesMs);
}

/** An entry with what it carries. */
export function entryEssence({ index, term, type, payload }: LogEntry): Essence {
  return [index, term, type, payload.join(" ")];
}
