/**
 * What can be explored: a system as states and actions, all of whose orders are tried (`explore.ts`).
 *
 * A model must be pure: the same state has the same actions in the same order, each leads to the same state again, and no state that was
 * given out is changed. All that is drawn at random elsewhere is an action here.
 */
import type { Fingerprint } from "./fingerprint.ts";

/** A system of which every state that can be reached is to be looked at. */
export interface StateModel<State, Action> {
  /** What it is called in reports. */
  readonly name: string;
  /** Where it may begin. */
  initial(): Iterable<State>;
  /** All that may happen next, at most 65,536 of it. */
  actions(state: State): Iterable<Action>;
  /** What follows. Null: it cannot happen after all. Must not change `state`. */
  next(state: State, action: Action): State | null;
  /** Must hold in every state. */
  readonly always: Readonly<Record<string, StateCheck<State>>>;
  /** Must be so in some state; one that never is fails the exploration: it has shown less than it seems to. Default: none. */
  readonly sometimes?: Readonly<Record<string, (state: State) => boolean>>;
  /** Whether the system may stop there. A state without a next one where it may not breaks the rule `deadlock`. Default: anywhere. */
  mayEnd?(state: State): boolean;
  /** False: the state is looked at, and what follows from it is not. Makes a system without end finite. Default: all are within. */
  isWithin?(state: State): boolean;
  /**
   * The same state with its like parts exchanged, in all ways, such as nodes that differ in nothing but their names: one of them stands for
   * all, which divides the work by their number. Only where nothing tells the parts apart, the order of their names included. Default: none.
   */
  images?(state: State): Iterable<State>;
  /** Adds what tells states apart. Default: all of the state, which then is plain data. */
  fingerprint?(state: State, fingerprint: Fingerprint): void;
  /** One line about an action, for people. Default: its JSON. */
  describe?(action: Action, state: State): string;
  /** One line about a state, for people. Default: none. */
  show?(state: State): string;
}

/** Says what is wrong with a state, or nothing. What it throws is wrong too. */
export type StateCheck<State> = (state: State) => string | null | undefined | void;
