/** Lengths of time and shares as people write them in scenario files: `500ms`, `30s`, `1h30m`; `5%`. */

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** One number and unit after another, the unit without a space. */
export const DURATION_PATTERN = "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$";

/** From 0% to 100%. */
export const SHARE_PATTERN = "^(100|[0-9]{1,2}(\\.[0-9]+)?)%$";

/** Milliseconds of what fits `DURATION_PATTERN`. */
export function durationMs(text: string): number {
  const parts = [...text.matchAll(/([0-9.]+)(ms|[smhd])/gu)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? ""] ?? 0), 0);
}

/** From 0 to 1, of what fits `SHARE_PATTERN`. */
export function shareOf(text: string): number {
  return Number(text.slice(0, -1)) / 100;
}

/** The shortest form that loses nothing: `90s` is `1m30s`. */
export function writeDuration(ms: number): string {
  const dayMs = 86_400_000;
  if (ms > 0 && ms % dayMs === 0) return `${ms / dayMs}d`;
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const whole = Math.round(ms / 100) * 100;
  const minutes = Math.floor(whole / 60_000);
  const seconds = (whole % 60_000) / 1000;
  const tail = seconds === 0 ? "" : `${Number(seconds.toFixed(1))}s`;
  return minutes === 0 ? tail : `${minutes}m${tail}`;
}
