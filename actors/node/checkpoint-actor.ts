/**
 * The CheckpointActor carries out what the map wants of one checkpoint of this node: makes it, or removes it, and says so until it was heard.
 *
 *     making ──made──▶ telling Ready ──heard──────────────────────────────────┐
 *        └─refused, or too late─▶ telling Failed ──carried out──▶ dropping ────┴──▶ done
 *     what the map wants gone: ─▶ dropping ──dropped──▶ telling that ──heard───────▶ done
 *
 * Invariants: Ready is said only after the hypervisor's word that all of it is on the disk. Bytes are removed only after the map has said Failed or
 * Deleting of them, which it takes back of none; "dropped" is said only after the hypervisor's word that nothing is left. An actor that begins with one
 * that somebody before it has begun cannot know how far that came: it says Failed. What is answered late or twice finds another stage, and changes
 * nothing; bytes that come after all are removed with the resource, since that asks its node too.
 */
import type { Behavior, Context, Hypervisor, Ref } from "../../runtime/index.ts";
import type { Checkpoint } from "../resources/index.ts";
import type { CheckpointMessage, CheckpointReport, CheckpointWord } from "./checkpoint-message.ts";

export interface CheckpointActorOptions {
  readonly checkpoint: Checkpoint;
  /** Somebody before this actor may have begun to make it. */
  readonly begun: boolean;
  readonly hypervisor: Hypervisor;
  readonly parent: Ref<CheckpointReport>;
}

interface CheckpointState {
  readonly stage: "making" | "dropping" | "telling" | "done";
  /** The map wants it gone. */
  readonly unwanted: boolean;
  /** What is being told. */
  readonly word: CheckpointWord | null;
}

/** Past it a hypervisor that has not answered will not: its instance is held meanwhile. 300 GB at 500 MB a second. */
const MAKING_MS = 600_000;

/** Pause before bytes that could not be removed are tried again. */
const DROP_RETRY_MS = 1000;

/** Pause before a word that the map has not answered is said again. */
const WORD_RETRY_MS = 300;

interface Turn {
  readonly options: CheckpointActorOptions;
  readonly ctx: Context<CheckpointMessage>;
}

export function checkpointActor(options: CheckpointActorOptions): Behavior<CheckpointState, CheckpointMessage> {
  return {
    name: "checkpoint",
    init: (ctx) => begin({ options, ctx }),
    receive: (state, message, ctx) => handle({ options, ctx }, state, message),
  };
}

function begin(turn: Turn): CheckpointState {
  const { options, ctx } = turn;
  const { status, spec } = options.checkpoint;
  const state: CheckpointState = { stage: "making", unwanted: status.phase === "Deleting", word: null };
  if (state.unwanted) return drop(turn, state);
  if (options.begun) return fail(turn, state, "its node lost sight of it while it was made");
  options.hypervisor.verbs.checkpoint(
    { instance: spec.instance, id: status.id },
    ctx.callback((result) => ({ type: "made", result })),
  );
  ctx.setTimer("making", MAKING_MS, { type: "making-due" });
  return state;
}

function handle(turn: Turn, state: CheckpointState, message: CheckpointMessage): CheckpointState {
  switch (message.type) {
    case "unwanted":
      return { ...state, unwanted: true };
    case "made":
      return state.stage === "making" ? onMade(turn, state, message.result) : state;
    case "making-due":
      if (state.stage !== "making") return state;
      return fail(turn, state, `the hypervisor has not answered for ${MAKING_MS / 60_000} minutes`);
    case "dropped":
      return state.stage === "dropping" ? onDropped(turn, state, message.result) : state;
    case "drop-due":
      return state.stage === "dropping" ? drop(turn, state) : state;
    case "word-answered":
      return state.stage === "telling" ? onAnswered(turn, state, message.carriedOut) : state;
    case "word-due":
      return state.stage === "telling" && state.word !== null ? tell(turn, state, state.word) : state;
    default:
      return message satisfies never;
  }
}

function onMade(
  turn: Turn,
  state: CheckpointState,
  result: Extract<CheckpointMessage, { readonly type: "made" }>["result"],
): CheckpointState {
  turn.ctx.cancelTimer("making");
  if (state.unwanted) return drop(turn, state);
  if (!result.ok) return fail(turn, state, result.message);
  return tell(turn, state, {
    type: "observe-checkpoint",
    observation: { phase: "Ready", manifest: result.manifest },
  });
}

function drop({ options, ctx }: Turn, state: CheckpointState): CheckpointState {
  options.hypervisor.verbs.dropCheckpoint(
    options.checkpoint.status.id,
    ctx.callback((result) => ({ type: "dropped", result })),
  );
  return { ...state, stage: "dropping" };
}

function onDropped(turn: Turn, state: CheckpointState, { ok }: { readonly ok: boolean }): CheckpointState {
  if (!ok) {
    turn.ctx.setTimer("drop", DROP_RETRY_MS, { type: "drop-due" });
    return state;
  }
  return state.unwanted ? tell(turn, state, { type: "drop-checkpoint" }) : finish(turn, state);
}

function fail(turn: Turn, state: CheckpointState, message: string): CheckpointState {
  return tell(turn, state, { type: "observe-checkpoint", observation: { phase: "Failed", message } });
}

function tell({ options, ctx }: Turn, state: CheckpointState, word: CheckpointWord): CheckpointState {
  ctx.tell(options.parent, { type: "checkpoint-says", id: options.checkpoint.status.id, word });
  return { ...state, stage: "telling", word };
}

/** Refused means that the map knows something newer, or has another lease: what it says of the bytes then is not known here, so they stay. */
function onAnswered(turn: Turn, state: CheckpointState, carriedOut: boolean | null): CheckpointState {
  const { word } = state;
  if (carriedOut === null) {
    turn.ctx.setTimer("word", WORD_RETRY_MS, { type: "word-due" });
    return state;
  }
  if (word?.type !== "observe-checkpoint") return finish(turn, state);
  const hasFailed = carriedOut && word.observation.phase === "Failed";
  return state.unwanted || hasFailed ? drop(turn, state) : finish(turn, state);
}

function finish({ ctx, options }: Turn, state: CheckpointState): CheckpointState {
  ctx.tell(options.parent, { type: "checkpoint-done", id: options.checkpoint.status.id });
  ctx.stop();
  return { ...state, stage: "done" };
}
