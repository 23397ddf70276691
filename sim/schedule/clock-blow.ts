/** Blows at the clocks of nodes: a part of `blow.ts`, as plain data. Nodes by index, times in microseconds unless they say otherwise. */
export type ClockBlow =
  /** Somebody sets the wall clock, forward or back. */
  | { readonly type: "wall-step"; readonly node: number; readonly byMs: number }
  /** The monotonic clock stands still while the process runs on. */
  | { readonly type: "clock-freeze"; readonly node: number; readonly durationUs: number }
  /** The monotonic clock runs at this rate; 1 is the truth. */
  | { readonly type: "clock-drift"; readonly node: number; readonly rate: number; readonly durationUs: number };

export function isClockBlow<Act extends { readonly type: string }>(act: Act): act is Extract<Act, ClockBlow> {
  return act.type === "wall-step" || act.type === "clock-freeze" || act.type === "clock-drift";
}
