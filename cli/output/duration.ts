/** Time spans as people say them. */
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** An age like kubectl's: the two largest units while the larger one is small, else one: `45s`, `3m12s`, `26h`, `12d`. */
export function formatAge(ms: number): string {
  const age = Math.max(0, ms);
  if (age < 2 * MINUTE_MS) return `${Math.floor(age / SECOND_MS)}s`;
  if (age < 10 * MINUTE_MS) return pair(age, [MINUTE_MS, "m"], [SECOND_MS, "s"]);
  if (age < 3 * HOUR_MS) return `${Math.floor(age / MINUTE_MS)}m`;
  if (age < 8 * HOUR_MS) return pair(age, [HOUR_MS, "h"], [MINUTE_MS, "m"]);
  if (age < 2 * DAY_MS) return `${Math.floor(age / HOUR_MS)}h`;
  if (age < 8 * DAY_MS) return pair(age, [DAY_MS, "d"], [HOUR_MS, "h"]);
  return `${Math.floor(age / DAY_MS)}d`;
}

/** A measured span, in seconds to a tenth: `0.4 s`. */
export function formatSeconds(ms: number): string {
  return `${(ms / SECOND_MS).toFixed(1)} s`;
}

/** Reads `500ms`, `30s`, `10m`, `1h`, `1h30m`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const units: Readonly<Record<string, number>> = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };
  if (!/^(?:[0-9]+(?:\.[0-9]+)?(?:ms|[smhd]))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/([0-9.]+)(ms|[smhd])/g)];
  return parts.reduce((total, [, count, unit]) => total + Number(count) * units[unit!]!, 0);
}

type Unit = readonly [number, string];

function pair(ms: number, [large, largeName]: Unit, [small, smallName]: Unit): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${largeName}${rest === 0 ? "" : `${rest}${smallName}`}`;
}
