/**
 * The life of a guest: started, up, failed and started again, ended. One of the stages of a VmActor (`vm-actor.ts`).
 *
 * Invariant: nothing is started while a migration of the instance goes on in the map, for its target may have all of the guest, and take it over
 * at any moment; a guest that ended meanwhile waits until the map has ended the migration.
 */
import type { Hypervisor, PortForward, StartResult } from "../../runtime/index.ts";
import { cardsOf } from "./guest-cards.ts";
import { disksOf } from "./guest-disk.ts";
import { newHealth } from "./health.ts";
import { chooseHostPorts } from "./host-ports.ts";
import { STABLE_MS, startDelayMs } from "./start-backoff.ts";
import { report, type Turn } from "./vm-turn.ts";
import type { VmState } from "./vm-state.ts";

/** Time to boot, unless the health check allows more: half a minute under pure emulation on a loaded machine, twice. */
const BOOT_MS = 60_000;

/** Refusals in a row before an instance is given back, some two seconds; as many more for each node that did so before. */
const STARTS_REFUSED_MAX = 3;

/** Pause between two tries to end a guest that would not end. */
const END_RETRY_MS = 1000;

/** Pause before a start that is due is tried again because the last run is not cleared yet. */
const CLEAR_RETRY_MS = 100;

/** Asks for a guest of the instance that may run here already. */
export function adopt(turn: Turn, state: VmState): VmState {
  const { hypervisor, instance } = turn.options;
  hypervisor.adopt(instance.id, state.leaseUntilMs, started(turn, state.attempt));
  return { ...state, stage: "adopting", open: "start" };
}

export function onStartDue(turn: Turn, state: VmState): VmState {
  if (state.stage !== "waiting") return state;
  if (state.cleared && state.open === "none" && state.wish.migration === null) {
    // Without a lease it is not an attempt.
    return start(turn, { ...state, attempt: turn.ctx.now() < state.leaseUntilMs ? state.attempt + 1 : state.attempt });
  }
  turn.ctx.setTimer("start", CLEAR_RETRY_MS, { type: "start-due" });
  return state;
}

function start(turn: Turn, state: VmState): VmState {
  const { ctx, options } = turn;
  if (ctx.now() >= state.leaseUntilMs) return wait(turn, state, { message: "The node's lease is over" });
  if (state.wish.migration !== null) return wait(turn, state, { message: "It is being migrated" });
  const { from } = options.instance;
  if (from !== undefined && from.node !== ctx.node) {
    return giveBack(turn, state, `Checkpoint "${from.checkpoint}" is on node "${from.node}"`);
  }
  const forwards = state.attempt === options.vm.status.restarts ? state.forwards : freshPorts(turn);
  options.hypervisor.start(launchOf(turn, { ...state, forwards }), started(turn, state.attempt));
  return report(turn, {
    ...state,
    forwards,
    stage: "starting",
    open: "start",
    still: "no",
    verb: null,
    taken: null,
    health: newHealth(ctx.now()),
    message: "",
  });
}

/** What the instance is started from: its VM's spec as it was when it came here. */
export function launchOf({ options, ctx }: Turn, state: VmState): Parameters<Hypervisor["start"]>[0] {
  const { instance, vm } = options;
  const { vcpus, memoryMiB, image, command, env, files, microvm } = vm.spec;
  const { forwards: ports, leaseUntilMs } = state;
  const guest = { vcpus, memoryMiB, image, command, env, files, ports, leaseUntilMs };
  const configuration = {
    ...(microvm === undefined ? {} : { microvm }),
    ...(vm.spec.balloon === true ? { balloon: true } : {}),
    ...disksOf(vm.spec),
    ...cardsOf(vm),
  };
  const { from } = instance;
  const origin =
    from === undefined ? {} : { from: { type: "checkpoint", id: from.id, identity: from.identity } as const };
  return { instance: instance.id, vm: vm.metadata.name, node: ctx.node, ...guest, ...configuration, ...origin };
}

