/** A model of a user: a counter that is added to and read. Two additions can change places, and none is blind. */
import type { Model } from "../../../sim/index.ts";

export type CounterInput = { readonly type: "add"; readonly by: number } | { readonly type: "read" };

/** `add` is told what the counter is then, or, by a lazier counter, true. */
export const counterModel: Model<number, CounterInput, number | true> = {
  name: "counter",
  initial: 0,
  step(state, input, output) {
    const next = input.type === "add" ? state + input.by : state;
    return output === undefined || output === true || output === next ? next : undefined;
  },
  keyOf: String,
  describe: (input, output) =>
    `${input.type === "add" ? `add ${input.by}` : "read"}${output === undefined ? "" : ` → ${output}`}`,
  describeState: String,
};
