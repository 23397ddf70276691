/** How the order of turns is decided in a run: asked for, or drawn from the seed by a stream of its own, so that all else stays as it is. */
import { createRandom } from "../../runtime/index.ts";
import { PriorityOrder } from "./priority-order.ts";

/** `even`: each turn is drawn evenly from all who are runnable; `pct`: by priorities (`priority-order.ts`). */
export type OrderKind = "even" | "pct";

/** Share of runs by priorities, where nobody says how. What it is set by: the table in ../README.md. */
const PCT_SHARE = 0.25;

export interface OrderRequest {
  readonly seed: number;
  /** Decides the priorities in place of the seed, not whether there are any. */
  readonly chance?: number | undefined;
  /** Default: drawn from the seed. */
  readonly kind?: OrderKind | undefined;
}

/** Null: evenly. */
export function drawOrder({ seed, chance, kind }: OrderRequest): PriorityOrder | null {
  const drawn = createRandom(`order ${seed}`).next() < PCT_SHARE ? "pct" : "even";
  return (kind ?? drawn) === "even" ? null : new PriorityOrder(createRandom(`priorities ${chance ?? seed}`));
}
