/** Where a run looks: in which order actors get their turns. */
export { drawOrder, type OrderKind } from "./draw-order.ts";
export type { PriorityOrder } from "./priority-order.ts";
