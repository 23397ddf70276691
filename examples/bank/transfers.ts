/**
 * The transfers that began on one node: a saga each, kept as events, taken up again after a crash.
 *
 *     withdraw ──booked──▶ deposit ──booked──▶ done
 *         └─too-little─▶ refused  └─frozen──▶ refund ──booked──▶ refunded
 *
 * There is no transaction over two accounts: what has been done and cannot go on is compensated (Garcia-Molina and Salem,
 * "Sagas", 1987). A step is asked for again until it is answered, so every account must know a booking by its key.
 */
import { eventSourced, type Address, type Behavior, type Context } from "../../library/index.ts";
import type { AccountCommand, Booked, BookingKind, Outcome } from "./account.ts";

export type TransferCommand =
  | {
      readonly type: "transfer";
      readonly id: string;
      readonly from: string;
      readonly to: string;
      readonly cents: number;
    }
  | Booked
  /** Time to ask again for what was not answered. */
  | { readonly type: "retry" };

/** What it waits for, or how it ended. */
export type TransferStep = BookingKind | "done" | "refused" | "refunded";

export interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly cents: number;
  readonly step: TransferStep;
}

export type Transfers = Readonly<Record<string, Transfer>>;

type TransferEvent =
  | { readonly type: "begun"; readonly id: string; readonly from: string; readonly to: string; readonly cents: number }
  | { readonly type: "stepped"; readonly id: string; readonly step: TransferStep };

export interface TransfersOptions {
  /** The node whose transfers these are. */
  readonly node: string;
  /** Where an account is. */
  readonly accountAt: (name: string) => Address;
  /** How long a step may go without an answer before it is asked for again. Default: 500. */
  readonly retryMs?: number;
  /** Told of every state that is durable, as it comes to be. */
  readonly onState?: (transfers: Transfers) => void;
}

const RETRY_MS = 500;

export function transfers(options: TransfersOptions): Behavior<unknown, TransferCommand> {
  const { node, accountAt, retryMs = RETRY_MS, onState } = options;

  /** Asks for the step that a transfer waits for; nothing when it has ended. */
  function ask(id: string, { from, to, cents, step }: Transfer, ctx: Context<TransferCommand>): void {
    if (isOver(step)) return;
    const account = ctx.refAt<AccountCommand>(accountAt(step === "deposit" ? to : from));
    ctx.tell(account, { type: "book", transfer: id, kind: step, cents, replyTo: ctx.self });
  }

  function askAll(state: Transfers, ctx: Context<TransferCommand>): void {
    for (const [id, transfer] of Object.entries(state)) ask(id, transfer, ctx);
    ctx.setTimer("retry", retryMs, { type: "retry" });
  }

  /** What follows when the events of one transfer are durable. */
  function goOn(id: string): (state: Transfers, ctx: Context<TransferCommand>) => void {
    return (state, ctx) => {
      onState?.(state);
      const transfer = state[id];
      if (transfer !== undefined) ask(id, transfer, ctx);
    };
  }

  return eventSourced<Transfers, TransferCommand, TransferEvent>({
    name: "transfers",
    streamId: `transfers-${node}`,
    empty: {},
    snapshotEvery: 100,
    decide: (state, command, ctx) => {
      switch (command.type) {
        case "transfer": {
          const { id, from, to, cents } = command;
          return id in state ? ctx.none() : ctx.persist({ type: "begun", id, from, to, cents }).thenRun(goOn(id));
        }
        case "booked": {
          const { transfer: id, kind, outcome } = command;
          // An answer to a step that was answered before.
          if (state[id]?.step !== kind) return ctx.none();
          return ctx.persist({ type: "stepped", id, step: stepAfter(kind, outcome) }).thenRun(goOn(id));
        }
        case "retry":
          return ctx.none().thenRun(askAll);
        default:
          return command satisfies never;
      }
    },
    evolve: (state, event) => {
      if (event.type === "begun") {
        const { from, to, cents } = event;
        return { ...state, [event.id]: { from, to, cents, step: "withdraw" } };
      }
      const transfer = state[event.id];
      return transfer === undefined ? state : { ...state, [event.id]: { ...transfer, step: event.step } };
    },
    onSignal: (state, signal, ctx) => {
      if (signal.type !== "recovered") return undefined;
      return ctx.none().thenRun((_, actor) => {
        onState?.(state);
        askAll(state, actor);
      });
    },
  });
}

export function isOver(step: TransferStep): step is Exclude<TransferStep, BookingKind> {
  return step === "done" || step === "refused" || step === "refunded";
}

function stepAfter(kind: BookingKind, outcome: Outcome): TransferStep {
  switch (kind) {
    case "withdraw":
      return outcome === "booked" ? "deposit" : "refused";
    case "deposit":
      return outcome === "booked" ? "done" : "refund";
    case "refund":
      return "refunded";
    default:
      return kind satisfies never;
  }
}
