/** What came of an exploration. */

/** How far an exploration goes. */
export interface ExploreOptions {
  /** No action beyond so many from the beginning. Default: no limit. */
  readonly depthMax?: number;
  /** Stops once so many states were met: 50 bytes each, and the newest ones whole. Default: 10,000,000. */
  readonly statesMax?: number;
}

/** How far it has come, told on the way. */
export interface ExplorationProgress {
  readonly states: number;
  readonly transitions: number;
  /** Of the states that are being expanded. */
  readonly depth: number;
  /** States that were met and not expanded yet. */
  readonly waiting: number;
}

/**
 * Why it ended. `complete`: every state that can be reached was looked at. `failed`: a rule does not hold. `depth`, `states`: a bound of
 * the options was hit, and states beyond were not looked at.
 */
export type ExplorationEnd = "complete" | "failed" | "depth" | "states";

/** One action of a way, and where it led. */
export interface ExplorationStep<State, Action> {
  readonly action: Action;
  /** What it does, in words. */
  readonly text: string;
  /** Where it led. */
  readonly state: State;
}

/** A rule that does not hold, and the shortest way there. */
export interface ExplorationFailure<State, Action> {
  /** The name of the rule in `always`; `deadlock`; `next-throws` when the model throws. */
  readonly rule: string;
  readonly message: string;
  readonly initial: State;
  readonly steps: readonly ExplorationStep<State, Action>[];
}

/** What came of an exploration: plain data, the same each time but for what a model's states are. */
export interface Exploration<State, Action> {
  readonly model: string;
  /** No rule is broken, and, where all was looked at, all that must be reached sometimes was. Look at `end` too: a bound may have hidden more. */
  readonly ok: boolean;
  readonly end: ExplorationEnd;
  /** Different states that were met and looked at. */
  readonly states: number;
  /** Actions that were tried and could happen. */
  readonly transitions: number;
  /** The most actions that any state needs that was met, by the shortest way. */
  readonly depth: number;
  /** States that the model calls not within: looked at, what follows not. */
  readonly edge: number;
  /** States without a next one. */
  readonly ends: number;
  /** The rules of `always`. */
  readonly always: readonly string[];
  /** By name of `sometimes`: after how many actions it was first so; null: never. */
  readonly sometimes: Readonly<Record<string, number | null>>;
  /** The chance that a state was taken for another and what follows from it missed (`fingerprint.ts`). */
  readonly collisionChance: number;
  /** Present when `end` is `failed`. */
  readonly failure?: ExplorationFailure<State, Action>;
}
