/**
 * The VmActor drives one instance through its hypervisor and reports what it sees.
 *
 *     adopting ──not running──▶ starting ──started──▶ booting ──booted──▶ running ◀──taken over── receiving
 *         └──────────────── still running ──────────────────────────────────▶┘ │ exit, unhealthy
 *                                  starting ◀──backoff── waiting ◀─────────────┘
 *         any ──stop──▶ stopping ──ended──▶ released          any ──discard──▶ discarding ──ended──▶ released
 *
 * It begins by asking the hypervisor for a guest of this instance: after a restart of the node, or a crash of this actor, there may be one; or, as the
 * target of a migration, by waiting for one. What each stage does stands in its own file: `guest-life.ts`, `guest-health.ts`, `stillness.ts`,
 * `outgoing-migration.ts`, `incoming-migration.ts`, `aftermath.ts`. The three before that look at the map's wish after each message, so that no word of it, no answer and no
 * order among them has a case of its own.
 *
 * Invariants: `start` is called only while no earlier start or run of this instance is open; `released` is said only after the hypervisor's word that
 * nothing of it runs; nothing is started or let go on under a lease that is over.
 */
import type { Behavior, InstanceEvent } from "../../runtime/index.ts";
import { discard, onLeftDue, onSettled } from "./aftermath.ts";
import { onHeartbeat, onProbed, probe } from "./guest-health.ts";
import { keepBallooned, onBallooned, onBalloonDue } from "./ballooning.ts";
import * as life from "./guest-life.ts";
import { onArrived, onCopyExited, onListening, receive, takenOver } from "./incoming-migration.ts";
import { followOutgoing, giveUpOutgoing, onMigrationDue, onSent, onSentSoFar } from "./outgoing-migration.ts";
import { keepStill, onVerbAnswered, onVerbDue } from "./stillness.ts";
import type { VmMessage, Wish } from "./vm-message.ts";
import { initialState, type VmState } from "./vm-state.ts";
import { onWordAnswered, onWordDue, type Turn, type VmActorOptions } from "./vm-turn.ts";

export function vmActor(options: VmActorOptions): Behavior<VmState, VmMessage> {
  return {
    name: "vm",
    init: (ctx) => {
      const turn = { options, ctx };
      return begin(turn, initialState(options, { random: ctx.random, nowMs: ctx.now() }));
    },
    receive: (state, message, ctx) => {
      const turn = { options, ctx };
      return keepBallooned(turn, keepStill(turn, followOutgoing(turn, handle(turn, state, message))));
    },
  };
}

function begin(turn: Turn, state: VmState): VmState {
  if (state.wish.role === "incoming") return receive(turn, state);
  return life.adopt(turn, giveUpOutgoing(turn, state));
}

function handle(turn: Turn, state: VmState, message: VmMessage): VmState {
  switch (message.type) {
    case "lease":
      turn.options.hypervisor.extendLease([turn.options.instance.id], message.untilMs);
      return { ...state, leaseUntilMs: message.untilMs };
    case "wish":
      return onWish(turn, state, message.wish);
    case "stop":
      return life.endGuest(turn, state, { stage: "stopping", message: message.message });
    case "discard":
      return discard(turn, state);
    case "started":
      if (message.attempt !== state.attempt) return state;
      return state.stage === "receiving"
        ? onListening(turn, state, message.result)
        : life.onStarted(turn, state, message.result);
    case "instance-event":
      return onInstanceEvent(turn, state, message.event);
    case "probed":
      return message.attempt === state.attempt ? onProbed(turn, state, message.result) : state;
    case "verb-answered":
      return onVerbAnswered(turn, state, message.id, message.result);
    case "sent":
      return onSent(turn, state, message.migration, message.result);
    case "sent-so-far":
      return onSentSoFar(turn, state, message.migration, message.progress);
    case "word-answered":
      return onAnswered(turn, state, message);
    case "probe-due":
      return probe(turn, state);
    case "start-due":
      return life.onStartDue(turn, state);
    case "boot-due":
      return life.onBootDue(turn, state);
    case "end-due":
      return life.onEndDue(turn, state);
    case "verb-due":
      return onVerbDue(state);
    case "ballooned":
      return onBallooned(turn, state, message);
    case "balloon-due":
      return onBalloonDue(state);
    case "word-due":
      return onWordDue(turn, state);
    case "migration-due":
      return onMigrationDue(turn, state, message.migration);
    case "ended":
      return life.onEnded(turn, state, message.result);
    case "left-due":
      return onLeftDue(turn, state, message);
    case "settled":
      return onSettled(turn, state);
    case "stable":
      return { ...state, failures: 0 };
    default:
      return message satisfies never;
  }
}

/** The answer to a take-over may come before what the map has shown until then. */
function onWish(turn: Turn, known: VmState, wish: Wish): VmState {
  if (known.stage !== "receiving" && wish.role === "incoming") return known;
  const isFree = known.wish.checkpointing === true && wish.checkpointing !== true;
  const state: VmState = { ...known, wish, listening: known.listening && !isFree };
  if (isFree && turn.options.vm.spec.health !== undefined) turn.ctx.setTimer("probe", 0, { type: "probe-due" });
  return state.stage === "receiving" && wish.role === "own" ? takenOver(turn, state) : state;
}

function onAnswered(
  turn: Turn,
  state: VmState,
  message: Extract<VmMessage, { readonly type: "word-answered" }>,
): VmState {
  const { migration, word, carriedOut } = message;
  const isMine = state.stage === "receiving" && state.incoming?.migration === migration;
  if (isMine && word === "take-over" && carriedOut === true) return takenOver(turn, state);
  return onWordAnswered(turn, state, message);
}

function onInstanceEvent(turn: Turn, state: VmState, event: InstanceEvent): VmState {
  switch (event.type) {
    case "booted":
      return state.stage === "starting" || state.stage === "booting" ? life.booted(turn, state) : state;
    case "heartbeat":
      return onHeartbeat(turn, state);
    case "arrived":
      return onArrived(turn, state);
    case "exited":
      return state.stage === "receiving" ? onCopyExited(turn, state, event.detail) : life.onExited(turn, state, event);
    default:
      return event satisfies never;
  }
}
