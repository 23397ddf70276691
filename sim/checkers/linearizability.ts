/**
 * Is a history of a key-value store linearizable: is there one order of the operations, each at an instant between its call and its return,
 * in which every client was told the truth?
 *
 * Goes through the history in the order of time and keeps every **standing** that explains what was told so far: what the key holds,
 * which of the open operations have taken effect, which of unknown outcome had to. An operation takes effect no sooner than a return asks
 * for it, its own or that of another that comes after it (Lowe's just-in-time linearization of Wing and Gong's search); a history is
 * wrong where no standing is left. Keys do not know of each other, so each is judged by itself (Herlihy and Wing, locality).
 *
 * An operation of unknown outcome stays open for ever. Three things keep that small: it is used only where the next operation sees what it
 * did; those that do the same are one kind, of which only the number counts; and a standing that used more of them than another
 * which is its equal otherwise is dropped.
 *
 * Sources: Wing and Gong, "Testing and Verifying Concurrent Objects" (1993); Lowe, "Testing for Linearizability" (2017);
 * Athalye, Porcupine.
 */
import { describeOperation, isUnknown, type KvInput, type Operation } from "./history.ts";

export type LinearizabilityResult =
  | { readonly ok: true; readonly operations: number; readonly keys: number }
  /** `window`: the shortest stretch of time that cannot be explained; `message` shows it. */
  | { readonly ok: false; readonly key: string; readonly window: readonly Operation[]; readonly message: string }
  /** The search was given up after `stepsMax` steps at this key: nothing is known. */
  | { readonly ok: "undecided"; readonly key: string; readonly message: string };

export interface LinearizabilityOptions {
  /** What a key holds before the history. Default: nothing, at every key. */
  readonly initial?: (key: string) => string | null;
  /** Steps of the search for one key; a usual history takes some an operation. Default 5,000,000: some seconds. */
  readonly stepsMax?: number;
}

type State = string | null;

const STEPS_MAX = 5_000_000;

/** Judges a whole history. Reads of unknown outcome say nothing and are left out. */
export function checkLinearizability(
  history: readonly Operation[],
  { initial = () => null, stepsMax = STEPS_MAX }: LinearizabilityOptions = {},
): LinearizabilityResult {
  const keys = byKey(history);
  for (const [key, operations] of keys) {
    const wrongUs = findWrong(operations, [initial(key)], stepsMax);
    if (wrongUs === "undecided") {
      const message = `Cannot judge key "${key}": its ${operations.length} operations took more than ${stepsMax} steps`;
      return { ok: "undecided", key, message };
    }
    if (wrongUs === null) continue;
    const { window, isWhole } = cutWindow(operations, wrongUs, stepsMax);
    const message = `No order of the operations on key "${key}" explains what was told:\n${describe(window, isWhole)}`;
    return { ok: false, key, window, message };
  }
  return { ok: true, operations: history.length, keys: keys.size };
}

function byKey(history: readonly Operation[]): ReadonlyMap<string, readonly Operation[]> {
  const keys = new Map<string, Operation[]>();
  for (const operation of history) {
    if (isUnknown(operation) && operation.input.type === "get") continue;
    const known = keys.get(operation.key);
    if (known === undefined) keys.set(operation.key, [operation]);
    else known.push(operation);
  }
  return keys;
}

/** When the return came that nothing explains; null when all is explained. */
function findWrong(
  operations: readonly Operation[],
  starts: readonly State[],
  stepsMax: number,
): number | "undecided" | null {
  const sparing = new Search(operations, starts, { stepsMax, isSparing: true }).run();
  if (sparing === null || !operations.some(isUnknown)) return sparing;
  return new Search(operations, starts, { stepsMax, isSparing: false }).run();
}

/** What a key holds after an operation; undefined where it cannot have been told what it was. */
function apply(state: State, input: KvInput, output: Operation["output"]): State | undefined {
  switch (input.type) {
    case "get":
      return output === state ? state : undefined;
    case "put":
      return input.value;
    case "delete":
      return null;
    case "cas": {
      const takesPlace = state === input.expected;
      if (output !== undefined && output !== takesPlace) return undefined;
      return takesPlace ? input.value : state;
    }
    default:
      return input satisfies never;
  }
}

/** Whether its outcome depends on what is there. */
function sees({ type }: KvInput): boolean {
  return type === "get" || type === "cas";
}

// ── The search ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** One explanation of what was told so far. */
interface Standing {
  readonly state: State;
  /** A bit for each open operation that has taken effect, by its slot. */
  readonly done: bigint;
  /** Kinds of unknown operations that had to take effect, each as often as it did; sorted. */
  readonly used: readonly number[];
  /** The last that took effect is of unknown outcome: the next must see what it did, or it was not needed. */
  readonly mustSee: boolean;
}

/** Operations of unknown outcome that do the same: which of them took effect makes no difference. */
interface Kind {
  readonly input: KvInput;
  /** How many were called by now. */
  called: number;
}

interface Point {
  readonly us: number;
  readonly isCall: boolean;
  readonly operation: Operation;
}

