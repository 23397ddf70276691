/** Actors of a user, as small as they can be: on each node one that counts, and tells the others how far it is. */
import type { Behavior } from "../../../runtime/index.ts";
import type { SimulateOptions } from "../../../sim/index.ts";

type GossipMessage =
  | { readonly type: "tick" }
  | { readonly type: "heard"; readonly from: string; readonly count: number };

/** What every node knows of all others, outside of the processes. */
export type Heard = Map<string, Map<string, number>>;

const TICK_MS = 100;

function gossip(
  names: readonly string[],
  hear: (from: string, count: number) => void,
): Behavior<number, GossipMessage> {
  return {
    name: "gossip",
    init: (ctx) => {
      ctx.setTimer("tick", TICK_MS, { type: "tick" });
      return 0;
    },
    receive: (count, message, ctx) => {
      switch (message.type) {
        case "tick":
          ctx.setTimer("tick", TICK_MS, { type: "tick" });
          for (const node of names) {
            ctx.tell(ctx.refAt<GossipMessage>({ node, path: "gossip" }), { type: "heard", from: ctx.node, count });
          }
          return count + 1;
        case "heard":
          hear(message.from, message.count);
          return count;
        default:
          return message satisfies never;
      }
    },
  };
}

/** Fresh state and actors for one run. `heard` is what a check may look at. */
export function gossipRun(): { readonly heard: Heard; readonly options: Omit<SimulateOptions, "seed"> } {
  const heard: Heard = new Map();
  return {
    heard,
    options: {
      durationMs: 20_000,
      start: (node) => {
        const mine = new Map<string, number>();
        heard.set(node.name, mine);
        const hear = (from: string, count: number): void => {
          mine.set(from, count);
          node.note(`${from} ${count}`);
          if (node.life > 1) node.mark("heard after a crash");
        };
        node.system.spawn(gossip(node.names, hear), { name: "gossip" });
      },
    },
  };
}
