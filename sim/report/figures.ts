/** Numbers and times as a report tells them. */

/** `12,345` */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A point in time as seconds to the microsecond: `4.932 341`. */
export function clockTime(us: number): string {
  const whole = Math.round(us);
  const seconds = Math.floor(whole / 1_000_000);
  const rest = String(whole % 1_000_000).padStart(6, "0");
  return `${seconds}.${rest.slice(0, 3)} ${rest.slice(3)}`;
}

/** A length in the unit that fits: `2.13 s`, `14.8 ms`, `230 µs`. */
export function length(us: number): string {
  if (us >= 3_600_000_000) return `${short(us / 3_600_000_000)} h`;
  if (us >= 120_000_000) return `${short(us / 60_000_000)} min`;
  if (us >= 1_000_000) return `${short(us / 1_000_000)} s`;
  return us >= 1000 ? `${short(us / 1000)} ms` : `${Math.round(us)} µs`;
}

function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** `1 message`, `2 messages` */
export function times(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}
