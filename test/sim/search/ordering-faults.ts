/** Faults of a user's actors that show only when turns come in a certain order; for the question how soon a search finds them. */
import type { Behavior, Context } from "../../../runtime/index.ts";
import type { SimulateOptions } from "../../../sim/index.ts";

/**
 * Depth: how many ordered events bring it about. `lost-update`: two read, and then both write (2). `overtaken`: one turn comes after twelve of
 * another chain (1). `half-closed`: of two turns one comes in the midst of that chain and the other behind it (3).
 */
export type OrderingFault = "lost-update" | "overtaken" | "half-closed";

export const ORDERING_FAULTS: readonly OrderingFault[] = ["lost-update", "overtaken", "half-closed"];

type Message =
  | { readonly type: "go" }
  | { readonly type: "hop"; readonly left: number }
  | { readonly type: "look"; readonly from: string }
  | { readonly type: "seen"; readonly value: number }
  | { readonly type: "set"; readonly value: number };

const ROUND_MS = 100;
const HOPS = 12;

/** One node without faults, so that nothing but the order of turns is left to chance; ten rounds a run, each from the start. */
export function orderingRun(fault: OrderingFault): Omit<SimulateOptions, "seed"> {
  let wrong: string | null = null;
  const accuse = (message: string): void => {
    wrong = message;
  };
  return {
    nodes: 1,
    faults: "none",
    durationMs: 10 * ROUND_MS + 50,
    always: { "in-order": () => wrong },
    start: ({ system }) => {
      const two =
        fault === "lost-update" ? [updater("one"), updater("two")] : [chain("one", "two"), chain("two", "one")];
      const rivals = [...two, ...(fault === "lost-update" ? [] : [reader(fault, accuse)])];
      for (const actor of [cell(fault, accuse), ...rivals]) system.spawn(actor, { name: actor.name });
      system.spawn(starter(fault === "lost-update" ? ["one", "two"] : ["one", "reader"]), { name: "starter" });
    },
  };
}

function tell(ctx: Context<Message>, name: string, message: Message): void {
  ctx.tell(ctx.refAt<Message>({ node: ctx.node, path: name }), message);
}

function starter(names: readonly string[]): Behavior<null, Message> {
  return {
    name: "starter",
    init: (ctx) => {
      ctx.setTimer("round", ROUND_MS, { type: "go" });
      return null;
    },
    receive: (state, _, ctx) => {
      ctx.setTimer("round", ROUND_MS, { type: "go" });
      tell(ctx, "cell", { type: "set", value: 0 });
      for (const name of names) tell(ctx, name, { type: "go" });
      return state;
    },
  };
}

/** Holds a number. */
function cell(fault: OrderingFault, accuse: (message: string) => void): Behavior<number, Message> {
  return {
    name: "cell",
    init: () => 0,
    receive: (value, message, ctx) => {
      if (message.type === "look") tell(ctx, message.from, { type: "seen", value });
      if (message.type !== "set") return value;
      if (fault === "lost-update" && message.value !== 0 && message.value <= value)
        accuse(`an update was lost at ${value}`);
      return message.value;
    },
  };
}

/** Reads, and writes one more. */
function updater(name: string): Behavior<null, Message> {
  return {
    name,
    init: () => null,
    receive: (state, message, ctx) => {
      if (message.type === "go") tell(ctx, "cell", { type: "look", from: name });
      if (message.type === "seen") tell(ctx, "cell", { type: "set", value: message.value + 1 });
      return state;
    },
  };
}

/** Two of them pass a message to and fro; in the middle and at the end the cell is set. */
function chain(name: string, other: string): Behavior<null, Message> {
  return {
    name,
    init: () => null,
    receive: (state, message, ctx) => {
      const left = message.type === "hop" ? message.left : HOPS;
      if (left === HOPS / 2) tell(ctx, "cell", { type: "set", value: 1 });
      if (left === 0) tell(ctx, "cell", { type: "set", value: 2 });
      else tell(ctx, other, { type: "hop", left: left - 1 });
      return state;
    },
  };
}

/** Looks twice, one after the other. */
function reader(fault: OrderingFault, accuse: (message: string) => void): Behavior<number | null, Message> {
  return {
    name: "reader",
    init: () => null,
    receive: (first, message, ctx) => {
      if (message.type === "go") {
        tell(ctx, "cell", { type: "look", from: "reader" });
        return null;
      }
      if (message.type !== "seen") return first;
      const { value } = message;
      if (first !== null) {
        if (fault === "half-closed" && first === 1 && value === 2) accuse("it was closed while it was read");
        return first;
      }
      if (fault === "overtaken" && value === 2) accuse("the reader came last");
      tell(ctx, "cell", { type: "look", from: "reader" });
      return value;
    },
  };
}
