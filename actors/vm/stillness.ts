/**
 * Has a running guest stand still or go on, as the map wants it. One of the stages of a VmActor, looked at after each message.
 *
 * What stands still here and is this node's, and is not wanted paused, goes on: a guest that was found, one that came by a migration, one whose
 * migration away came to nothing. Never under a lease that is over, and never while a migration from here goes on in the map: its target may
 * have all of the guest.
 */
import type { VerbResult } from "../../runtime/index.ts";
import { wentOn } from "./aftermath.ts";
import { failed } from "./guest-life.ts";
import type { VmMessage } from "./vm-message.ts";
import { report, type Turn } from "./vm-turn.ts";
import type { VmState } from "./vm-state.ts";

const VERB_RETRY_MS = 500;

/** Past it a guest that would not go on is taken for failed, and started again. */
const RESUMES_MAX = 5;

export function keepStill(turn: Turn, state: VmState): VmState {
  const { options, ctx } = turn;
  const { wish, still, outgoing, verb } = state;
  if (state.stage !== "running" || state.open !== "none" || verb !== null || wish.checkpointing === true) return state;
  if (outgoing !== null && outgoing.stage !== "waiting") return state;
  const type = wish.paused ? "pause" : "resume";
  if (still === (wish.paused ? "yes" : "no") || ctx.now() >= state.leaseUntilMs) return state;
  const id = state.verbs + 1;
  options.hypervisor.verbs[type](
    options.instance.id,
    ctx.callback((result: VerbResult): VmMessage => ({ type: "verb-answered", id, result })),
  );
  return { ...state, verbs: id, verb: { id, type } };
}

export function onVerbAnswered(turn: Turn, known: VmState, id: number, result: VerbResult): VmState {
  if (known.verb?.id !== id || known.verb.type === "rest" || known.stage !== "running") return known;
  const { type } = known.verb;
  if (result.ok) return turned(turn, { ...known, verb: null, verbFailures: 0 }, type);
  const verbFailures = known.verbFailures + 1;
  const state: VmState = { ...known, verbFailures, still: "unknown", verb: { id, type: "rest" } };
  const message = `Cannot ${type} the guest: ${result.message}`;
  const isLost = result.code === "not-running" || (type === "resume" && verbFailures >= RESUMES_MAX);
  if (isLost) return failed(turn, { ...state, verb: null, verbFailures: 0 }, message);
  turn.ctx.setTimer("verb", VERB_RETRY_MS, { type: "verb-due" });
  return report(turn, { ...state, message });
}

export function onVerbDue(state: VmState): VmState {
  return state.verb?.type === "rest" ? { ...state, verb: null } : state;
}

function turned(turn: Turn, state: VmState, type: "pause" | "resume"): VmState {
  const { ctx, options } = turn;
  if (type === "pause") {
    ctx.cancelTimer("probe");
    return report(turn, { ...state, still: "yes", listening: false, message: "" });
  }
  if (options.vm.spec.health !== undefined && !state.settling) ctx.setTimer("probe", 0, { type: "probe-due" });
  return report(turn, wentOn(turn, { ...state, still: "no", listening: false, message: "" }));
}
