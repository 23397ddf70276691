/**
 * Looks for an order of the operations on one object that explains what was told. Three searches take turns, and the first to end decides:
 *
 * - **depth first** (Wing and Gong's search with Lowe's just-in-time linearization and a cache, as in Porcupine): finds an order soon where
 *   there are many, however many operations overlap; operations of unknown outcome are its last resort at each return.
 * - **layered**: from return to return all standings that explain it. Where there is no order it looks at each only once, forgets what lies
 *   behind, and knows that the return at which none is left is the first that nothing explains.
 * - **windows**: where the first gets no further, is it wrong there whatever was there before? Finds most of what is wrong, soon.
 *
 * Sources: Wing and Gong, "Testing and Verifying Concurrent Objects" (1993); Lowe, "Testing for Linearizability" (2017); Horn and
 * Kroening, "Faster Linearizability Checking via P-Compositionality" (2015); Athalye, Porcupine. Knossos lets two searches race, too.
 */
import { Budget } from "./budget.ts";
import type { AnyModel } from "./model.ts";
import { NextStandings } from "./next-standings.ts";
import { endOf, type HistoryOperation } from "./operation.ts";
import { stagesOf, type Stage } from "./stages.ts";
import { orderOf, Standings, type OrderStep, type Standing } from "./standings.ts";
import { since, until } from "./window.ts";

export type SearchResult<State, Input, Output> =
  | { readonly type: "explained"; readonly order: readonly OrderStep<State, Input, Output>[] }
  /** The first return that nothing explains, and all that explains everything before it: never empty. */
  | {
      readonly type: "stuck";
      readonly returning: HistoryOperation<Input, Output>;
      readonly standings: readonly Standing<State, Input, Output>[];
    }
  | { readonly type: "gave-up" };

/** Standings that each looks at before it is the next one's turn: depth first gets the most, since most histories are right. */
const TURNS = { deep: 2048, windows: 512, layered: 512 } as const;

export interface SearchOptions<State> {
  /** What the object may hold before. */
  readonly starts: readonly State[];
  readonly budget: Budget;
  /** Without: a history that is one of `windows` itself. */
  readonly withWindows: boolean;
}

export function search<State, Input, Output>(
  model: AnyModel<Input, Output>,
  operations: readonly HistoryOperation<Input, Output>[],
  { starts, budget, withWindows }: SearchOptions<State>,
): SearchResult<State, Input, Output> {
  const remember = (bytes: number): boolean => budget.remember(bytes);
  const walk = stagesOf(model, operations, remember);
  if (walk === null) return { type: "gave-up" };
  const { stages, kinds, openMax } = walk;
  const next = new NextStandings<State, Input, Output>(model, kinds);
  const first = starts.map((state): Standing<State, Input, Output> => ({ state, done: 0n, used: [], path: null }));
  const known = (): Standings<State, Input, Output> =>
    new Standings(
      (state) => model.keyOf(state),
      openMax,
      (bytes) => void remember(bytes),
    );
  const world: World<State, Input, Output> = { model, operations, stages, next, first, known, deepest: 0 };
  const runs = [
    { run: searchDepthFirst(world), turn: TURNS.deep },
    ...(withWindows && model.statesOf !== undefined ? [{ run: searchWindows(world), turn: TURNS.windows }] : []),
    { run: searchLayers(world), turn: TURNS.layered },
  ];
  for (;;) {
    for (const { run, turn } of runs) {
      for (let taken = 0; taken < turn;) {
        const step = run.next();
        if (step.done === true) return step.value;
        taken += step.value;
        if (!budget.take(step.value)) return { type: "gave-up" };
      }
    }
  }
}

interface World<State, Input, Output> {
  readonly model: AnyModel<Input, Output>;
  readonly operations: readonly HistoryOperation<Input, Output>[];
  readonly stages: readonly Stage<Input, Output>[];
  readonly next: NextStandings<State, Input, Output>;
  readonly first: readonly Standing<State, Input, Output>[];
  /** An empty set of standings, whose memory is reckoned. */
  readonly known: () => Standings<State, Input, Output>;
  /** The last stage that the search in depth has come to: nothing goes wrong before it. */
  deepest: number;
}

/** Yields how many standings it has looked at. */
type Run<State, Input, Output> = Generator<number, SearchResult<State, Input, Output>, undefined>;

function* searchLayers<State, Input, Output>(world: World<State, Input, Output>): Run<State, Input, Output> {
  const { stages, next, first } = world;
  let layer = first;
  let before: Standings<State, Input, Output> | null = null;
  for (const stage of stages) {
    const { operation, bit } = stage.returning;
    const after = world.known();
    const met = world.known();
    const waiting: Standing<State, Input, Output>[] = [];
    const reach = (standing: Standing<State, Input, Output>): void => {
      if ((standing.done & bit) !== 0n) after.add({ ...standing, done: standing.done & ~bit });
      else if (met.add(standing)) waiting.push(standing);
    };
    layer.forEach(reach);
    for (let standing = waiting.pop(); standing !== undefined; standing = waiting.pop()) {
      next.known(stage, standing).forEach(reach);
      const unknown = next.unknown(stage, standing);
      unknown.next.forEach(reach);
      yield 1 + unknown.steps;
    }
    if (after.isEmpty) return { type: "stuck", returning: operation, standings: met.all() };
    layer = after.all();
    met.forget();
    before?.forget();
    before = after;
    yield layer.length;
  }
  return { type: "explained", order: orderOf(layer[0]?.path ?? null) };
}

