/**
 * Is every acknowledged write still there, or overwritten by a later one? The checker of linearizability answers this too; this says it in
 * plainer words, with the write that is gone.
 *
 * What a key holds at the end was put there by one operation. An acknowledged write that began only after that one had returned came later, so it
 * should have overwritten it: it is lost. Nothing is said of writes that overlap, which the checker judges.
 */
import type { Operation } from "../sim/checkers/history.ts";

export interface LostWrite {
  readonly write: Operation;
  /** What the key holds instead. */
  readonly found: string | null;
}

/** @param final what a key held after everything else had returned. */
export function findLostWrites(
  histories: ReadonlyMap<string, readonly Operation[]>,
  final: (key: string) => string | null,
): readonly LostWrite[] {
  return [...histories].flatMap(([key, history]) => {
    const found = final(key);
    const settledUs = settledBy(history, found);
    return history
      .filter(
        (operation) => isAcknowledgedWrite(operation) && operation.callUs > settledUs && leaves(operation) !== found,
      )
      .map((write) => ({ write, found }));
  });
}

/** When the last operation that can have left this had returned; before all time when none but the beginning can have. */
function settledBy(history: readonly Operation[], found: string | null): number {
  const sources = history.filter((operation) => operation.output !== false && leaves(operation) === found);
  return Math.max(
    -Infinity,
    ...sources.map(({ output, returnUs }) => (output === undefined ? Infinity : (returnUs ?? Infinity))),
  );
}

function isAcknowledgedWrite({ input, output }: Operation): boolean {
  return input.type !== "get" && output === true;
}

/** What a key holds after it; undefined: what it held before. */
function leaves({ input }: Operation): string | null | undefined {
  switch (input.type) {
    case "get":
      return undefined;
    case "delete":
      return null;
    case "put":
    case "cas":
      return input.value;
    default:
      return input satisfies never;
  }
}
