/**
 * How a VM moves and a node is emptied where nobody says otherwise: defaults of the API (`migration.ts`, `node-drain.ts`), of the command line's flags, and
 * of the moves that a drain makes. Without schemas, so that the command line need not load them.
 */

/** A gigabit; the guest stands still for 50 ms at most; five minutes. */
export const MIGRATION_DEFAULTS = {
  bandwidthBytesPerSecond: 125_000_000,
  downtimeMs: 50,
  autoConverge: true,
  timeoutMs: 300_000,
} as const;

/** An hour. */
export const DRAIN_DEFAULTS = { liveOnly: false, atOnce: 2, timeoutMs: 3_600_000 } as const;

export const DRAINED_AT_ONCE_MAX = 32;
