/** Whether two runs of a seed are one, and where they part; why an event of a run came about. */
export { describeCauses } from "./describe-difference.ts";
export { DECIDED_BY_SEED, explainUndecided, isSameRun, type RunPrint } from "./verify-run.ts";
