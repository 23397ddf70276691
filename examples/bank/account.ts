/**
 * A bank account: an event-sourced actor that books each side of a transfer once, however often it is asked to.
 *
 * Between nodes a request may be lost, and so may its answer; whoever asks cannot tell which, and asks again. What makes that
 * safe is the key of a booking: an account that has it already answers as it did before, and books nothing.
 */
import { eventSourced, type Behavior, type Ref } from "../../library/index.ts";

export type BookingKind = "withdraw" | "deposit" | "refund";

export type Outcome = "booked" | "too-little" | "frozen";

/** Names a booking for good: one side of one transfer. */
export type BookingKey = `${string} ${BookingKind}`;

export type AccountCommand =
  /** Asks for one booking; also for one that may have been made already. */
  | {
      readonly type: "book";
      readonly transfer: string;
      readonly kind: BookingKind;
      readonly cents: number;
      readonly replyTo: Ref<Booked>;
    }
  | { readonly type: "freeze" };

/** What became of it. */
export interface Booked {
  readonly type: "booked";
  readonly transfer: string;
  readonly kind: BookingKind;
  readonly outcome: Outcome;
}

type AccountEvent =
  | { readonly type: "booked"; readonly key: BookingKey; readonly cents: number }
  | { readonly type: "refused"; readonly key: BookingKey; readonly outcome: Outcome }
  | { readonly type: "frozen" };

export interface Account {
  readonly cents: number;
  /** A frozen account takes no deposits; a refund is none. */
  readonly frozen: boolean;
  /** Every booking in order, with its sign. */
  readonly bookings: readonly { readonly key: BookingKey; readonly cents: number }[];
  /** What was answered, by key. */
  readonly answered: Readonly<Record<BookingKey, Outcome>>;
}

export interface AccountOptions {
  readonly name: string;
  readonly openingCents: number;
  /** Whether it looks for the key before it books. Default: true. */
  readonly looksForKey?: boolean;
  /** Told of every state that is durable, as it comes to be. */
  readonly onState?: (account: Account) => void;
}

export function account({
  name,
  openingCents,
  looksForKey = true,
  onState,
}: AccountOptions): Behavior<unknown, AccountCommand> {
  return eventSourced<Account, AccountCommand, AccountEvent>({
    name: "account",
    streamId: `account-${name}`,
    empty: { cents: openingCents, frozen: false, bookings: [], answered: {} },
    snapshotEvery: 20,
    decide: (state, command, ctx) => {
      if (command.type === "freeze") return ctx.persist({ type: "frozen" });
      const { transfer, kind, cents, replyTo } = command;
      const key: BookingKey = `${transfer} ${kind}`;
      const known = looksForKey ? state.answered[key] : undefined;
      if (known !== undefined) return ctx.reply(replyTo, { type: "booked", transfer, kind, outcome: known });
      const outcome = refusalOf(state, kind, cents) ?? "booked";
      return ctx
        .persist(
          outcome === "booked"
            ? { type: "booked", key, cents: kind === "withdraw" ? -cents : cents }
            : { type: "refused", key, outcome },
        )
        .thenRun((after) => onState?.(after))
        .thenReply<Booked>(replyTo, () => ({ type: "booked", transfer, kind, outcome }));
    },
    evolve: (state, event) => {
      switch (event.type) {
        case "booked":
          return {
            ...state,
            cents: state.cents + event.cents,
            bookings: [...state.bookings, { key: event.key, cents: event.cents }],
            answered: { ...state.answered, [event.key]: "booked" },
          };
        case "refused":
          return { ...state, answered: { ...state.answered, [event.key]: event.outcome } };
        case "frozen":
          return { ...state, frozen: true };
        default:
          return event satisfies never;
      }
    },
    // A crash between the write and the step forgets the step.
    onSignal: (state, signal, ctx) => {
      return signal.type === "recovered" ? ctx.none().thenRun(() => onState?.(state)) : undefined;
    },
  });
}

/** Why it cannot be booked, or nothing. */
function refusalOf(state: Account, kind: BookingKind, cents: number): Outcome | undefined {
  if (kind === "withdraw" && state.cents < cents) return "too-little";
  return kind === "deposit" && state.frozen ? "frozen" : undefined;
}
