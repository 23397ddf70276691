/** What of the simulator needs Node.js: runs over worker threads. See ../README.md. */
export { sweep, type SweepOptions, type SweepOutcome } from "./sweep.ts";