/** A port that turned out to be taken is not tried again. */
export function freshPorts({ options, ctx }: Turn): PortForward[] {
  return chooseHostPorts(options.vm.spec.ports, options.hostAddress, ctx.random);
}

export function started({ ctx }: Turn, attempt: number): Parameters<Hypervisor["start"]>[1] {
  return ctx.callback((result) => ({ type: "started", attempt, result }));
}

export function onStarted(turn: Turn, known: VmState, result: StartResult): VmState {
  const state: VmState = { ...known, open: "none" };
  switch (state.stage) {
    case "adopting":
      if (result.ok) return booted(turn, { ...state, still: canPause(turn) ? "unknown" : "no" });
      // Any other failure leaves it open whether a guest runs.
      return result.code === "not-running" ? start(turn, state) : failed(turn, state, result.message);
    case "starting":
      return result.ok ? booting(turn, { ...state, refusals: 0 }) : refused(turn, state, result);
    case "booting":
    case "running":
      return result.ok ? state : failed(turn, state, result.message);
    case "receiving":
    case "waiting":
    case "stopping":
    case "discarding":
      return end(turn, state);
    default:
      return state.stage satisfies never;
  }
}

function canPause({ options }: Turn): boolean {
  return options.hypervisor.capabilities.lacks.pause === undefined;
}

/** What keeps failing here, in whatever ways, may go elsewhere: after some tries the node gives the instance back. */
function refused(turn: Turn, state: VmState, result: Extract<StartResult, { readonly ok: false }>): VmState {
  const { code, message } = result;
  const { instance, parent } = turn.options;
  if (instance.from !== undefined && (code === "incompatible" || code === "damaged")) {
    // Another try would find the same, and so would another node, which has none of it.
    turn.ctx.tell(parent, { type: "vm-origin-refused", instance: instance.id, from: instance.from, message });
    return giveBack(turn, state, message);
  }
  const refusals = state.refusals + 1;
  const elsewhere = turn.options.vm.status.failedOn?.length ?? 0;
  if (refusals < STARTS_REFUSED_MAX * (1 + elsewhere)) return failed(turn, { ...state, refusals }, message);
  return giveBack(turn, { ...state, refusals }, message);
}

/** This node cannot start it. */
function giveBack(turn: Turn, state: VmState, message: string): VmState {
  return end(turn, report(turn, { ...state, stage: "stopping", message, releaseAs: "Unstartable" }));
}

/**
 * A guest that hangs before it is up neither exits nor fails a check; only time tells. To the map it starts as before: another word would be an entry
 * of the log that changes nothing.
 */
function booting(turn: Turn, state: VmState): VmState {
  const check = turn.options.vm.spec.health;
  const bootMs = check === undefined ? BOOT_MS : Math.max(BOOT_MS, check.startMs);
  turn.ctx.setTimer("boot", bootMs, { type: "boot-due" });
  return { ...state, stage: "booting" };
}

export function onBootDue(turn: Turn, state: VmState): VmState {
  return state.stage === "booting" ? failed(turn, state, "The guest did not boot in time") : state;
}

/** It is up. */
export function booted(turn: Turn, state: VmState): VmState {
  turn.ctx.cancelTimer("boot");
  turn.ctx.setTimer("stable", STABLE_MS, { type: "stable" });
  if (turn.options.vm.spec.health !== undefined && !state.settling)
    turn.ctx.setTimer("probe", 0, { type: "probe-due" });
  return report(turn, { ...state, stage: "running", listening: false, message: "" });
}

/** Clears what is left of a run that failed, and waits for the next one. */
export function failed(turn: Turn, state: VmState, message: string): VmState {
  const failures = state.failures + 1;
  const delayMs = startDelayMs(failures, turn.ctx.random);
  const said = `${message}; trying again in ${(delayMs / 1000).toFixed(1)} s`;
  const waiting = wait(turn, { ...state, failures }, { message: said, delayMs });
  return end(turn, { ...waiting, cleared: false });
}

