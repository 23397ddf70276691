/**
 * One operation of a history: who asked what, what was told, and when. What all models and readers of this folder speak.
 *
 * Only the order of calls and returns counts: of two operations the first to return before the other is called came first, all
 * others overlap. A call and a return at the same time overlap too, which asks less of the history.
 */
export interface HistoryOperation<Input, Output> {
  /** Who asked; one client has one operation open at a time. Only for reports. */
  readonly client: string;
  /** Which of several independent objects is asked, where the model keeps several. */
  readonly key?: string;
  readonly input: Input;
  /** What was told. Undefined: nothing is known; it may take effect at any time after its call, or never. */
  readonly output?: Output;
  /** In microseconds of one clock that all operations are timed by, or any other number that grows as that clock does. */
  readonly callUs: number;
  /** Infinity, or absent, when nothing was told. */
  readonly returnUs?: number;
}

/** Whether nothing is known of what became of it. */
export function isUnknown({ output }: { readonly output?: unknown }): boolean {
  return output === undefined;
}

/** When it returned; never, for one of unknown outcome. */
export function endOf(operation: Pick<HistoryOperation<unknown, unknown>, "output" | "returnUs">): number {
  return isUnknown(operation) ? Infinity : (operation.returnUs ?? Infinity);
}

/** Nothing is asked of it any more: it may have taken effect, since its call, or not. */
export function withoutOutcome<Input, Output>(
  operation: HistoryOperation<Input, Output>,
): HistoryOperation<Input, Output> {
  const { client, key, input, callUs } = operation;
  return { client, ...(key === undefined ? {} : { key }), input, callUs };
}
