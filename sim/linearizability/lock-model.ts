/**
 * Locks: each is held by one owner at most, is not reentrant, and is given back by its owner only.
 *
 * A lock that ends by itself, as leases do, is not this: whoever holds one may be told so long after it is over. Fencing is what makes those safe.
 */
import type { Model } from "./model.ts";

/** What a client asks of a lock. */
export interface LockInput {
  readonly type: "acquire" | "release";
  /** Who is to hold it, or gives it back. */
  readonly owner: string;
}

/** Who holds it; null: nobody. */
export type LockState = string | null;

/** Stands for every owner that no operation names: none of them gives it back. Longer than any name like it. */
function somebodyBeside(operations: readonly { readonly input: LockInput }[]): string {
  return operations.reduce((name, { input }) => (SOMEBODY.test(input.owner) ? name + input.owner : name), "\u0000");
}

const SOMEBODY = /^\0+$/;

/** Locks that are free at first. An operation's output: whether it took place. */
export const lockModel: Model<LockState, LockInput, boolean> = {
  name: "lock",
  initial: null,
  step(state, { type, owner }, output) {
    const takesPlace = type === "acquire" ? state === null : state === owner;
    if (output !== undefined && output !== takesPlace) return undefined;
    if (!takesPlace) return state;
    return type === "acquire" ? owner : null;
  },
  keyOf: (state) => (state === null ? "" : `=${state}`),
  describe: ({ type, owner }, output) => `${type} by ${owner}${output === false ? ": refused" : ""}`,
  describeState: (state) => (state === null ? "free" : `held by ${SOMEBODY.test(state) ? "somebody else" : state}`),
  partition: ({ key }) => key ?? "",
  isRead: (_, output) => output === false,
  /** Who only ever asked for it once, and is not known to have got it, could be anybody. */
  simplify(operations) {
    const named = new Set<string>();
    const repeated = new Set<string>();
    const owner = somebodyBeside(operations);
    for (const { input } of operations) (named.has(input.owner) ? repeated : named).add(input.owner);
    return (input) => (input.type === "acquire" && !repeated.has(input.owner) ? { ...input, owner } : input);
  },
  statesOf: (operations) => [
    ...new Set([null, ...operations.map(({ input }) => input.owner), somebodyBeside(operations)]),
  ],
};
