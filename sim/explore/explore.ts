/**
 * Explores a model breadth first: every state that can be reached, in all orders of what may happen, each once.
 *
 *     initial ─▶ waiting states ─▶ actions ─▶ next ─▶ fingerprint ─▶ known? ─ no ─▶ always, sometimes ─▶ waiting states
 *
 * Breadth first, so the first counterexample is a shortest one, and one that has been shortened needs no shrinking. Known states are fingerprints
 * (`state-table.ts`); only those that wait to be expanded are held whole. Where the model's states have images, the least of
 * their fingerprints stands for all.
 *
 * Rules are about states. A rule about ways ("never goes back") is one about states as soon as the state remembers enough.
 *
 * Source: the explicit-state checkers TLC (Yu, Manolios, Lamport 1999: states by fingerprint, breadth first), stateright.
 */
import { withSealedGlobals } from "../timeline/sealed-globals.ts";
import type {
  ExplorationFailure,
  Exploration,
  ExplorationEnd,
  ExplorationProgress,
  ExploreOptions,
} from "./exploration.ts";
import { collisionChance, Fingerprint } from "./fingerprint.ts";
import type { StateModel } from "./state-model.ts";
import { ACTIONS_MAX, NO_PARENT, StateTable } from "./state-table.ts";
import { walk } from "./walk.ts";

const STATES_MAX_DEFAULT = 10_000_000;

/** Numbers of states are 32 bits wide. */
const STATES_MAX_MAX: number = 2 ** 31;

/** States between two words of progress: some tens of milliseconds. */
const PROGRESS_EVERY = 4096;

/** So many first states are looked at again after their actions: a model that changes what it was given is found there. */
const CHECKED_FIRST = 1000;

interface Waiting<State> {
  readonly state: State;
  readonly number: number;
}

interface Broken {
  readonly rule: string;
  readonly message: string;
  /** The state where it does not hold, or from which `action` throws. */
  readonly number: number;
  readonly action?: number;
}

/**
 * Explores a model until every state was looked at, a rule is broken, or a bound is hit.
 *
 * Clocks and randomness of the platform throw meanwhile: a model that asks them is none.
 * @throws {RangeError} when a bound is out of range; {TypeError} when a state is no plain data and the model has no `fingerprint`, or the
 * model changes a state or gives other actions when it is asked again.
 */
export function explore<State, Action>(
  model: StateModel<State, Action>,
  options: ExploreOptions = {},
): Exploration<State, Action> {
  return withSealedGlobals(globalThis, () => {
    const exploring = exploreBySteps(model, options);
    for (;;) {
      const { done, value } = exploring.next();
      if (done === true) return value;
    }
  });
}

/** As `explore`, a piece at a time, so that the caller can show how far it has come, and stop. The globals are not sealed. */
export function* exploreBySteps<State, Action>(
  model: StateModel<State, Action>,
  options: ExploreOptions = {},
): Generator<ExplorationProgress, Exploration<State, Action>, void> {
  const explorer = new Explorer(model, options);
  yield* explorer.run();
  return explorer.result();
}

class Explorer<State, Action> {
  readonly #model: StateModel<State, Action>;
  readonly #depthMax: number;
  readonly #statesMax: number;
  readonly #table = new StateTable();
  readonly #fingerprint = new Fingerprint();
  readonly #rules: readonly (readonly [string, (state: State) => string | null | undefined | void])[];
  /** Those of `sometimes` that were not reached yet. */
  readonly #missing: Map<string, (state: State) => boolean>;
  readonly #reached: Record<string, number | null> = {};
  #waiting: Waiting<State>[] = [];
  #met: Waiting<State>[] = [];
  #depth = 0;
  #deepest = 0;
  #transitions = 0;
  #edge = 0;
  #ends = 0;
  #end: ExplorationEnd = "complete";
  #broken: Broken | null = null;

