/**
 * Histories as clients of a correct object record them, for `history.ts`: each operation takes effect at a drawn instant of its own between
 * its call and its return, some are never told what became of them.
 */
import { createRandom, type Random } from "../runtime/index.ts";
import type { HistoryModelName, HistoryOperation } from "../sim/index.ts";

export interface RecordedOptions {
  readonly model: HistoryModelName;
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
  /** Share of them. */
  readonly unknown: number;
  readonly seed: number;
}

interface Input {
  readonly type: string;
  readonly value?: string;
  readonly expected?: string | null;
  readonly owner?: string;
}

interface Drawn {
  readonly client: string;
  readonly key: string;
  readonly input: Input;
  readonly callUs: number;
  readonly effectUs: number;
  readonly returnUs: number;
}

/** How long a client waits before a call, and how long each half of it lasts, at most: an operation is under way two thirds of the time. */
const PAUSE_US = 100;
const HALF_US = 100;

export function recordHistory(options: RecordedOptions): readonly HistoryOperation<unknown, unknown>[] {
  const random = createRandom(options.seed);
  const free = Array.from({ length: options.clients }, () => 0);
  /** As in Jepsen, who was not told what became of an operation goes on under another name. */
  const lives = Array.from({ length: options.clients }, () => 0);
  const drawn = Array.from({ length: options.operations }, (_, at): Drawn => {
    const client = at % options.clients;
    const callUs = (free[client] ?? 0) + 1 + random.integer(PAUSE_US);
    const effectUs = callUs + random.integer(HALF_US);
    const name = `c${client}.${lives[client]}`;
    const input = drawInput(random, { model: options.model, client: name, at });
    // Who holds a lock and does not know it holds it for ever.
    const isUnknown = random.next() < options.unknown && input.type !== "acquire";
    if (isUnknown) lives[client] = (lives[client] ?? 0) + 1;
    const returnUs = isUnknown ? Infinity : effectUs + random.integer(HALF_US);
    free[client] = isUnknown ? callUs + 10 * HALF_US : returnUs;
    return { client: name, key: `k${random.integer(options.keys)}`, input, callUs, effectUs, returnUs };
  });
  const states = new Map<string, string | null>();
  const outputs = new Map<Drawn, unknown>();
  for (const one of drawn.toSorted((first, second) => first.effectUs - second.effectUs)) {
    const { output, state } = act(states.get(one.key) ?? null, one.input);
    states.set(one.key, state);
    outputs.set(one, output);
  }
  return drawn.map((one) => {
    const { client, key, input, callUs, returnUs } = one;
    const call = { client, ...(options.keys > 1 ? { key } : {}), input, callUs };
    return returnUs === Infinity ? call : { ...call, output: outputs.get(one), returnUs };
  });
}

/** One read in the middle gives a value of long before. */
export function breakHistory(
  history: readonly HistoryOperation<unknown, unknown>[],
): readonly HistoryOperation<unknown, unknown>[] {
  const middle = Math.floor(history.length / 2);
  const isRead = ({ input, output }: HistoryOperation<unknown, unknown>): boolean =>
    (input as Input).type === "get" && typeof output === "string";
  const at = history.findIndex((one, index) => index >= middle && isRead(one));
  const read = history[at];
  const stale = history.slice(0, middle / 2).findLast((one) => isRead(one) && one.key === read?.key);
  if (read !== undefined && stale !== undefined) return history.with(at, { ...read, output: stale.output });
  // A lock: what was refused is told that it took place.
  const refused = history.findIndex(({ output }, index) => index >= middle && output === false);
  return history.with(refused, { ...(history[refused] as HistoryOperation<unknown, unknown>), output: true });
}

function drawInput(
  random: Random,
  { model, client, at }: { readonly model: HistoryModelName; readonly client: string; readonly at: number },
): Input {
  const value = `v${at}`;
  const kind = random.next();
  if (model === "lock") return { type: kind < 0.5 ? "acquire" : "release", owner: client };
  if (kind < 0.5) return { type: "get" };
  if (model === "register" || kind < 0.75) return { type: "put", value };
  const expected = random.next() < 0.2 ? null : `v${Math.max(0, at - random.integer(20))}`;
  return { type: "cas", expected, value };
}

function act(state: string | null, input: Input): { readonly output: unknown; readonly state: string | null } {
  const { type, value = null, expected = null, owner = null } = input;
  switch (type) {
    case "get":
      return { output: state, state };
    case "put":
      return { output: true, state: value };
    case "cas":
      return { output: state === expected, state: state === expected ? value : state };
    case "acquire":
      return { output: state === null, state: state ?? owner };
    default:
      return { output: state === owner, state: state === owner ? null : state };
  }
}
