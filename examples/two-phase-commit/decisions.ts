/**
 * The decisions to commit of one node's coordinator, as events: told until every participant has acknowledged, then forgotten.
 *
 * What is not here was aborted, or has been acknowledged by all; so whoever still asks about it is told to abort.
 */
import { eventSourced, type Behavior, type Context } from "../../library/index.ts";
import { tellParticipant } from "./coordinator.ts";
import { RETRY_MS, type DecisionsCommand, type Transaction } from "./messages.ts";

/** By transaction: who has not acknowledged. */
type Unacknowledged = Readonly<Record<string, readonly string[]>>;

type DecisionEvent =
  | { readonly type: "committed"; readonly transaction: Transaction }
  | { readonly type: "acknowledged"; readonly id: string; readonly from: string };

export function decisions(node: string): Behavior<unknown, DecisionsCommand> {
  return eventSourced<Unacknowledged, DecisionsCommand, DecisionEvent>({
    name: "decisions",
    streamId: `decisions-${node}`,
    empty: {},
    snapshotEvery: 50,
    decide: (state, command, ctx) => {
      switch (command.type) {
        case "commit": {
          const { transaction, replyTo } = command;
          return ctx
            .persist({ type: "committed", transaction })
            .thenReply(replyTo, () => ({ type: "durable", id: transaction.id }));
        }
        case "asked": {
          const { id, from } = command;
          const type = id in state ? "commit" : "abort";
          return ctx.none().thenRun((_, actor) => tellParticipant(actor, from, { type, id, coordinator: node }));
        }
        case "acknowledged": {
          const { id, from } = command;
          return state[id]?.includes(from) === true ? ctx.persist({ type: "acknowledged", id, from }) : ctx.none();
        }
        case "retry":
          return ctx.none().thenRun(tellAgain);
        default:
          return command satisfies never;
      }
    },
    evolve: (state, event) => {
      if (event.type === "committed") return { ...state, [event.transaction.id]: event.transaction.participants };
      const { [event.id]: missing = [], ...others } = state;
      const left = missing.filter((participant) => participant !== event.from);
      return left.length === 0 ? others : { ...others, [event.id]: left };
    },
    onSignal: (_, signal, ctx) => (signal.type === "recovered" ? ctx.none().thenRun(tellAgain) : undefined),
  });
}

function tellAgain(state: Unacknowledged, ctx: Context<DecisionsCommand>): void {
  for (const [id, missing] of Object.entries(state)) {
    for (const node of missing) tellParticipant(ctx, node, { type: "commit", id, coordinator: ctx.node });
  }
  ctx.setTimer("retry", RETRY_MS, { type: "retry" });
}
