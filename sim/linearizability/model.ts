/**
 * What an object does when it is asked one thing after the other: the specification that a history is judged by.
 *
 * Small, pure and deterministic: the search calls `step` some hundred thousand times, in any order, for states that never were. The models
 * of this folder are `register-model.ts`, `cas-model.ts`, `kv-model.ts` and `lock-model.ts`; a user's own needs `name`, `initial`, `step`,
 * `keyOf`, `describe` and `describeState`. The other members change no verdict: they make the search shorter and what it finds smaller.
 */
import type { HistoryOperation } from "./operation.ts";

/** `State` may be anything but undefined, and is never changed in place. */
export interface Model<State, Input, Output> {
  readonly name: string;
  /** What each object holds before the history. */
  readonly initial: State;
  /**
   * The state after an operation; undefined where it cannot have been told `output` in `state`.
   * `output` is undefined where nothing is known: then it answers with what the operation does there, and never refuses.
   */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /** A text that two states share only if they are the same. */
  keyOf(state: State): string;
  /** `write 3`, `read → 3`; of unknown outcome: without what was told. */
  describe(input: Input, output: Output | undefined): string;
  /** `3`, `nothing`, `held by c1` */
  describeState(state: State): string;
  /**
   * Which of several objects an operation is about. Objects do not know of each other, so each is judged by itself (Herlihy and Wing 1990,
   * locality). Default: there is one object.
   */
  partition?(operation: HistoryOperation<Input, Output>): string;
  /** It changes no state in which it can have been told this, or, of unknown outcome, none at all. Default: false. */
  isRead?(input: Input, output: Output | undefined): boolean;
  /** What it is told and what it leaves behind are the same in every state. Default: false. */
  isBlind?(input: Input): boolean;
  /**
   * What an operation of unknown outcome can be replaced with, given all operations on the object: those that nobody can tell apart
   * become one, of which only the number counts. Default: itself.
   */
  simplify?(operations: readonly HistoryOperation<Input, Output>[]): (input: Input) => Input;
  /**
   * Every state that these operations can tell apart, for "whatever was there before". A counterexample then begins in the middle of a history;
   * without this it begins at its start.
   */
  statesOf?(operations: readonly HistoryOperation<Input, Output>[]): readonly State[];
}

/** A model whose states nobody needs to know, as the readers hand it on. */
// oxlint-disable-next-line typescript/no-explicit-any -- a model takes states that it gave itself
export type AnyModel<Input, Output> = Model<any, Input, Output>;
