/**
 * The source of a migration. One of the stages of a VmActor, looked at after each message.
 *
 *     waiting ─target listens─▶ sending ─all is there─▶ sent ─┬─ the map names the target ─▶ discarded by the node
 *        │                         └──── refused ───▶ failed ─┴─ the map has ended it ─▶ the guest goes on (stillness.ts)
 *
 * It never lets the guest go on by its own judgement: once it began to send, the target may have all of it, whatever the hypervisor says here. It
 * asks the map to end the migration, and obeys what the map says.
 */
import type { MigrationProgress, VerbResult } from "../../runtime/index.ts";
import { MOVE_RULES } from "./move-rules.ts";
import { insist, say, type Turn } from "./vm-turn.ts";
import type { Outgoing, VmState } from "./vm-state.ts";

/** How long a guest that was sent stands still for its target to take it over: three elections. Then it is to go on here. */
const TAKE_OVER_MS = 10_000;

/** Between two words of how far it is; each is an entry of the log. */
const PROGRESS_MS = 1000;

export function followOutgoing(turn: Turn, known: VmState): VmState {
  const { stage, wish } = known;
  if (stage === "receiving" || stage === "stopping" || stage === "discarding") return known;
  const { migration } = wish;
  const ended = known.outgoing !== null && known.outgoing.migration !== migration?.id;
  const cleared = ended ? endOutgoing(turn, known) : known;
  if (migration === null) return cleared;
  const state = cleared.outgoing === null ? begin(turn, cleared, migration.id) : cleared;
  if (state.outgoing?.stage !== "waiting" || stage === "adopting") return state;
  if (stage !== "running") return cancel(turn, state, "its guest does not run");
  const { endpoint } = migration;
  const isReady = state.still === "no" && state.verb === null && state.open === "none";
  return endpoint === undefined || !isReady ? state : send(turn, state, migration.id);
}

/** An actor that begins with one under way cannot know what its forerunner has sent. */
export function giveUpOutgoing(turn: Turn, state: VmState): VmState {
  const { migration } = state.wish;
  if (migration === null || migration.phase === "preparing") return state;
  const outgoing: Outgoing = { migration: migration.id, stage: "failed", toldMs: 0, stillMs: 0 };
  return cancel(turn, { ...state, outgoing }, "its node has lost sight of it");
}

export function onMigrationDue(turn: Turn, state: VmState, migration: string): VmState {
  const { outgoing, wish } = state;
  if (outgoing?.migration !== migration || outgoing.stage === "ending") return state;
  const why = outgoing.stage === "sent" ? "the target did not take it over in time" : "";
  const seconds = (wish.migration?.limits?.timeoutMs ?? 0) / 1000;
  return cancel(turn, state, why || `it took longer than ${seconds} s`);
}

export function onSent(
  turn: Turn,
  state: VmState,
  migration: string,
  result: VerbResult<{ readonly downtimeMs: number }>,
): VmState {
  const { outgoing } = state;
  if (outgoing?.migration !== migration) return state;
  if (outgoing.stage === "ending") return { ...state, outgoing: null, still: "unknown" };
  if (outgoing.stage !== "sending") return state;
  if (!result.ok) {
    const { hypervisor, instance, moveRules = MOVE_RULES } = turn.options;
    if (!moveRules.awaitsEnd) hypervisor.verbs.resume(instance.id, () => undefined);
    return cancel(turn, { ...state, still: "unknown", outgoing: { ...outgoing, stage: "failed" } }, result.message);
  }
  turn.ctx.setTimer("migration", TAKE_OVER_MS, { type: "migration-due", migration });
  return { ...state, still: "yes", outgoing: { ...outgoing, stage: "sent", stillMs: Math.round(result.downtimeMs) } };
}

export function onSentSoFar(turn: Turn, state: VmState, migration: string, progress: MigrationProgress): VmState {
  const { outgoing } = state;
  const nowMs = turn.ctx.now();
  if (outgoing?.migration !== migration || outgoing.stage !== "sending" || nowMs < outgoing.toldMs + PROGRESS_MS) {
    return state;
  }
  say(turn, migration, { type: "migration-progress", progress });
  return { ...state, outgoing: { ...outgoing, toldMs: nowMs } };
}

function begin({ ctx }: Turn, state: VmState, migration: string): VmState {
  const limits = state.wish.migration?.limits;
  ctx.setTimer("migration", limits?.timeoutMs ?? TAKE_OVER_MS, { type: "migration-due", migration });
  return { ...state, outgoing: { migration, stage: "waiting", toldMs: ctx.now(), stillMs: 0 } };
}

function send(turn: Turn, state: VmState, id: string): VmState {
  const { ctx, options } = turn;
  const { migration } = state.wish;
  const { limits, endpoint: to } = migration ?? {};
  if (limits === undefined || to === undefined || state.outgoing === null) return state;
  const onProgress = ctx.callback((progress: MigrationProgress) => ({
    type: "sent-so-far" as const,
    migration: id,
    progress,
  }));
  options.hypervisor.verbs.migrate(
    { instance: options.instance.id, to, limits, onProgress },
    ctx.callback((result) => ({ type: "sent", migration: id, result })),
  );
  return { ...state, outgoing: { ...state.outgoing, stage: "sending" } };
}

/** The map has ended it, so nobody may take the guest over any more. */
function endOutgoing({ ctx, options }: Turn, state: VmState): VmState {
  const { outgoing } = state;
  if (outgoing === null || outgoing.stage === "ending") return state;
  ctx.cancelTimer("migration");
  const pending = state.pending?.migration === outgoing.migration ? null : state.pending;
  if (outgoing.stage === "sending") {
    options.hypervisor.verbs.cancelMigration(options.instance.id);
    return { ...state, pending, outgoing: { ...outgoing, stage: "ending" } };
  }
  return { ...state, pending, outgoing: null, still: outgoing.stage === "waiting" ? state.still : "unknown" };
}

function cancel(turn: Turn, state: VmState, message: string): VmState {
  if (state.outgoing === null) return state;
  return insist(turn, state, state.outgoing.migration, { type: "cancel-migration", message });
}
