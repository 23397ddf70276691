/** Asks a running guest whether it serves. One of the stages of a VmActor; a guest that stands still is not asked. */
import type { ProbeResult, ProbeTarget } from "../../runtime/index.ts";
import type { VmHealth } from "../resources/index.ts";
import { failed } from "./guest-life.ts";
import { judge, nextProbeMs } from "./health.ts";
import { report, type Turn } from "./vm-turn.ts";
import type { VmState } from "./vm-state.ts";

export function probe(turn: Turn, state: VmState): VmState {
  const { options, ctx } = turn;
  const check = options.vm.spec.health;
  if (check === undefined) return state;
  if (!isAsked(state)) return { ...state, listening: false };
  if (check.type === "heartbeat") return state.listening ? onProbed(turn, state, silent(check)) : listen(turn, state);
  const target = targetOf(turn, state, check);
  if (target === null) return state;
  const { attempt } = state;
  options.prober.probe(
    target,
    ctx.callback((result) => ({ type: "probed", attempt, result })),
  );
  return state;
}

/** What is asked; null where the port is not forwarded. */
function targetOf(
  { options }: Turn,
  { forwards }: VmState,
  check: Exclude<VmHealth, { readonly type: "heartbeat" }>,
): ProbeTarget | null {
  const { timeoutMs } = check;
  if (check.type === "exec") return { kind: "exec", instance: options.instance.id, command: check.command, timeoutMs };
  const forward = forwards.find(({ guestPort }) => guestPort === check.port);
  if (forward === undefined) return null;
  const { hostAddress: address, hostPort: port } = forward;
  return { kind: check.type, address, port, path: check.path, timeoutMs };
}

/** A guest that went on a moment ago, or has just booted, has the whole of an interval for its next beat. */
function listen({ options, ctx }: Turn, state: VmState): VmState {
  const { health } = options.vm.spec;
  if (health !== undefined) ctx.setTimer("probe", health.intervalMs, { type: "probe-due" });
  return { ...state, listening: true };
}

function silent({ intervalMs }: VmHealth): ProbeResult {
  return { ok: false, message: `no heartbeat in ${intervalMs} ms` };
}

/** Its agent is there. */
export function onHeartbeat(turn: Turn, state: VmState): VmState {
  return turn.options.vm.spec.health?.type === "heartbeat" ? onProbed(turn, state, { ok: true }) : state;
}

export function onProbed(turn: Turn, known: VmState, result: ProbeResult): VmState {
  const { ctx, options } = turn;
  const check = options.vm.spec.health;
  if (check === undefined || !isAsked(known)) return known;
  const health = judge(known.health, check, { ok: result.ok, nowMs: ctx.now() });
  const state = { ...known, health, listening: check.type === "heartbeat" };
  if (health.verdict === "unhealthy") {
    report(turn, state);
    const why = result.ok ? "" : result.message;
    return failed(turn, state, `Its health check failed ${check.failuresMax} times: ${why}`);
  }
  const nextMs = check.type === "heartbeat" ? check.intervalMs : nextProbeMs(health, check);
  ctx.setTimer("probe", nextMs, { type: "probe-due" });
  return health.verdict === known.health.verdict ? state : report(turn, state);
}

/** While it is sent, or a checkpoint of it is made, it stands still at any moment, and is asked again when that is over. */
function isAsked({ stage, still, outgoing, wish }: VmState): boolean {
  if (wish.checkpointing === true) return false;
  return stage === "running" && still === "no" && (outgoing === null || outgoing.stage === "waiting");
}