class Search {
  readonly #operations: readonly Operation[];
  readonly #stepsMax: number;
  readonly #kinds = new Map<string, Kind>();
  readonly #kindList: Kind[] = [];
  readonly #seen: ReadonlySet<unknown>;
  /** Operations that were called and have not returned, by slot; null where a slot is free. */
  readonly #open: (Operation | null)[] = [];
  /** Uses operations of unknown outcome only at a return that nothing else explains: quick, and proves only what it accepts. */
  readonly #isSparing: boolean;
  #standings = new Standings();
  #steps = 0;

  constructor(
    operations: readonly Operation[],
    starts: readonly State[],
    { stepsMax, isSparing }: { readonly stepsMax: number; readonly isSparing: boolean },
  ) {
    this.#operations = operations;
    this.#stepsMax = stepsMax;
    this.#isSparing = isSparing;
    this.#seen = valuesSeen(operations);
    for (const state of starts) this.#standings.add({ state, done: 0n, used: [], mustSee: false });
  }

  run(): number | "undecided" | null {
    for (const { us, isCall, operation } of pointsOf(this.#operations)) {
      if (isUnknown(operation)) this.#callUnknown(operation.input);
      else if (isCall) this.#call(operation);
      else if (!this.#return(operation)) return this.#steps > this.#stepsMax ? "undecided" : us;
    }
    return null;
  }

  #callUnknown(asked: KvInput): void {
    const input = "value" in asked && !this.#seen.has(asked.value) ? { ...asked, value: UNSEEN } : asked;
    const name = JSON.stringify(input);
    const kind = this.#kinds.get(name) ?? { input, called: 0 };
    kind.called += 1;
    if (this.#kinds.has(name)) return;
    this.#kinds.set(name, kind);
    this.#kindList.push(kind);
  }

  #call(operation: Operation): void {
    const free = this.#open.indexOf(null);
    if (free < 0) this.#open.push(operation);
    else this.#open[free] = operation;
  }

  /** Everything that may stand once the operation has taken effect; false when nothing does, or it takes too long. */
  #return(operation: Operation): boolean {
    const slot = this.#open.indexOf(operation);
    const standings = (this.#isSparing && this.#reach(slot, false)) || this.#reach(slot, true);
    if (standings === null) return false;
    this.#open[slot] = null;
    this.#standings = standings;
    return true;
  }

  /** Null when nothing is reached, or it takes too long. */
  #reach(slot: number, withUnknown: boolean): Standings | null {
    const bit = 1n << BigInt(slot);
    const next = new Standings();
    const met = new Standings();
    const waiting: Standing[] = [];
    for (const standing of this.#standings.all()) {
      if ((standing.done & bit) !== 0n) next.add({ ...standing, done: standing.done & ~bit });
      else if (met.add(standing)) waiting.push(standing);
    }
    for (let standing = waiting.pop(); standing !== undefined; standing = waiting.pop()) {
      this.#steps += 1;
      if (this.#steps > this.#stepsMax) return null;
      for (const reached of this.#stepsFrom(standing, withUnknown)) {
        if ((reached.done & bit) !== 0n) next.add({ ...reached, done: reached.done & ~bit });
        else if (met.add(reached)) waiting.push(reached);
      }
    }
    return next.size > 0 ? next : null;
  }

  /** What one more operation makes of a standing. */
  #stepsFrom({ state, done, used, mustSee }: Standing, withUnknown: boolean): readonly Standing[] {
    const steps: Standing[] = [];
    /** Those that the state does not allow now: for them something unknown may have changed it. */
    const blocked: Operation[] = [];
    for (const [slot, operation] of this.#open.entries()) {
      if (operation === null || (done & (1n << BigInt(slot))) !== 0n || (mustSee && !sees(operation.input))) continue;
      const next = apply(state, operation.input, operation.output);
      if (next === undefined) blocked.push(operation);
      else steps.push({ state: next, done: done | (1n << BigInt(slot)), used, mustSee: false });
    }
    if (!withUnknown) return steps;
    for (const [at, { input, called }] of this.#kindList.entries()) {
      if (mustSee && !sees(input)) continue;
      const next = apply(state, input, undefined);
      // What changes nothing here need not take effect here.
      if (next === undefined || next === state || countOf(used, at) >= called) continue;
      if (!this.#isWanted(next, blocked)) continue;
      steps.push({ state: next, done, used: [...used, at].toSorted((one, other) => one - other), mustSee: true });
    }
    return steps;
  }

  /** Whether this state lets something happen that could not before. */
  #isWanted(state: State, blocked: readonly Operation[]): boolean {
    return (
      blocked.some(({ input, output }) => apply(state, input, output) !== undefined) ||
      this.#kindList.some(({ input }) => input.type === "cas" && input.expected === state)
    );
  }
}

/** Standings, without those that another makes needless: the same with fewer operations of unknown outcome used. */
class Standings {
  size = 0;
  readonly #byPlace = new Map<string, Standing[]>();

