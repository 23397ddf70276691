/** Parts of a history that ask less than the whole does: what cannot be explained of a part cannot be explained of the whole. */
import type { AnyModel } from "./model.ts";
import { endOf, isUnknown, withoutOutcome, type HistoryOperation } from "./operation.ts";

type Asked<Input, Output> = readonly HistoryOperation<Input, Output>[];
type Weaken<Input, Output> = (operation: HistoryOperation<Input, Output>) => HistoryOperation<Input, Output>;

/** What was known at that time: whatever returned later is not known yet. */
export function until<Input, Output>(
  operations: Asked<Input, Output>,
  us: number,
  weaken: Weaken<Input, Output> = withoutOutcome,
): Asked<Input, Output> {
  return operations
    .filter(({ callUs }) => callUs <= us)
    .map((one) => (isUnknown(one) || endOf(one) <= us ? one : weaken(one)));
}

/** What was called at that time or later, or had not returned by then: that one may have taken effect before, so nothing is asked of it. */
export function since<Input, Output>(
  model: AnyModel<Input, Output>,
  operations: Asked<Input, Output>,
  us: number,
  weaken: Weaken<Input, Output> = withoutOutcome,
): Asked<Input, Output> {
  return operations
    .filter((one) => endOf(one) >= us)
    .filter((one) => one.callUs >= us || model.isRead?.(one.input, one.output) !== true)
    .map((one) => (one.callUs >= us || isUnknown(one) ? one : weaken(one)));
}
