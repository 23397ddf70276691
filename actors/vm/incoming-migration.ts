/**
 * The target of a migration: a copy that stands still, under a guard with this node's lease, and without the right to run. One of the stages of a
 * VmActor.
 *
 *     starting ──▶ listening ──all has come──▶ arrived ──take-over is committed──▶ running, and goes on at once (stillness.ts)
 *         └────────────┴── it failed ──▶ gone         the map has ended it ──▶ discarded by the node
 *
 * The copy goes on upon the answer that the take-over is committed, without waiting for what the map shows: that is the blackout. It leaves this
 * stage by the map's word alone; one that failed asks for the end, and looks what there is of it if the map has made it this node's meanwhile.
 */
import type { StartResult } from "../../runtime/index.ts";
import { settle } from "./aftermath.ts";
import { adopt, booted, freshPorts, launchOf, started } from "./guest-life.ts";
import { toAddresses } from "./host-ports.ts";
import { MOVE_RULES } from "./move-rules.ts";
import type { Wish } from "./vm-message.ts";
import { insist, type Turn } from "./vm-turn.ts";
import type { Incoming, VmState } from "./vm-state.ts";

/** Starts, each with other ports, until the target gives up. */
const TRIES_MAX = 3;

export function receive(turn: Turn, state: VmState): VmState {
  const { migration } = state.wish;
  if (migration === null) return state;
  const incoming: Incoming = { migration: migration.id, stage: "starting", arrivedMs: 0, tries: 0 };
  const receiving: VmState = { ...state, stage: "receiving", incoming };
  // It was told to be ready, by an actor that is no more.
  return migration.phase === "copying"
    ? gone(turn, receiving, "its node has lost sight of it")
    : listen(turn, receiving);
}

export function onListening(turn: Turn, known: VmState, result: StartResult): VmState {
  const state: VmState = { ...known, open: "none" };
  const { incoming } = state;
  if (incoming === null || incoming.stage !== "starting") return state;
  if (!result.ok) {
    const tries = incoming.tries + 1;
    if (result.code !== "port-in-use" || tries === TRIES_MAX) return gone(turn, state, result.message);
    return listen(turn, { ...state, forwards: freshPorts(turn), incoming: { ...incoming, tries } });
  }
  if (result.incoming === undefined) return gone(turn, state, "its hypervisor does not say where it listens");
  const listening: VmState = { ...state, incoming: { ...incoming, stage: "listening" } };
  return insist(turn, listening, incoming.migration, { type: "migration-ready", endpoint: result.incoming });
}

export function onArrived(turn: Turn, state: VmState): VmState {
  const { incoming } = state;
  if (incoming?.stage !== "listening") return state;
  const arrivedMs = turn.ctx.now();
  const arrived: VmState = { ...state, incoming: { ...incoming, stage: "arrived", arrivedMs } };
  if (arrivedMs >= state.leaseUntilMs) return gone(turn, arrived, "its lease is over");
  const { hypervisor, instance, moveRules = MOVE_RULES } = turn.options;
  if (!moveRules.awaitsTakeOver) hypervisor.verbs.resume(instance.id, () => undefined);
  return insist(turn, arrived, incoming.migration, { type: "take-over", addresses: toAddresses(state.forwards) });
}

/** The copy is no more. */
export function onCopyExited(turn: Turn, state: VmState, detail: string): VmState {
  return state.incoming === null ? state : gone(turn, state, `its copy ended: ${detail}`);
}

/** The map names this node: by its answer to the take-over, or by what it shows. */
export function takenOver(turn: Turn, known: VmState): VmState {
  const { incoming } = known;
  if (incoming === null) return known;
  // What the map shows may go on with the next migration already; its answer comes alone.
  const wish: Wish =
    known.wish.role === "own" ? known.wish : { ...known.wish, role: "own", paused: false, migration: null };
  const state: VmState = { ...known, wish, incoming: null, pending: null };
  const { migration, arrivedMs } = incoming;
  const taken = { migration, arrivedMs, stillMs: null };
  if (incoming.stage === "arrived") return booted(turn, settle(turn, { ...state, still: "yes", taken }));
  return adopt(turn, state);
}

function listen(turn: Turn, state: VmState): VmState {
  const { hypervisor, hostAddress } = turn.options;
  const from = { type: "migration", listenAddress: hostAddress } as const;
  hypervisor.start({ ...launchOf(turn, state), from }, started(turn, state.attempt));
  return { ...state, open: "start" };
}

function gone(turn: Turn, state: VmState, message: string): VmState {
  const { incoming } = state;
  if (incoming === null) return state;
  const next: VmState = { ...state, incoming: { ...incoming, stage: "gone" } };
  return insist(turn, next, incoming.migration, { type: "cancel-migration", message });
}
