/** A bank account as an event-sourced actor, for the tests of persistence. */
import { eventSourced, type Behavior, type EventSourcedOptions, type Ref } from "../../../runtime/index.ts";

export type AccountCommand =
  | { readonly type: "deposit"; readonly amount: number; readonly replyTo?: Ref<number> }
  | { readonly type: "withdraw"; readonly amount: number; readonly replyTo: Ref<number | "too-little"> }
  | { readonly type: "balance"; readonly replyTo: Ref<number> }
  | { readonly type: "split"; readonly amounts: readonly number[]; readonly replyTo?: Ref<number> }
  | { readonly type: "bad"; readonly what: "throw" | "promise" | "unkeepable" | "too-large" | "unknown" }
  | { readonly type: "close"; readonly replyTo?: Ref<number> };

export type AccountEvent =
  | { readonly type: "deposited"; readonly amount: number }
  | { readonly type: "withdrawn"; readonly amount: number };

export interface Account {
  readonly balance: number;
  readonly bookings: number;
}

type Options = EventSourcedOptions<Account, AccountCommand, AccountEvent>;

export function account(streamId: string, more: Partial<Options> = {}): Behavior<unknown, AccountCommand> {
  return eventSourced<Account, AccountCommand, AccountEvent>({
    name: "account",
    streamId,
    empty: { balance: 0, bookings: 0 },
    decide(state, command, ctx) {
      switch (command.type) {
        case "deposit": {
          const kept = ctx.persist({ type: "deposited", amount: command.amount });
          return command.replyTo === undefined ? kept : kept.thenReply(command.replyTo, ({ balance }) => balance);
        }
        case "withdraw":
          if (command.amount > state.balance) return ctx.reply(command.replyTo, "too-little");
          return ctx
            .persist({ type: "withdrawn", amount: command.amount })
            .thenReply(command.replyTo, ({ balance }) => balance);
        case "balance":
          return ctx.reply(command.replyTo, state.balance);
        case "split": {
          const kept = ctx.persist(command.amounts.map((amount) => ({ type: "deposited", amount })));
          return command.replyTo === undefined ? kept : kept.thenReply(command.replyTo, ({ balance }) => balance);
        }
        case "bad":
          return bad(command.what, ctx);
        case "close": {
          const { replyTo } = command;
          const kept = ctx.persist({ type: "withdrawn", amount: state.balance }).thenStop();
          return replyTo === undefined ? kept : kept.thenReply(replyTo, ({ balance }) => balance);
        }
        default:
          return command satisfies never;
      }
    },
    evolve: ({ balance, bookings }, event) => ({
      balance: event.type === "deposited" ? balance + event.amount : balance - event.amount,
      bookings: bookings + 1,
    }),
    ...more,
  });
}

function bad(
  what: Extract<AccountCommand, { readonly type: "bad" }>["what"],
  ctx: Parameters<Options["decide"]>[2],
): ReturnType<Options["decide"]> {
  switch (what) {
    case "throw":
      throw new Error("decide threw");
    case "promise":
      return Promise.resolve(ctx.none()) as never;
    case "unkeepable":
      return ctx.persist({ type: "deposited", amount: Number.NaN });
    case "too-large":
      return ctx.persist(Array.from({ length: 10_001 }, () => ({ type: "deposited", amount: 1 })));
    case "unknown":
      return ctx.unhandled();
    default:
      return what satisfies never;
  }
}
