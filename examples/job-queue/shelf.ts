/**
 * The shelf: one document on one disk, as a file server or a bucket has it, that whoever leads loads and saves as a whole.
 *
 * A save may arrive when another leads: its sender was paused, or the network kept it. Nothing about it looks wrong but its fence, which is
 * smaller than that of the leader who has loaded since. So the shelf keeps the largest fence that it was shown, and refuses what comes with a
 * smaller one (Kleppmann, Designing Data-Intensive Applications, §8.4).
 */
import { eventSourced, type Behavior } from "../../library/index.ts";
import type { Jobs, ShelfCommand } from "./messages.ts";

export interface Shelf {
  /** The largest that was shown. */
  readonly fence: number;
  readonly version: number;
  readonly jobs: Jobs;
}

type ShelfEvent =
  | { readonly type: "shown"; readonly fence: number }
  | { readonly type: "saved"; readonly fence: number; readonly version: number; readonly jobs: Jobs };

export interface ShelfOptions {
  /** Whether it compares fences. Default: true; the simulation shows what happens without. */
  readonly looksAtFence?: boolean;
  /** Told of every state that is durable, as it comes to be. */
  readonly onState?: (shelf: Shelf) => void;
  /** Told of a save that came too late. */
  readonly onRefused?: () => void;
}

export function shelf({ looksAtFence = true, onState, onRefused }: ShelfOptions): Behavior<unknown, ShelfCommand> {
  return eventSourced<Shelf, ShelfCommand, ShelfEvent>({
    name: "shelf",
    streamId: "shelf",
    empty: { fence: 0, version: 0, jobs: {} },
    snapshotEvery: 20,
    decide: (state, command, ctx) => {
      const { fence, replyTo } = command;
      if (looksAtFence && fence < state.fence) return ctx.none().thenRun(() => onRefused?.());
      if (command.type === "load") {
        const shown = fence === state.fence ? ctx.none() : ctx.persist({ type: "shown", fence });
        return shown.thenReply(replyTo, ({ jobs }) => ({ type: "loaded", jobs }));
      }
      const { version, jobs } = command;
      const isThere = fence === state.fence && version <= state.version;
      const saved = isThere ? ctx.none() : ctx.persist({ type: "saved", fence, version, jobs });
      return saved
        .thenRun((after) => onState?.(after))
        .thenReply(replyTo, (after) => ({ type: "saved", version: after.version }));
    },
    evolve: (state, event) => {
      if (event.type === "shown") return { ...state, fence: event.fence, version: 0 };
      const { fence, version, jobs } = event;
      return { fence, version, jobs };
    },
    onSignal: (state, signal, ctx) => {
      return signal.type === "recovered" ? ctx.none().thenRun(() => onState?.(state)) : undefined;
    },
  });
}
