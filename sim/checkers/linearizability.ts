/**
 * Is a history of a key-value store linearizable: what the simulator and whoever drives real processes asks of
 * `sim/linearizability`, with the model of a map.
 */
import { checkHistory, kvModel } from "../linearizability/index.ts";
import type { Operation } from "./history.ts";

export type LinearizabilityResult =
  | { readonly ok: true; readonly operations: number; readonly keys: number }
  /** `window`: the few operations that cannot be explained; `message` shows them. */
  | { readonly ok: false; readonly key: string; readonly window: readonly Operation[]; readonly message: string }
  /** The search was given up after `stepsMax` steps at this key: nothing is known. */
  | { readonly ok: "undecided"; readonly key: string; readonly message: string };

export interface LinearizabilityOptions {
  /** What a key holds before the history. Default: nothing, at every key. */
  readonly initial?: (key: string) => string | null;
  /** Steps of the search for one key; a usual history takes some an operation. Default 1,000,000: some seconds. */
  readonly stepsMax?: number;
}

/** Judges a whole history. Reads of unknown outcome say nothing and are left out. */
export function checkLinearizability(
  history: readonly Operation[],
  { initial, stepsMax }: LinearizabilityOptions = {},
): LinearizabilityResult {
  const found = checkHistory(kvModel, history, {
    ...(initial === undefined ? {} : { initial }),
    ...(stepsMax === undefined ? {} : { statesMax: stepsMax }),
  });
  switch (found.verdict) {
    case "linearizable":
      return { ok: true, operations: found.operations, keys: found.keys };
    case "not-linearizable": {
      const { key, operations } = found.counterexample;
      return { ok: false, key: key ?? "", window: operations as readonly Operation[], message: found.message };
    }
    case "gave-up":
      return { ok: "undecided", key: found.key, message: found.message };
    default:
      return found satisfies never;
  }
}
