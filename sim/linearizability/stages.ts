/**
 * A history of one object as the search walks through it: a stage for each return, with all that may take effect before it.
 *
 * An operation takes effect no sooner than a return asks for it, its own or that of another that comes after it (Lowe's just-in-time
 * linearization), so nothing has to be decided between returns. A return that has nothing told stands nowhere: those operations
 * are open for ever, sorted into **kinds** that do the same, of which only the number counts.
 */
import type { AnyModel } from "./model.ts";
import { endOf, isUnknown, type HistoryOperation } from "./operation.ts";

/** An operation that was called and has not returned. */
export interface Candidate<Input, Output> {
  readonly operation: HistoryOperation<Input, Output>;
  /** Its place in a standing's set of those that have taken effect; free for others after its return. */
  readonly bit: bigint;
}

export interface Stage<Input, Output> {
  /** Whose return it is. */
  readonly returning: Candidate<Input, Output>;
  /** All that are open, the returning one first, then in the order of their returns: what returns soon took effect soon, mostly. */
  readonly open: readonly Candidate<Input, Output>[];
  /** How many kinds were called by now. */
  readonly kinds: number;
  /** How many operations were called by now. */
  readonly called: number;
}

/** Operations of unknown outcome that do the same: which of them took effect makes no difference. */
export interface Kind<Input, Output> {
  readonly input: Input;
  readonly isBlind: boolean;
  /** In the order of their calls. */
  readonly operations: HistoryOperation<Input, Output>[];
  /** At each, how many operations had been called; compared with a stage's. */
  readonly calledAt: number[];
}

export interface Stages<Input, Output> {
  readonly stages: readonly Stage<Input, Output>[];
  /** Most operations open at once. */
  readonly openMax: number;
  readonly kinds: readonly Kind<Input, Output>[];
}

/** Of one entry of a list of those that are open. */
const ENTRY_BYTES = 8;

/**
 * Reads of unknown outcome say nothing and are left out.
 * @param remember is told how much memory each stage takes, and says whether there may be more; null: there may not
 */
export function stagesOf<Input, Output>(
  model: AnyModel<Input, Output>,
  operations: readonly HistoryOperation<Input, Output>[],
  remember: (bytes: number) => boolean,
): Stages<Input, Output> | null {
  const simplify = model.simplify?.(operations) ?? ((input: Input) => input);
  const kinds = new Map<string, Kind<Input, Output>>();
  const stages: Stage<Input, Output>[] = [];
  const slots: (Candidate<Input, Output> | null)[] = [];
  const open = new Map<
    HistoryOperation<Input, Output>,
    { readonly slot: number; readonly one: Candidate<Input, Output> }
  >();
  let called = 0;
  let openMax = 0;
  for (const { isCall, operation } of pointsOf(operations)) {
    if (isCall) {
      called += 1;
      if (isUnknown(operation)) {
        if (model.isRead?.(operation.input, undefined) !== true)
          addToKind(kinds, model, { operation, simplify, called });
        continue;
      }
      const free = slots.indexOf(null);
      const slot = free < 0 ? slots.length : free;
      const one = { operation, bit: 1n << BigInt(slot) };
      slots[slot] = one;
      open.set(operation, { slot, one });
      continue;
    }
    const found = open.get(operation);
    if (found === undefined) continue;
    openMax = Math.max(openMax, open.size);
    if (!remember(open.size * ENTRY_BYTES)) return null;
    const { slot, one } = found;
    const others = [...open.values()].map((other) => other.one).filter((other) => other !== one);
    const sorted = others.toSorted((first, second) => endOf(first.operation) - endOf(second.operation));
    stages.push({ returning: one, open: [one, ...sorted], kinds: kinds.size, called });
    slots[slot] = null;
    open.delete(operation);
  }
  return { stages, openMax, kinds: [...kinds.values()] };
}

function addToKind<Input, Output>(
  kinds: Map<string, Kind<Input, Output>>,
  model: AnyModel<Input, Output>,
  {
    operation,
    simplify,
    called,
  }: {
    readonly operation: HistoryOperation<Input, Output>;
    readonly simplify: (input: Input) => Input;
    readonly called: number;
  },
): void {
  const input = simplify(operation.input);
  const name = JSON.stringify(input);
  const known = kinds.get(name);
  const kind = known ?? { input, isBlind: model.isBlind?.(input) === true, operations: [], calledAt: [] };
  kind.operations.push(operation);
  kind.calledAt.push(called);
  if (known === undefined) kinds.set(name, kind);
}

interface Point<Input, Output> {
  readonly us: number;
  readonly isCall: boolean;
  readonly operation: HistoryOperation<Input, Output>;
}

/** Calls and returns in the order of time. At the same instant calls come first: then the two overlap, which asks less. */
function pointsOf<Input, Output>(
  operations: readonly HistoryOperation<Input, Output>[],
): readonly Point<Input, Output>[] {
  const points = operations.flatMap((operation): Point<Input, Output>[] => {
    const call = { us: operation.callUs, isCall: true, operation };
    return isUnknown(operation) ? [call] : [call, { us: endOf(operation), isCall: false, operation }];
  });
  return points.toSorted((one, other) =>
    one.us === other.us ? Number(other.isCall) - Number(one.isCall) : one.us - other.us,
  );
}