  /** False when it was there already, or a better one is. */
  add(standing: Standing): boolean {
    const { state, done, mustSee } = standing;
    const place = `${done.toString(36)} ${mustSee ? 1 : 0} ${state === null ? "" : `=${state}`}`;
    const known = this.#byPlace.get(place) ?? [];
    if (known.some(({ used }) => isWithin(used, standing.used))) return false;
    const kept = known.filter(({ used }) => !isWithin(standing.used, used));
    this.size += 1 + kept.length - known.length;
    this.#byPlace.set(place, [...kept, standing]);
    return true;
  }

  all(): readonly Standing[] {
    return [...this.#byPlace.values()].flat();
  }
}

/** Whether each of `some` is in `all`, as often. Both are sorted. */
function isWithin(some: readonly number[], all: readonly number[]): boolean {
  let at = 0;
  for (const one of all) if (one === some[at]) at += 1;
  return at === some.length;
}

function countOf(sorted: readonly number[], wanted: number): number {
  return sorted.reduce((count, one) => count + (one === wanted ? 1 : 0), 0);
}

/** Stands for every value that nobody was told and nobody expected: they cannot be told apart. */
const UNSEEN = "\u0000 a value that nobody saw";

function valuesSeen(operations: readonly Operation[]): ReadonlySet<unknown> {
  return new Set(operations.flatMap(({ input, output }) => [output, input.type === "cas" ? input.expected : null]));
}

/** Calls and returns in the order of time. At the same instant calls come first: then the two overlap, which asks less. */
function pointsOf(operations: readonly Operation[]): readonly Point[] {
  const points = operations.flatMap((operation): Point[] => {
    const call = { us: operation.callUs, isCall: true, operation };
    return isUnknown(operation) ? [call] : [call, { us: operation.returnUs ?? Infinity, isCall: false, operation }];
  });
  return points.toSorted((one, other) => one.us - other.us || Number(other.isCall) - Number(one.isCall));
}

// ── The counterexample ──────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The stretch of time that cannot be explained. Its end: the return after which nothing stands. Its beginning: the last call from which
 * there is a contradiction, whatever the key may have held then; from the start, where only what it held first makes one.
 */
function cutWindow(
  operations: readonly Operation[],
  wrongUs: number,
  stepsMax: number,
): { readonly window: readonly Operation[]; readonly isWhole: boolean } {
  const prefix = until(operations, wrongUs);
  const contradicts = (us: number): boolean => {
    const window = since(prefix, us);
    const starts = [...valuesSeen(window), null, UNSEEN].filter((value) => value === null || typeof value === "string");
    return typeof findWrong(window, [...new Set(starts)], stepsMax) === "number";
  };
  const calls = [...new Set(prefix.map(({ callUs }) => callUs))].toSorted((one, other) => other - one);
  // The latest is nearly always close: in steps that double, then by halves.
  let high = 1;
  while (high < calls.length && !contradicts(calls[high] as number)) high *= 2;
  let low = high >> 1;
  if (high >= calls.length) high = calls.length - 1;
  if (!contradicts(calls[high] as number)) return { window: prefix, isWhole: false };
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (contradicts(calls[middle] as number)) high = middle;
    else low = middle;
  }
  return { window: since(prefix, calls[contradicts(calls[low] as number) ? low : high] as number), isWhole: true };
}

/** What was known at that time: whatever returned later is not known yet. */
function until(operations: readonly Operation[], us: number): readonly Operation[] {
  return operations
    .filter(({ callUs }) => callUs <= us)
    .filter((one) => one.input.type !== "get" || (one.returnUs ?? Infinity) <= us)
    .map((one) => ((one.returnUs ?? Infinity) <= us ? one : withoutOutcome(one)));
}

function withoutOutcome({ client, key, input, callUs }: Operation): Operation {
  return { client, key, input, callUs };
}

/** What was called at that time or later, or had not returned by then: that one may have taken effect before, so nothing is asked of it. */
function since(operations: readonly Operation[], us: number): readonly Operation[] {
  return operations
    .filter((one) => isUnknown(one) || (one.returnUs ?? Infinity) >= us)
    .filter((one) => one.input.type !== "get" || one.callUs >= us)
    .map((one) => (one.callUs >= us ? one : withoutOutcome(one)));
}

/** Lines of a counterexample; of one that cannot be cut the last are shown. */
const LINES_MAX = 40;

function describe(window: readonly Operation[], isWhole: boolean): string {
  const sorted = window.toSorted((one, other) => one.callUs - other.callUs).filter((one) => isMentioned(one, window));
  const shown = sorted.slice(-LINES_MAX);
  const left = sorted.length - shown.length;
  const before = isWhole ? "whatever was there before" : "beginning with nothing there";
  return [`  (${before}${left > 0 ? `; ${left} earlier operations are not shown` : ""})`]
    .concat(shown.map((operation) => `  ${describeOperation(operation)}`))
    .join("\n");
}

/** An operation of unknown outcome whose value nobody saw explains nothing. */
function isMentioned(operation: Operation, all: readonly Operation[]): boolean {
  if (!isUnknown(operation) || !("value" in operation.input)) return true;
  const { value } = operation.input;
  return all.some((one) => one.output === value || (one.input.type === "cas" && one.input.expected === value));
}
