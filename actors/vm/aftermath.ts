/**
 * What is left to do once a guest has moved: its source's copy is ended, and both nodes say how long it stood still and how it is.
 *
 *     source: the map names the target ──QUIET_MS──▶ its word, and the copy's end
 *     target: the take-over is committed, the guest goes on ──QUIET_MS──▶ its word, a report, the first probe
 *
 * The guest waits for none of it, and all of it takes syncs from the commit by which it goes on, and processors from its first moments. So it is put
 * off, by a time in which a guest goes on even where it is emulated. The copy stands still meanwhile, under its guard: only `resume` would let it go on, which
 * nobody says any more.
 */
import { end, ending } from "./guest-life.ts";
import { report, say, type Turn } from "./vm-turn.ts";
import type { VmMessage } from "./vm-message.ts";
import type { VmState } from "./vm-state.ts";

/** An emulated guest says its first word some 50 ms after it was let go on, on a host with a core to spare. */
const QUIET_MS = 300;

/** The map has no instance here any more. One that was sent is the target's by now, unless its lease is over. */
export function discard(turn: Turn, state: VmState): VmState {
  const { outgoing, leaseUntilMs } = state;
  const leaseMs = leaseUntilMs - turn.ctx.now();
  const isSent = state.stage === "running" && outgoing?.stage === "sent" && leaseMs > 0;
  const discarding = ending(turn, state, { stage: "discarding", message: "" });
  if (discarding === state) return state;
  if (!isSent) return end(turn, discarding);
  const { migration, stillMs } = outgoing;
  turn.ctx.setTimer("left", Math.min(QUIET_MS, leaseMs), { type: "left-due", migration, stillMs });
  return discarding;
}

export function onLeftDue(
  turn: Turn,
  state: VmState,
  { migration, stillMs }: Extract<VmMessage, { readonly type: "left-due" }>,
): VmState {
  say(turn, migration, { type: "migration-progress", stillMs });
  return end(turn, state);
}

/** Begins the target's quiet: nothing is reported and nobody is asked in it. */
export function settle({ ctx }: Turn, state: VmState): VmState {
  ctx.setTimer("settled", QUIET_MS, { type: "settled" });
  return { ...state, settling: true };
}

export function onSettled(turn: Turn, known: VmState): VmState {
  const { taken, stage } = known;
  const state: VmState = { ...known, settling: false };
  const isHealthAsked = turn.options.vm.spec.health !== undefined && stage === "running";
  if (isHealthAsked) turn.ctx.setTimer("probe", 0, { type: "probe-due" });
  return report(turn, taken === null || taken.stillMs === null ? state : tellStill(turn, state, taken));
}

/** The guest that was taken over goes on. */
export function wentOn(turn: Turn, state: VmState): VmState {
  if (state.taken === null) return state;
  const stillMs = Math.max(0, Math.round(turn.ctx.now() - state.taken.arrivedMs));
  const taken = { ...state.taken, stillMs };
  return state.settling ? { ...state, taken } : tellStill(turn, state, taken);
}

function tellStill(
  turn: Turn,
  state: VmState,
  { migration, stillMs }: { readonly migration: string; readonly stillMs: number | null },
): VmState {
  if (stillMs !== null) say(turn, migration, { type: "migration-progress", stillMs });
  return { ...state, taken: null };
}
