/**
 * The coordinator of a node: asks for votes, and commits when all are yes.
 *
 *     begin ─▶ voting ──all yes──▶ deciding ──durable──▶ told: commit
 *                 └──a no, or late──▶ told: abort
 *
 * It keeps nothing itself. A crash forgets what is being voted on, and what is forgotten is aborted: only the decision to commit is ever
 * written (`decisions.ts`), before anybody is told of it. That is presumed abort (Mohan, Lindsay, Obermarck, "Transaction Management in the R*
 * Distributed Database Management System", 1986, §3).
 */
import type { Behavior, Context, Ref } from "../../library/index.ts";
import {
  VOTES_WITHIN_MS,
  type CoordinatorMessage,
  type Decision,
  type DecisionsCommand,
  type ParticipantCommand,
  type Told,
  type Transaction,
} from "./messages.ts";

/** A transaction that nobody has been told the end of. */
interface Open {
  readonly transaction: Transaction;
  readonly replyTo: Ref<Told>;
  /** Who has not voted yet. */
  readonly missing: readonly string[];
}

type OpenTransactions = Readonly<Record<string, Open>>;

export interface CoordinatorOptions {
  /** Where the decisions of this node are kept. */
  readonly decisions: Ref<DecisionsCommand>;
  /** Whether a decision is durable before anybody is told of it. Default: true. */
  readonly writesFirst?: boolean;
}

export function coordinator({
  decisions,
  writesFirst = true,
}: CoordinatorOptions): Behavior<OpenTransactions, CoordinatorMessage> {
  return {
    name: "coordinator",
    init: () => ({}),
    receive: (open, message, ctx) => {
      switch (message.type) {
        case "begin": {
          const { transaction, replyTo } = message;
          const { id, key, participants } = transaction;
          for (const node of participants)
            tellParticipant(ctx, node, { type: "prepare", id, key, coordinator: ctx.node });
          ctx.setTimer(id, VOTES_WITHIN_MS, { type: "late", id });
          return { ...open, [id]: { transaction, replyTo, missing: participants } };
        }
        case "vote": {
          const voted = open[message.id];
          if (voted === undefined || voted.missing.length === 0) return open;
          if (!message.yes) return abort(open, voted, ctx);
          const missing = voted.missing.filter((node) => node !== message.from);
          if (missing.length === 0) {
            ctx.tell(decisions, { type: "commit", transaction: voted.transaction, replyTo: ctx.self });
            if (!writesFirst) tellAll(ctx, voted, "commit");
          }
          return { ...open, [message.id]: { ...voted, missing } };
        }
        case "durable": {
          const decided = open[message.id];
          if (decided === undefined) return open;
          tellAll(ctx, decided, "commit");
          return without(open, message.id, ctx);
        }
        case "late": {
          const late = open[message.id];
          // Once it is being written, only the disk knows.
          return late === undefined || late.missing.length === 0 ? open : abort(open, late, ctx);
        }
        case "asked":
          if (!(message.id in open)) ctx.tell(decisions, message);
          return open;
        default:
          return message satisfies never;
      }
    },
  };
}

type Ctx = Context<CoordinatorMessage>;

function abort(open: OpenTransactions, aborted: Open, ctx: Ctx): OpenTransactions {
  tellAll(ctx, aborted, "abort");
  return without(open, aborted.transaction.id, ctx);
}

function tellAll(ctx: Ctx, { transaction: { id, participants }, replyTo }: Open, decision: Decision): void {
  for (const node of participants) tellParticipant(ctx, node, { type: decision, id, coordinator: ctx.node });
  ctx.tell(replyTo, { id, decision });
}

function without(open: OpenTransactions, id: string, ctx: Ctx): OpenTransactions {
  ctx.cancelTimer(id);
  const { [id]: _, ...others } = open;
  return others;
}

export function tellParticipant<Message>(ctx: Context<Message>, node: string, command: ParticipantCommand): void {
  ctx.tell(ctx.refAt<ParticipantCommand>({ node, path: "participant" }), command);
}
