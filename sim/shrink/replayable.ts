/** A run that can be done again: all that decides it, as plain data. */
import type { Replay, RunOptions } from "../run/run-result.ts";

/** The options of a run whose schedule is known. */
export type Replayable = Omit<RunOptions, "onLine" | "linesKept" | "replay" | "nodes" | "profile"> &
  Required<Pick<RunOptions, "nodes" | "profile">> & { readonly replay: Replay };