/** What waits at one stage: first what the fewest operations took effect for, since what is not decided yet can still be decided rightly. */
class Frame<State, Input, Output> {
  readonly met: Standings<State, Input, Output>;
  /** Looked at so far. */
  expanded = 0;
  readonly #levels: Waiting<State, Input, Output>[][] = [];

  constructor(met: Standings<State, Input, Output>) {
    this.met = met;
  }

  add(waiting: Waiting<State, Input, Output>): void {
    (this.#levels[waiting.level] ??= []).push(waiting);
  }

  take(): Waiting<State, Input, Output> | undefined {
    const level = this.#levels.find((one) => one !== undefined && one.length > 0);
    this.expanded += 1;
    return level?.pop();
  }

  get isEmpty(): boolean {
    return !this.#levels.some((one) => one.length > 0);
  }
}

interface Waiting<State, Input, Output> {
  readonly standing: Standing<State, Input, Output>;
  /** Operations that took effect at this stage. */
  readonly level: number;
  /** What is known was tried; now with what is not. */
  readonly withUnknown: boolean;
}

/** One more operation of unknown outcome counts as that many of known outcome. */
const UNKNOWN_LEVELS = 2;

function* searchDepthFirst<State, Input, Output>(world: World<State, Input, Output>): Run<State, Input, Output> {
  const { stages, next, first } = world;
  const frames: Frame<State, Input, Output>[] = [];
  const enter = (at: number, standing: Standing<State, Input, Output>, level: number): void => {
    const frame = (frames[at] ??= new Frame(world.known()));
    const bit = stages[at]?.returning.bit ?? 0n;
    if ((standing.done & bit) !== 0n) enter(at + 1, { ...standing, done: standing.done & ~bit }, 0);
    else if (frame.met.add(standing)) frame.add({ standing, level, withUnknown: false });
  };
  for (const standing of first) enter(0, standing, 0);
  for (let at = nextFrame(frames); at !== undefined; at = nextFrame(frames)) {
    const frame = frames[at] as Frame<State, Input, Output>;
    const { standing, level, withUnknown } = frame.take() as Waiting<State, Input, Output>;
    const stage = stages[at];
    if (stage === undefined) return { type: "explained", order: orderOf(standing.path) };
    world.deepest = Math.max(world.deepest, at);
    if (withUnknown) {
      const unknown = next.unknown(stage, standing);
      for (const reached of unknown.next) enter(at, reached, level + UNKNOWN_LEVELS);
      yield 1 + unknown.steps;
    } else {
      if (stage.kinds > 0) frame.add({ standing, level: level + 1, withUnknown: true });
      for (const reached of next.known(stage, standing).toReversed()) enter(at, reached, level + 1);
      yield 1;
    }
  }
  const returning = stages[world.deepest]?.returning.operation;
  if (returning === undefined) return { type: "explained", order: [] };
  return { type: "stuck", returning, standings: frames[world.deepest]?.met.all() ?? [] };
}

/** How many stages back it goes each time that it has looked at twice as much at one. */
const STAGES_BACK = 2;
const FRAMES_COMPARED = 64;

/**
 * Where to go on: as deep as possible, but where much was tried in vain the mistake was made some stages earlier. Undefined: nothing is left.
 */
function nextFrame<State, Input, Output>(frames: readonly Frame<State, Input, Output>[]): number | undefined {
  let best: number | undefined;
  let bestScore = -Infinity;
  for (let at = frames.length - 1; at >= 0; at--) {
    if (best !== undefined && (at < bestScore || at < frames.length - FRAMES_COMPARED)) break;
    const frame = frames[at] as Frame<State, Input, Output>;
    if (frame.isEmpty) continue;
    const score = at - STAGES_BACK * Math.log2(1 + frame.expanded);
    if (score > bestScore) [best, bestScore] = [at, score];
  }
  return best;
}

/** Standings that one window may take, and calls in the largest one. */
const WINDOW_STATES_MAX = 20_000;
const WINDOW_CALLS_MAX = 512;

/**
 * Where the search in depth does not get any further: does it go wrong there whatever was there before, some calls earlier? Such a window is
 * proof for the whole, at a fraction of what it takes to show that nothing at all explains what came before.
 */
function* searchWindows<State, Input, Output>(world: World<State, Input, Output>): Run<State, Input, Output> {
  const { model, operations, stages } = world;
  let lookedAt = -1;
  for (;;) {
    const at = world.deepest;
    const stage = stages[at];
    if (at === lookedAt || stage === undefined) {
      yield TURNS.windows;
      continue;
    }
    lookedAt = at;
    const prefix = until(operations, endOf(stage.returning.operation));
    const calls = prefix.map(({ callUs }) => callUs).toSorted((one, other) => other - one);
    for (let back = 2; back < WINDOW_CALLS_MAX && back < 2 * calls.length && world.deepest === at; back *= 2) {
      const window = since(model, prefix, calls[Math.min(back, calls.length) - 1] as number);
      const starts = (model.statesOf?.(window) ?? []) as readonly State[];
      const budget = new Budget({ statesMax: WINDOW_STATES_MAX });
      const result = search<State, Input, Output>(model, window, { starts, budget, withWindows: false });
      if (result.type === "stuck") return result;
      yield budget.states;
    }
  }
}
