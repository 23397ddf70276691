/** Actors whose runs are not decided by their seed, each by a mistake that people make: something of an earlier run is left in their module. */
import type { Behavior } from "../../../runtime/index.ts";
import type { SimulateOptions } from "../../../sim/index.ts";

/** How the answering actor comes to its answer. */
export type Leak = "none" | "counter" | "set" | "content";

type LeakyMessage =
  | { readonly type: "tick" }
  | { readonly type: "ping"; readonly number: number }
  | { readonly type: "pause" }
  | { readonly type: "pong"; readonly number: number; readonly seen: number };

/** Lives as long as the module: longer than a run. */
let pings = 0;
const everSeen = new Set<object>();

const TICK_MS = 100;

/** From this ping on it leaks, so that there is something before it. */
export const LEAKS_FROM = 20;

function asker(): Behavior<number, LeakyMessage> {
  return {
    name: "asker",
    init: (ctx) => {
      ctx.setTimer("tick", TICK_MS, { type: "tick" });
      return 0;
    },
    receive: (number, message, ctx) => {
      if (message.type !== "tick") return number;
      ctx.setTimer("tick", TICK_MS, { type: "tick" });
      ctx.tell(ctx.refAt<LeakyMessage>({ node: "n2", path: "answerer" }), { type: "ping", number });
      return number + 1;
    },
  };
}

function answerer(leak: Leak): Behavior<null, LeakyMessage> {
  return {
    name: "answerer",
    init: () => null,
    receive: (state, message, ctx) => {
      const to = ctx.refAt<LeakyMessage>({ node: "n1", path: "asker" });
      if (message.type === "pause") ctx.tell(to, { type: "pong", number: 0, seen: 0 });
      if (message.type !== "ping" || message.number < LEAKS_FROM) return state;
      pings += 1;
      everSeen.add(message);
      if (leak === "counter") ctx.setTimer("pause", 1 + (pings % 50), { type: "pause" });
      const told = leak === "set" ? everSeen.size % 7 : 1;
      const seen = leak === "content" ? pings : 0;
      for (let at = 0; at < told; at++) ctx.tell(to, { type: "pong", number: message.number, seen });
      return state;
    },
  };
}

/** Two nodes without faults: one asks, the other answers. */
export function leakyRun(leak: Leak): Omit<SimulateOptions, "seed"> {
  return {
    nodes: 2,
    durationMs: 5000,
    faults: "none",
    start: ({ name, system }) => {
      if (name === "n1") system.spawn(asker(), { name: "asker" });
      else system.spawn(answerer(leak), { name: "answerer" });
    },
  };
}
