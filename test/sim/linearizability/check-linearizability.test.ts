/** Histories of the simulator and of real processes: known good and bad ones, and every tiny one against all orders tried one by one. */
import {
  assert,
  constantFrom,
  integer,
  option,
  property,
  record,
  uniqueArray,
  array,
  type Arbitrary,
} from "fast-check";
import { expect, test } from "vitest";
import { parseHistory, type KvInput, type Operation } from "../../../sim/checkers/history.ts";
import { checkLinearizability } from "../../../sim/checkers/linearizability.ts";
import { createRandom } from "../../../runtime/index.ts";

type Output = Exclude<Operation["output"], undefined>;

/** One operation on key "k", from `at[0]` to `at[1]`. */
function op(client: string, input: KvInput, output: Output, at: readonly [number, number]): Operation {
  return { client, key: "k", input, output, callUs: at[0], returnUs: at[1] };
}
function unknown(client: string, input: KvInput, callUs: number): Operation {
  return { client, key: "k", input, callUs };
}
const get: KvInput = { type: "get" };
const put = (value: string): KvInput => ({ type: "put", value });
const cas = (expected: string | null, value: string): KvInput => ({ type: "cas", expected, value });

const GOOD: Readonly<Record<string, readonly Operation[]>> = {
  "nothing at all": [],
  "a read of nothing": [op("a", get, null, [0, 1])],
  "a read while a write is under way sees it or not": [
    op("a", put("x"), true, [0, 10]),
    op("b", get, null, [1, 2]),
    op("c", get, "x", [3, 4]),
  ],
  "an unknown write that is seen much later": [
    unknown("a", put("x"), 0),
    op("b", get, null, [5, 6]),
    op("b", get, "x", [900, 901]),
  ],
  "an unknown write that never shows": [unknown("a", put("x"), 0), op("b", get, null, [5, 6])],
  "a compare-and-set that is refused by an unknown write": [
    op("a", put("x"), true, [0, 1]),
    unknown("b", put("y"), 2),
    op("a", cas("x", "z"), false, [3, 4]),
    op("a", get, "y", [5, 6]),
  ],
  "unknown writes that build on each other": [
    unknown("a", put("x"), 0),
    unknown("b", cas("x", "y"), 0),
    op("c", get, "y", [5, 6]),
  ],
  "a delete, then a put where nothing is": [
    op("a", put("x"), true, [0, 1]),
    op("a", { type: "delete" }, true, [2, 3]),
    op("a", cas(null, "y"), true, [4, 5]),
  ],
};

const BAD: Readonly<Record<string, readonly Operation[]>> = {
  "a phantom": [op("a", get, "x", [0, 1])],
  "a read that misses an acknowledged write": [op("a", put("x"), true, [0, 1]), op("b", get, null, [2, 3])],
  "a read that goes back": [
    op("a", put("x"), true, [0, 1]),
    op("a", put("y"), true, [2, 9]),
    op("b", get, "y", [3, 4]),
    op("b", get, "x", [5, 6]),
  ],
  "two compare-and-sets of one value": [
    op("a", put("x"), true, [0, 1]),
    op("a", cas("x", "y"), true, [2, 5]),
    op("b", cas("x", "z"), true, [2, 5]),
  ],
  "an unknown write that shows before its call": [op("b", get, "x", [0, 1]), unknown("a", put("x"), 2)],
  "a write that acts twice": [
    unknown("a", put("x"), 0),
    op("b", get, "x", [1, 2]),
    op("b", put("y"), true, [3, 4]),
    op("b", get, "x", [5, 6]),
  ],
};

test.each(Object.entries(GOOD))("checkLinearizability() accepts %s", (_, history) => {
  expect(checkLinearizability(history)).toMatchObject({ ok: true });
});

test.each(Object.entries(BAD))("checkLinearizability() finds %s", (_, history) => {
  expect(checkLinearizability(history)).toMatchObject({ ok: false, key: "k" });
});

test("checkLinearizability() judges keys apart, and begins with what a key held", () => {
  const other = { ...op("a", get, "old", [0, 1]), key: "other" };
  expect(checkLinearizability([other], { initial: (key) => (key === "other" ? "old" : null) }).ok).toBe(true);
  expect(checkLinearizability([...(GOOD["an unknown write that never shows"] ?? []), other])).toMatchObject({
    ok: false,
    key: "other",
  });
});

test("checkLinearizability() gives an error cut down to the stretch of time that has it", () => {
  const before = Array.from({ length: 500 }, (_, at) => op("a", put(`p${at}`), true, [10 * at, 10 * at + 5]));
  const wrong = [
    op("a", put("x"), true, [6000, 6001]),
    op("b", put("y"), true, [6002, 6003]),
    op("c", get, "x", [6004, 6005]),
  ];
  const after = [op("a", put("later"), true, [7000, 7001])];
  const found = checkLinearizability([...before, ...wrong, ...after]);
  expect(found).toMatchObject({ ok: false, window: wrong.slice(1) });
  expect(found.ok === false && found.message.split("\n")).toEqual([
    'No order of the operations on key "k" explains what was told:',
    "  (whatever was there before)",
    "  b  put y    [0.006002 s … 0.006003 s]",
    "  c  get → x  [0.006004 s … 0.006005 s]",
    '"get → x" of client c has no place: by its return (0.006005 s) the state could only be: y.',
  ]);
});

