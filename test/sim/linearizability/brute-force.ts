/** Linearizability by trying every order of every selection of what is unknown: right beyond doubt, and only for tiny histories. */
import type { HistoryOperation, Model } from "../../../sim/index.ts";

export function bruteForce<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly HistoryOperation<Input, Output>[],
  starts: readonly State[],
): boolean {
  return starts.some((state) => explain(model, history, state));
}

function explain<State, Input, Output>(
  model: Model<State, Input, Output>,
  left: readonly HistoryOperation<Input, Output>[],
  state: State,
): boolean {
  const known = left.filter(({ output }) => output !== undefined);
  if (known.length === 0) return true;
  const firstReturn = Math.min(...known.map(({ returnUs }) => returnUs ?? Infinity));
  return left.some((operation, at) => {
    if (operation.callUs > firstReturn) return false;
    const next = model.step(state, operation.input, operation.output);
    return next !== undefined && explain(model, left.toSpliced(at, 1), next);
  });
}
