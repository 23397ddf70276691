/** Asks a running guest whether it serves. One of the stages of a VmActor; a guest that stands still is not asked. */
import type { ProbeResult } from "../../runtime/index.ts";
import { failed } from "./guest-life.ts";
import { judge, nextProbeMs } from "./health.ts";
import { report, type Turn } from "./vm-turn.ts";
import type { VmState } from "./vm-state.ts";

export function probe({ options, ctx }: Turn, state: VmState): VmState {
  const check = options.vm.spec.health;
  if (check === undefined || !isAsked(state)) return state;
  const forward = state.forwards.find(({ guestPort }) => guestPort === check.port);
  if (forward === undefined) return state;
  const { attempt } = state;
  const { hostAddress: address, hostPort: port } = forward;
  options.prober.probe(
    { kind: check.type, address, port, path: check.path, timeoutMs: check.timeoutMs },
    ctx.callback((result) => ({ type: "probed", attempt, result })),
  );
  return state;
}

export function onProbed(turn: Turn, known: VmState, result: ProbeResult): VmState {
  const { ctx, options } = turn;
  const check = options.vm.spec.health;
  if (check === undefined || !isAsked(known)) return known;
  const health = judge(known.health, check, { ok: result.ok, nowMs: ctx.now() });
  const state = { ...known, health };
  if (health.verdict === "unhealthy") {
    report(turn, state);
    const why = result.ok ? "" : result.message;
    return failed(turn, state, `Its health check failed ${check.failuresMax} times: ${why}`);
  }
  ctx.setTimer("probe", nextProbeMs(health, check), { type: "probe-due" });
  return health.verdict === known.health.verdict ? state : report(turn, state);
}

/** While it is sent, or a checkpoint of it is made, it stands still at any moment, and is asked again when that is over. */
function isAsked({ stage, still, outgoing, wish }: VmState): boolean {
  if (wish.checkpointing === true) return false;
  return stage === "running" && still === "no" && (outgoing === null || outgoing.stage === "waiting");
}