  constructor(
    model: StateModel<State, Action>,
    { depthMax = Infinity, statesMax = STATES_MAX_DEFAULT }: ExploreOptions,
  ) {
    requireCount("depthMax", depthMax, Infinity);
    requireCount("statesMax", statesMax, STATES_MAX_MAX);
    this.#model = model;
    this.#depthMax = depthMax;
    this.#statesMax = statesMax;
    this.#rules = Object.entries(model.always);
    this.#missing = new Map(Object.entries(model.sometimes ?? {}));
    for (const name of this.#missing.keys()) this.#reached[name] = null;
  }

  *run(): Generator<ExplorationProgress, void, void> {
    let ordinal = 0;
    for (const state of this.#model.initial()) {
      this.#meet(state, NO_PARENT, ordinal);
      ordinal += 1;
    }
    let expanded = 0;
    while (this.#met.length > 0 && !this.#isOver()) {
      if (this.#depth >= this.#depthMax) {
        this.#end = "depth";
        return;
      }
      this.#waiting = this.#met;
      this.#met = [];
      this.#depth += 1;
      for (let at = 0; at < this.#waiting.length && !this.#isOver(); at++) {
        const { state, number } = this.#waiting[at] as Waiting<State>;
        // What was expanded may be collected while the rest waits.
        (this.#waiting as (Waiting<State> | undefined)[])[at] = undefined;
        this.#expand(state, number, expanded < CHECKED_FIRST);
        expanded += 1;
        if (expanded % PROGRESS_EVERY === 0) yield this.#progress(this.#waiting.length - at - 1);
      }
    }
  }

  result(): Exploration<State, Action> {
    const failure = this.#broken === null ? undefined : this.#show(this.#broken);
    const isUnreached = this.#end === "complete" && this.#missing.size > 0;
    return {
      model: this.#model.name,
      ok: failure === undefined && !isUnreached,
      end: failure === undefined ? this.#end : "failed",
      states: this.#table.size,
      transitions: this.#transitions,
      depth: this.#deepest,
      edge: this.#edge,
      ends: this.#ends,
      always: this.#rules.map(([name]) => name),
      sometimes: this.#reached,
      collisionChance: collisionChance(this.#table.size),
      ...(failure && { failure }),
    };
  }

  #isOver(): boolean {
    return this.#broken !== null || this.#end !== "complete";
  }

  #expand(state: State, number: number, isChecked: boolean): void {
    const model = this.#model;
    const before = isChecked ? this.#identify(state) : null;
    let ordinal = 0;
    let followers = 0;
    for (const action of model.actions(state)) {
      if (ordinal >= ACTIONS_MAX) {
        throw new RangeError(`Cannot explore "${model.name}": a state has more than ${ACTIONS_MAX} actions`);
      }
      let next: State | null;
      try {
        next = model.next(state, action);
      } catch (error) {
        this.#broken = { rule: "next-throws", message: messageOf(error), number, action: ordinal };
        return;
      }
      if (next !== null) {
        followers += 1;
        this.#transitions += 1;
        this.#meet(next, number, ordinal);
        if (this.#isOver()) return;
      }
      ordinal += 1;
    }
    if (before !== null && !equal(before, this.#identify(state))) {
      throw new TypeError(
        `Cannot explore "${model.name}": it changes a state that it was given. \`next\` must make a new one`,
      );
    }
    if (followers > 0) return;
    this.#ends += 1;
    if (model.mayEnd?.(state) === false) {
      this.#broken = { rule: "deadlock", message: "Nothing can happen any more, and it may not end here", number };
    }
  }

  /** Looks at a state unless it is known. */
  #meet(state: State, parent: number, ordinal: number): void {
    const { high, low } = this.#identify(state);
    const number = this.#table.add(high, low, parent, ordinal);
    if (number < 0) return;
    this.#deepest = this.#depth;
    for (const [rule, check] of this.#rules) {
      const message = complaintOf(check, state);
      if (message === null) continue;
      this.#broken = { rule, message, number };
      return;
    }
    this.#mark(state);
    if (this.#model.isWithin?.(state) === false) this.#edge += 1;
    else this.#met.push({ state, number });
    if (this.#table.size >= this.#statesMax) this.#end = "states";
  }

  #mark(state: State): void {
    if (this.#missing.size === 0) return;
    for (const [name, isSo] of this.#missing) {
      if (!isSo(state)) continue;
      this.#missing.delete(name);
      this.#reached[name] = this.#depth;
    }
  }

  /** The fingerprint of the state, or the least of all its images. */
  #identify(state: State): { readonly high: number; readonly low: number } {
    let least = this.#digest(state);
    if (!this.#model.images) return least;
    for (const image of this.#model.images(state)) {
      const digest = this.#digest(image);
      if (digest.high < least.high || (digest.high === least.high && digest.low < least.low)) least = digest;
    }
    return least;
  }

  #digest(state: State): { readonly high: number; readonly low: number } {
    const fingerprint = this.#fingerprint;
    fingerprint.reset();
    if (this.#model.fingerprint) this.#model.fingerprint(state, fingerprint);
    else fingerprint.value(state);
    return fingerprint.digest();
  }

  #show({ rule, message, number, action }: Broken): ExplorationFailure<State, Action> {
    const { initial, actions } = this.#table.wayTo(number);
    return { rule, message, ...walk(this.#model, initial, actions, action) };
  }

  #progress(unexpanded: number): ExplorationProgress {
    const { size } = this.#table;
    return { states: size, transitions: this.#transitions, depth: this.#depth, waiting: unexpanded + this.#met.length };
  }
}

function complaintOf<State>(check: (state: State) => string | null | undefined | void, state: State): string | null {
  try {
    return check(state) ?? null;
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function equal(one: { high: number; low: number }, other: { high: number; low: number }): boolean {
  return one.high === other.high && one.low === other.low;
}

function requireCount(name: string, value: number, max: number): void {
  if (value === max || (Number.isSafeInteger(value) && value >= 1 && value <= max)) return;
  const upTo = max === Infinity ? "" : ` up to ${max}`;
  throw new RangeError(`Cannot explore: ${name} is ${value}, wanted a whole number from 1${upTo}`);
}
