/**
 * The way to a shelf that is a service somewhere: most requests are there at once, some take so long that who has sent them leads no more.
 *
 * For the simulation. A partition or a pause of the right length at the right moment does the same; this makes it as frequent as with a
 * bucket behind a load balancer that tries again.
 */
import type { Behavior, Ref } from "../../library/index.ts";
import type { ShelfCommand } from "./messages.ts";

type WayMessage = ShelfCommand | { readonly type: "arrived"; readonly command: ShelfCommand };

/** Share of requests that are late, and by how much at most: longer than any lease. */
const LATE = 0.03;
const LATE_MAX_MS = 20_000;

/** Forwards to `shelf`; counts what is late, to tell the timers of those apart. */
export function wayTo(shelf: Ref<ShelfCommand>): Behavior<number, WayMessage> {
  return {
    name: "way to the shelf",
    init: () => 0,
    receive: (late, message, ctx) => {
      if (message.type === "arrived") ctx.tell(shelf, message.command);
      else if (ctx.random.next() >= LATE) ctx.tell(shelf, message);
      else {
        ctx.setTimer(`late ${late}`, ctx.random.next() * LATE_MAX_MS, { type: "arrived", command: message });
        return late + 1;
      }
      return late;
    },
  };
}
