/**
 * The participant of a node: a store of values that promises to write one, and then writes it or does not, as it is told.
 *
 *     prepare ──free──▶ prepared: the key is locked, the promise durable ─▶ vote yes ──commit──▶ written
 *         └──locked──▶ vote no                                              └────────abort───▶ as if nothing had been
 *
 * Between its yes and the decision it is in doubt: it can neither write nor give the key free, however long it lasts, and asks.
 */
import { eventSourced, type Behavior, type Context } from "../../library/index.ts";
import {
  RETRY_MS,
  type CoordinatorMessage,
  type Decision,
  type DecisionsCommand,
  type ParticipantCommand,
} from "./messages.ts";

type ParticipantEvent =
  | { readonly type: "prepared"; readonly id: string; readonly key: string; readonly coordinator: string }
  | { readonly type: Decision; readonly id: string };

export interface Participant {
  /** By key: the transaction that wrote it last. */
  readonly values: Readonly<Record<string, string>>;
  /** By transaction: what is locked for it, and who knows what becomes of it. */
  readonly prepared: Readonly<Record<string, { readonly key: string; readonly coordinator: string }>>;
  /** By transaction: what became of what was promised. A real one forgets after a while. */
  readonly ended: Readonly<Record<string, Decision>>;
}

export interface ParticipantOptions {
  readonly node: string;
  /** Told of every state that is durable, as it comes to be. */
  readonly onState?: (state: Participant) => void;
}

export function participant({ node, onState }: ParticipantOptions): Behavior<unknown, ParticipantCommand> {
  return eventSourced<Participant, ParticipantCommand, ParticipantEvent>({
    name: "participant",
    streamId: `participant-${node}`,
    empty: { values: {}, prepared: {}, ended: {} },
    snapshotEvery: 50,
    decide: (state, command, ctx) => {
      switch (command.type) {
        case "prepare": {
          const { id, key, coordinator } = command;
          const vote = (yes: boolean) => (_: Participant, actor: Context<ParticipantCommand>) => {
            actor.tell(coordinatorAt(actor, coordinator), { type: "vote", id, from: node, yes });
          };
          // Asked late, or twice.
          if (id in state.ended || id in state.prepared) return ctx.none().thenRun(vote(state.ended[id] !== "abort"));
          if (Object.values(state.prepared).some((other) => other.key === key)) return ctx.none().thenRun(vote(false));
          return ctx.persist({ type: "prepared", id, key, coordinator }).thenRun(vote(true));
        }
        case "commit":
        case "abort": {
          const { type, id, coordinator } = command;
          const decision = id in state.prepared ? ctx.persist({ type, id }) : ctx.none();
          return decision.thenRun((after, actor) => {
            onState?.(after);
            if (after.ended[id] === "commit") acknowledge(actor, coordinator, id);
          });
        }
        case "retry":
          return ctx.none().thenRun(ask);
        default:
          return command satisfies never;
      }
    },
    evolve: (state, event) => {
      if (event.type === "prepared") {
        const { id, key, coordinator } = event;
        return { ...state, prepared: { ...state.prepared, [id]: { key, coordinator } } };
      }
      const { [event.id]: promise, ...prepared } = state.prepared;
      const ended = { ...state.ended, [event.id]: event.type };
      const writes = event.type === "commit" && promise !== undefined;
      return { prepared, ended, values: writes ? { ...state.values, [promise.key]: event.id } : state.values };
    },
    onSignal: (state, signal, ctx) => {
      if (signal.type !== "recovered") return undefined;
      return ctx.none().thenRun((_, actor) => {
        onState?.(state);
        ask(state, actor);
      });
    },
  });

  function acknowledge(ctx: Context<ParticipantCommand>, coordinator: string, id: string): void {
    const to = ctx.refAt<DecisionsCommand>({ node: coordinator, path: "decisions" });
    ctx.tell(to, { type: "acknowledged", id, from: node });
  }

  /** About all that is in doubt. */
  function ask({ prepared }: Participant, ctx: Context<ParticipantCommand>): void {
    for (const [id, { coordinator }] of Object.entries(prepared)) {
      ctx.tell(coordinatorAt(ctx, coordinator), { type: "asked", id, from: node });
    }
    ctx.setTimer("retry", RETRY_MS, { type: "retry" });
  }
}

function coordinatorAt(
  ctx: Context<ParticipantCommand>,
  node: string,
): ReturnType<typeof ctx.refAt<CoordinatorMessage>> {
  return ctx.refAt<CoordinatorMessage>({ node, path: "coordinator" });
}