test("checkLinearizability() says so when it gives up", () => {
  const history = Array.from({ length: 30 }, (_, at) => op(`c${at}`, put(`v${at}`), true, [0, 100]));
  expect(checkLinearizability([...history, op("r", get, "none", [200, 201])], { stepsMax: 1000 })).toMatchObject({
    ok: "undecided",
    key: "k",
  });
});

test("checkLinearizability() judges thousands of operations of many clients, some of unknown outcome", () => {
  const history = makeHistory(7, { clients: 8, operations: 6000, unknown: 0.05 });
  expect(checkLinearizability(history)).toMatchObject({ ok: true });
  const at = history.findIndex((one, index) => index > 3000 && one.input.type === "get" && one.output !== undefined);
  const broken = history.with(at, { ...(history[at] as Operation), output: "never written" });
  expect(checkLinearizability(broken)).toMatchObject({ ok: false });
});

/** What clients of a correct register see: each operation takes effect at a drawn instant. */
function makeHistory(
  seed: number,
  wanted: { readonly clients: number; readonly operations: number; readonly unknown: number },
): readonly Operation[] {
  const random = createRandom(seed);
  const free = Array.from({ length: wanted.clients }, () => 0);
  const drawn = Array.from({ length: wanted.operations }, (_, at) => {
    const client = random.integer(wanted.clients);
    const callUs = (free[client] ?? 0) + 1 + random.integer(50);
    const effectUs = callUs + random.integer(100);
    const isUnknownOne = random.next() < wanted.unknown;
    const returnUs = isUnknownOne ? Infinity : effectUs + random.integer(100);
    free[client] = isUnknownOne ? callUs + 500 : returnUs;
    const expected = random.next() < 0.5 ? null : `v${Math.max(0, at - random.integer(10))}`;
    const input = [get, put(`v${at}`), cas(expected, `v${at}`), { type: "delete" } as const][
      random.integer(4)
    ] as KvInput;
    return { client: `c${client}`, key: "k", input, callUs, effectUs, returnUs };
  });
  let state: string | null = null;
  const outputs = new Map<object, Output>();
  for (const one of drawn.toSorted((first, second) => first.effectUs - second.effectUs)) {
    const { input } = one;
    const happens = input.type !== "cas" || state === input.expected;
    outputs.set(one, input.type === "get" ? state : happens);
    if (input.type === "delete") state = null;
    else if (input.type !== "get" && happens) state = input.value;
  }
  return drawn.map((one) => {
    const { client, key, input, callUs, returnUs } = one;
    const call = { client, key, input, callUs };
    return returnUs === Infinity ? call : { ...call, returnUs, output: outputs.get(one) as Output };
  });
}

// ── Against all orders ──────────────────────────────────────────────────────────────────────────────────────────────

const VALUES = ["x", "y"] as const;

const anyOperation: Arbitrary<Operation> = record({
  kind: constantFrom("get", "put", "cas", "delete"),
  value: constantFrom(...VALUES),
  expected: option(constantFrom(...VALUES)),
  isUnknown: integer({ min: 0, max: 3 }).map((drawn) => drawn === 0),
  truth: constantFrom(true, true, false),
  times: uniqueArray(integer({ min: 0, max: 12 }), { minLength: 2, maxLength: 2 }),
}).map(({ kind, value, expected, isUnknown, truth, times }) => {
  const [callUs, returnUs] = times.toSorted((one, other) => one - other) as [number, number];
  const inputs: Record<string, KvInput> = {
    get,
    put: put(value),
    cas: cas(expected, value),
    delete: { type: "delete" },
  };
  const call = { client: "c", key: "k", input: inputs[kind] as KvInput, callUs };
  if (isUnknown) return call;
  const output = kind === "get" ? expected : kind === "cas" ? truth : true;
  return { ...call, output, returnUs };
});

/** Tries every order of every selection of the unknown ones. */
function bruteForce(left: readonly Operation[], state: string | null): boolean {
  const known = left.filter(({ output }) => output !== undefined);
  if (known.length === 0) return true;
  const firstReturn = Math.min(...known.map(({ returnUs }) => returnUs ?? Infinity));
  return left.some((operation, at) => {
    if (operation.callUs > firstReturn) return false;
    const { input, output } = operation;
    const rest = left.toSpliced(at, 1);
    if (input.type === "get") return (output === undefined || output === state) && bruteForce(rest, state);
    if (input.type === "put") return bruteForce(rest, input.value);
    if (input.type === "delete") return bruteForce(rest, null);
    const happens = state === input.expected;
    return (output === undefined || output === happens) && bruteForce(rest, happens ? input.value : state);
  });
}

test("checkLinearizability() agrees with trying every order of a tiny history", () => {
  const seen = new Set<boolean>();
  assert(
    property(array(anyOperation, { maxLength: 6 }), (history) => {
      const expected = bruteForce(history, null);
      seen.add(expected);
      expect(checkLinearizability(history).ok).toBe(expected);
    }),
    { numRuns: 3000, seed: 1 },
  );
  expect(seen).toEqual(new Set([true, false]));
});

test("parseHistory() reads one operation a line, and names the line that is none", () => {
  const lines = [op("a", put("x"), true, [0, 1]), unknown("b", cas(null, "y"), 3)].map((one) => JSON.stringify(one));
  expect(parseHistory(`${lines.join("\n")}\n`)).toEqual(lines.map((line) => JSON.parse(line) as unknown));
  expect(() => parseHistory(`${lines[0]}\n{"client":"a"}`)).toThrow(
    "Cannot read the history: line 2, key: is missing, expected a text",
  );
  expect(() => parseHistory("{")).toThrow("Cannot read the history: line 1: not JSON: {");
});
