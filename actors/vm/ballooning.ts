/**
 * Has the guest's balloon leave it what the map wants. It looks at the wish after each message, as `stillness.ts` does; a guest that was found, or came
 * by a migration, is asked again, which does no harm. Where nobody has ever wanted anything the guest is left as it was started.
 */
import type { VerbResult } from "../../runtime/index.ts";
import type { VmMessage } from "./vm-message.ts";
import { report, type Turn } from "./vm-turn.ts";
import type { VmState } from "./vm-state.ts";

const RETRY_MS = 2000;
const TROUBLE = "Cannot set the balloon: ";

/** Of the run that goes on. */
export interface Ballooning {
  readonly attempt: number;
  /** What its balloon was set to; null when nobody knows. */
  readonly setMiB: number | null;
  /** `asked`: a call has not been answered; `resting`: one was refused, and is made again after a while. */
  readonly call: "none" | "asked" | "resting";
}

export function keepBallooned({ options, ctx }: Turn, state: VmState): VmState {
  const { wish, attempt, stage, open, outgoing } = state;
  const known = state.ballooning?.attempt === attempt ? state.ballooning : null;
  const wanted = wish.balloonMiB;
  if (wanted === undefined || stage !== "running" || state.settling || open !== "none" || outgoing !== null)
    return state;
  if (known?.setMiB === wanted || (known !== null && known.call !== "none") || ctx.now() >= state.leaseUntilMs)
    return state;
  options.hypervisor.verbs.setBalloon(
    options.instance.id,
    wanted,
    ctx.callback((result: VerbResult): VmMessage => ({ type: "ballooned", attempt, memoryMiB: wanted, result })),
  );
  return { ...state, ballooning: { attempt, setMiB: known?.setMiB ?? null, call: "asked" } };
}

export function onBallooned(
  turn: Turn,
  state: VmState,
  { attempt, memoryMiB, result }: Extract<VmMessage, { readonly type: "ballooned" }>,
): VmState {
  if (state.ballooning?.attempt !== attempt || state.attempt !== attempt || state.stage !== "running") return state;
  if (!result.ok) {
    turn.ctx.setTimer("balloon", RETRY_MS, { type: "balloon-due" });
    const resting: VmState = { ...state, ballooning: { ...state.ballooning, call: "resting" } };
    const message = `${TROUBLE}${result.message}`;
    return state.message === message ? resting : report(turn, { ...resting, message });
  }
  const set: VmState = { ...state, ballooning: { attempt, setMiB: memoryMiB, call: "none" } };
  return state.message.startsWith(TROUBLE) ? report(turn, { ...set, message: "" }) : set;
}

export function onBalloonDue(state: VmState): VmState {
  const { ballooning } = state;
  return ballooning?.call === "resting" ? { ...state, ballooning: { ...ballooning, call: "none" } } : state;
}
