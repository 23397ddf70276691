/** How many standbys (standby-pool.ts) a node keeps: "4", or "4:2" with how many of them for one checkpoint. */

export interface StandbyLimits {
  /** On this host. */
  readonly count: number;
  /** For one checkpoint. */
  readonly each: number;
}

/** One for the next clone and one for that behind it. */
const EACH = 2;
/** A host holds more guests, but not more that nobody has asked for. */
const COUNT_MAX = 64;

/** undefined for what is neither; "0": none. */
export function parseStandbyLimits(text: string): StandbyLimits | undefined {
  const [, first, second] = /^(\d{1,2})(?::(\d{1,2}))?$/.exec(text) ?? [];
  if (first === undefined) return undefined;
  const count = Number(first);
  const each = second === undefined ? Math.min(count, EACH) : Number(second);
  const fits = count <= COUNT_MAX && each <= count && (each > 0 || count === 0);
  return fits ? { count, each } : undefined;
}
