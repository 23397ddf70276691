/** One message's worth of work of a VmActor: what it is about, and how it speaks to its node. The stages stand in files of their own. */
import type { Context, Hypervisor, Prober, Ref } from "../../runtime/index.ts";
import type { Instance, Vm } from "../resources/index.ts";
import type { MoveRules } from "./move-rules.ts";
import type { MigrationWord, VmMessage, VmReport, Wish } from "./vm-message.ts";
import { observationOf, type VmState } from "./vm-state.ts";

export interface VmActorOptions {
  readonly vm: Vm;
  readonly instance: Instance;
  readonly leaseUntilMs: number;
  /** What the map wants of the instance on this node, as of when the actor begins. */
  readonly wish: Wish;
  readonly hypervisor: Hypervisor;
  readonly prober: Prober;
  /** Where the VM's ports are published, and migrations are waited for. */
  readonly hostAddress: string;
  readonly parent: Ref<VmReport>;
  /** Default: MOVE_RULES. Only the simulator gives others, to plant a fault. */
  readonly moveRules?: MoveRules;
}

export interface Turn {
  readonly options: VmActorOptions;
  readonly ctx: Context<VmMessage>;
}

/** Pause before a word that the map has not answered is said again. */
const WORD_RETRY_MS = 300;

/** Tells the map how the instance is; of one that has just come, once that is over. */
export function report({ options, ctx }: Turn, state: VmState): VmState {
  if (state.settling) return state;
  const observation = observationOf(state);
  const instance = options.instance.id;
  if (observation !== null) ctx.tell(options.parent, { type: "vm-observed", instance, observation });
  return state;
}

/** Says something of a migration, once. */
export function say({ options, ctx }: Turn, migration: string, word: MigrationWord): void {
  ctx.tell(options.parent, { type: "vm-says", instance: options.instance.id, migration, word });
}

/** Says it until the map has answered. That it should end is not taken back by anything else. */
export function insist(turn: Turn, state: VmState, migration: string, word: MigrationWord): VmState {
  const { pending } = state;
  if (pending?.migration === migration && (pending.word.type === word.type || isEnd(pending.word))) return state;
  say(turn, migration, word);
  return { ...state, pending: { migration, word } };
}

/** Null: nobody knows whether it was carried out. */
export function onWordAnswered(
  turn: Turn,
  state: VmState,
  { migration, word, carriedOut }: Extract<VmMessage, { readonly type: "word-answered" }>,
): VmState {
  if (state.pending?.migration !== migration || state.pending.word.type !== word) return state;
  if (carriedOut !== null) return { ...state, pending: null };
  turn.ctx.setTimer("word", WORD_RETRY_MS, { type: "word-due" });
  return state;
}

export function onWordDue(turn: Turn, state: VmState): VmState {
  if (state.pending !== null) say(turn, state.pending.migration, state.pending.word);
  return state;
}

function isEnd(word: MigrationWord): boolean {
  return word.type === "cancel-migration";
}