function wait(turn: Turn, state: VmState, why: { readonly message: string; readonly delayMs?: number }): VmState {
  for (const key of ["stable", "probe", "boot", "verb"]) turn.ctx.cancelTimer(key);
  turn.ctx.setTimer("start", why.delayMs ?? END_RETRY_MS, { type: "start-due" });
  return report(turn, { ...state, stage: "waiting", message: why.message, verb: null, verbFailures: 0, taken: null });
}

/** It ended by itself. */
export function onExited(
  turn: Turn,
  state: VmState,
  exit: { readonly reason: string; readonly detail: string },
): VmState {
  const { stage } = state;
  if (stage === "adopting" || stage === "stopping" || stage === "discarding" || stage === "waiting") return state;
  if (exit.reason !== "lease" && isComplete(turn, exit.reason)) {
    return endGuest(turn, state, { stage: "stopping", message: exit.detail, releaseAs: "Completed" });
  }
  return failed(turn, state, `The guest ended by itself: ${exit.detail}`);
}

function isComplete({ options }: Turn, reason: string): boolean {
  const { restart } = options.vm.spec;
  return restart === "never" || (restart === "on-failure" && reason === "shutdown");
}

interface Ending extends Pick<VmState, "message"> {
  readonly stage: "stopping" | "discarding";
  readonly releaseAs?: VmState["releaseAs"];
}

export function endGuest(turn: Turn, state: VmState, how: Ending): VmState {
  const next = ending(turn, state, how);
  return next === state ? state : end(turn, next);
}

/** Nothing goes on with it but its end, for which the caller asks; as it was when that goes on already. */
export function ending(turn: Turn, state: VmState, how: Ending): VmState {
  const { stage, message, releaseAs = "Stopped" } = how;
  if (state.stage === "discarding" || state.stage === stage) return state;
  for (const key of ["start", "boot", "probe", "stable", "verb", "word", "migration"]) turn.ctx.cancelTimer(key);
  const over = { ...state, stage, message, releaseAs, verb: null, pending: null, outgoing: null, incoming: null };
  return report(turn, over);
}

/** While a call is open its answer is awaited first, so that no guest comes up behind the end. */
export function end({ options, ctx }: Turn, state: VmState): VmState {
  if (state.open !== "none") return state;
  const { hypervisor, instance, vm } = options;
  const graceMs = state.stage === "stopping" ? vm.spec.stopGraceMs : 0;
  hypervisor.stop(
    instance.id,
    graceMs,
    ctx.callback((result) => ({ type: "ended", result })),
  );
  return { ...state, open: "end" };
}

export function onEndDue(turn: Turn, state: VmState): VmState {
  const { stage } = state;
  return stage === "waiting" || stage === "stopping" || stage === "discarding" ? end(turn, state) : state;
}

export function onEnded(turn: Turn, known: VmState, result: Parameters<Parameters<Hypervisor["stop"]>[2]>[0]): VmState {
  const state: VmState = { ...known, open: "none" };
  if (!result.ok) {
    turn.ctx.setTimer("end", END_RETRY_MS, { type: "end-due" });
    // Only said: what it ends with, once it has ended, is why it was to end.
    report(turn, { ...state, message: `Cannot end the guest: ${result.message}; trying again` });
    return state;
  }
  if (state.stage === "stopping" || state.stage === "discarding") {
    const message = result.forced ? "It did not shut down in time and was ended" : state.message;
    return release(turn, state, message);
  }
  return { ...state, cleared: true, still: "no" };
}

function release({ options, ctx }: Turn, state: VmState, message: string): VmState {
  const silent = state.stage === "discarding";
  const instance = options.instance.id;
  ctx.tell(options.parent, { type: "vm-released", instance, phase: state.releaseAs, message, silent });
  ctx.stop();
  return state;
}
