/** Whether two runs of a seed are one, and where they part; why an event of a run came about. */
export { describeCauses, describeDifference } from "./describe-difference.ts";
export { locateDifference, type RunDifference, type TracedRun } from "./locate-difference.ts";
export { DECIDED_BY_SEED, explainUndecided, isSameRun, type RunPrint, type UndecidedRun } from "./verify-run.ts";
