/** The checker: every tiny history of every model against all orders tried one by one; known ones; what it says of those that are wrong. */
import { array, assert, constantFrom, integer, option, property, record, tuple, type Arbitrary } from "fast-check";
import { expect, test } from "vitest";
import {
  casModel,
  checkHistory,
  isUnknown,
  kvModel,
  lockModel,
  registerModel,
  type Counterexample,
  type HistoryOperation,
  type KvInput,
  type KvOutput,
  type LockInput,
  type Model,
  type OrderStep,
  type RegisterInput,
  type RegisterOutput,
} from "../../../sim/index.ts";
import { bruteForce } from "./brute-force.ts";
import { counterModel, type CounterInput } from "./counter-model.ts";

// ── Against all orders ──────────────────────────────────────────────────────────────────────────────────────────────

/** What is asked and told, drawn apart from each other: about as many histories are right as are wrong. */
interface Drawn<Input, Output> {
  readonly input: Input;
  readonly output: Output;
  readonly key?: string;
}

function histories<Input, Output>(
  anyDrawn: Arbitrary<Drawn<Input, Output>>,
  maxLength: number,
): Arbitrary<readonly HistoryOperation<Input, Output>[]> {
  const anyOperation = record({
    drawn: anyDrawn,
    unknown: integer({ min: 0, max: 3 }).map((number) => number === 0),
    times: tuple(integer({ min: 0, max: 12 }), integer({ min: 0, max: 12 })),
  }).map(({ drawn: { input, output, key }, unknown, times }): HistoryOperation<Input, Output> => {
    const [callUs = 0, returnUs = 0] = times.toSorted((one, other) => one - other);
    const call = { client: "c", ...(key === undefined ? {} : { key }), input, callUs };
    return unknown ? call : { ...call, output, returnUs };
  });
  return array(anyOperation, { maxLength });
}

const anyValue = constantFrom("x", "y");
const anyCell: Arbitrary<Drawn<KvInput, KvOutput>> = record({
  type: constantFrom("get", "put", "cas", "delete"),
  value: anyValue,
  expected: option(anyValue),
  truth: constantFrom(true, true, false),
}).map(({ type, value, expected, truth }) => {
  if (type === "get") return { input: { type }, output: expected };
  if (type === "put") return { input: { type, value }, output: true };
  if (type === "delete") return { input: { type }, output: true };
  return { input: { type: "cas", expected, value }, output: truth };
});
const anyLock: Arbitrary<Drawn<LockInput, boolean>> = record({
  type: constantFrom("acquire", "release"),
  owner: constantFrom("a", "b", "c"),
  output: constantFrom(true, true, false),
}).map(({ type, owner, output }) => ({ input: { type, owner }, output }));
const anyCount: Arbitrary<Drawn<CounterInput, number | true>> = record({
  by: integer({ min: 0, max: 2 }),
  told: integer({ min: -1, max: 5 }),
}).map(({ by, told }) => ({
  input: by === 0 ? { type: "read" } : { type: "add", by },
  output: told < 0 ? true : told,
}));

type AnyModel = Model<unknown, unknown, unknown>;
type AnyHistory = readonly HistoryOperation<unknown, unknown>[];

const MODELS: Readonly<Record<string, readonly [AnyModel, Arbitrary<AnyHistory>]>> = {
  register: [
    registerModel as AnyModel,
    histories(
      anyCell.filter(({ input }) => input.type === "get" || input.type === "put"),
      7,
    ),
  ],
  cas: [
    casModel as AnyModel,
    histories(
      anyCell.filter(({ input }) => input.type !== "delete"),
      7,
    ),
  ],
  kv: [kvModel as AnyModel, histories(anyCell, 6)],
  lock: [lockModel as AnyModel, histories(anyLock, 7)],
  "counter, of a user": [counterModel as AnyModel, histories(anyCount, 7)],
};

test.each(Object.entries(MODELS))(
  "checkHistory() agrees with trying every order, of a %s",
  (_, [model, anyHistory]) => {
    const seen = new Map([
      [true, 0],
      [false, 0],
    ]);
    assert(
      property(anyHistory, (history) => {
        const expected = bruteForce(model, history, [model.initial]);
        seen.set(expected, (seen.get(expected) ?? 0) + 1);
        const found = checkHistory(model, history);
        expect(found.verdict).toBe(expected ? "linearizable" : "not-linearizable");
        if (found.verdict === "linearizable") {
          for (const [key, order] of found.orders) expectOrder(model, history, { key, order });
        }
        if (found.verdict === "not-linearizable") expectSound(model, history, found.counterexample);
      }),
      { numRuns: 1500, seed: 1 },
    );
    expect(Math.min(...seen.values()), "both kinds were drawn").toBeGreaterThan(100);
  },
);

/** The order is one of the history: each told the truth, in an order that the times allow, with all that returned in it. */
function expectOrder(
  model: AnyModel,
  history: AnyHistory,
  { key, order }: { readonly key: string; readonly order: readonly OrderStep<unknown, unknown, unknown>[] },
): void {
  let state = model.initial;
  let calledUs = -Infinity;
  for (const { operation, state: after } of order) {
    const next = model.step(state, operation.input, operation.output);
    expect(next).toBeDefined();
    expect(next).toEqual(after);
    state = next;
    expect(
      operation.returnUs ?? Infinity,
      "it returned before one that took effect earlier was called",
    ).toBeGreaterThanOrEqual(calledUs);
    calledUs = Math.max(calledUs, operation.callUs);
  }
  const placed = order.map(({ operation }) => operation);
  expect(new Set(placed).size).toBe(placed.length);
  const told = history.filter((one) => !isUnknown(one) && (model.partition?.(one) ?? "") === key);
  expect(told.every((one) => placed.includes(one))).toBe(true);
}

/**
 * What is shown cannot be explained by itself, nor where all the rest is there, too: what ended before as it was, of the others nothing is
 * asked. So nothing that was left out would have explained it.
 */
function expectSound(
  model: AnyModel,
  history: AnyHistory,
  { operations, fromAnyState, initial, impossible }: Counterexample<unknown, unknown, unknown>,
): void {
  const starts = fromAnyState ? (model.statesOf?.(operations) ?? []) : [initial];
  expect(bruteForce(model, operations, starts)).toBe(false);
  expect(operations).toContain(impossible);
  const key = model.partition?.(impossible);
  const firstEndUs = Math.min(
    ...operations.filter((one) => !isUnknown(one)).map(({ returnUs }) => returnUs ?? Infinity),
  );
  const rest = history
    .filter((one) => model.partition?.(one) === key && !operations.includes(one))
    .flatMap((one): AnyHistory => {
      if (isUnknown(one) || (one.returnUs ?? Infinity) < firstEndUs) return [one];
      const { client, input, callUs } = one;
      return model.isRead?.(input, one.output) === true ? [] : [{ client, input, callUs }];
    });
  expect(bruteForce(model, [...operations, ...rest], [model.initial]), "the rest explains it").toBe(false);
}

test("checkHistory() judges keys apart: a history of several is right when each is", () => {
  const anyKey = constantFrom("k", "l", "m");
  const anyHistory = histories(
    tuple(anyCell, anyKey).map(([drawn, key]) => ({ ...drawn, key })),
    9,
  );
  const kv = kvModel as AnyModel;
  assert(
    property(anyHistory, (history) => {
      const byKey = ["k", "l", "m"].map((key) => history.filter((one) => one.key === key));
      const expected = byKey.every((some) => bruteForce(kv, some, [null]));
      expect(checkHistory(kv, history).verdict === "linearizable").toBe(expected);
    }),
    { numRuns: 500, seed: 2 },
  );
});

// ── Locks ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function lock(
  type: LockInput["type"],
  owner: string,
  at: readonly [number, number],
  output = true,
): HistoryOperation<LockInput, boolean> {
  return { client: owner, input: { type, owner }, output, callUs: at[0], returnUs: at[1] };
}
function unknownLock(type: LockInput["type"], owner: string, callUs: number): HistoryOperation<LockInput, boolean> {
  return { client: owner, input: { type, owner }, callUs };
}

test.each(
  Object.entries({
    "one after the other": [lock("acquire", "a", [0, 1]), lock("release", "a", [2, 3]), lock("acquire", "b", [4, 5])],
    "an acquire that waits for the release": [
      lock("acquire", "a", [0, 1]),
      lock("acquire", "b", [2, 9]),
      lock("release", "a", [3, 8]),
    ],
    "a release that nobody heard of": [
      lock("acquire", "a", [0, 1]),
      unknownLock("release", "a", 2),
      lock("acquire", "b", [3, 4]),
    ],
    "an acquire that is refused while it may be held": [
      unknownLock("acquire", "a", 0),
      lock("acquire", "b", [1, 2], false),
    ],
  }),
)("checkHistory() accepts a lock: %s", (_, history) => {
  expect(checkHistory(lockModel, history).verdict).toBe("linearizable");
});

test.each(
  Object.entries({
    "held by two": [lock("acquire", "a", [0, 1]), lock("acquire", "b", [2, 3])],
    "given back by another": [lock("acquire", "a", [0, 1]), lock("release", "b", [2, 3])],
    "given back twice": [lock("acquire", "a", [0, 1]), lock("release", "a", [2, 3]), lock("release", "a", [4, 5])],
    "refused though it is free": [lock("acquire", "a", [0, 1], false)],
    "acquired twice by one": [lock("acquire", "a", [0, 1]), lock("acquire", "a", [2, 3])],
  }),
)("checkHistory() finds a lock: %s", (_, history) => {
  expect(checkHistory(lockModel, history).verdict).toBe("not-linearizable");
});

test("checkHistory() shows of a lock that two hold only those two", () => {
  const crashed = Array.from({ length: 20 }, (_, at) => unknownLock("acquire", `crashed${at}`, at));
  const turns = Array.from({ length: 50 }, (_, at) => [
    lock("acquire", `t${at % 3}`, [100 + 10 * at, 102 + 10 * at]),
    lock("release", `t${at % 3}`, [104 + 10 * at, 106 + 10 * at]),
  ]).flat();
  const both = [lock("acquire", "a", [1000, 1005]), lock("acquire", "b", [1003, 1008])];
  const found = checkHistory(lockModel, [...crashed, ...turns, ...both]);
  expect(found).toMatchObject({
    verdict: "not-linearizable",
    counterexample: { operations: both, fromAnyState: true, key: null },
  });
  expect(found.verdict === "not-linearizable" && found.message).toMatch(
    /has no place: by its return \(0\.00100\d s\) the state could only be: held by/,
  );
});

// ── What it says ────────────────────────────────────────────────────────────────────────────────────────────────────

function put(client: string, value: string, at: readonly [number, number]): HistoryOperation<KvInput, KvOutput> {
  return { client, key: "k", input: { type: "put", value }, output: true, callUs: at[0], returnUs: at[1] };
}
function get(
  client: string,
  output: string | null,
  at: readonly [number, number],
): HistoryOperation<KvInput, KvOutput> {
  return { client, key: "k", input: { type: "get" }, output, callUs: at[0], returnUs: at[1] };
}

test("checkHistory() gives up honestly, by states and by time, and still finds what is wrong with another key", () => {
  const hard = [
    ...Array.from({ length: 30 }, (_, at) => put(`c${at}`, `v${at}`, [0, 100])),
    ...Array.from({ length: 30 }, (_, at) => get(`r${at}`, `v${(7 * at) % 30}`, [200 + at, 200 + at + 40])),
  ];
  const byStates = checkHistory(kvModel, hard, { statesMax: 1000 });
  expect(byStates).toMatchObject({ verdict: "gave-up", key: "k", why: "states" });
  expect(byStates.verdict === "gave-up" && byStates.message).toBe(
    'Cannot judge key "k": gave up after 1000 states, over 60 operations',
  );
  const byTime = checkHistory(kvModel, hard, { isOver: () => true });
  expect(byTime).toMatchObject({ verdict: "gave-up", why: "time" });
  const wrong = { ...get("z", "phantom", [0, 1]), key: "other" };
  expect(checkHistory(kvModel, [...hard, wrong], { statesMax: 1000 })).toMatchObject({
    verdict: "not-linearizable",
    counterexample: { key: "other", operations: [wrong], fromAnyState: false },
  });
});

test("checkHistory() ends when its time is over, also while it makes what is wrong smaller", () => {
  const added = Array.from({ length: 600 }, (_, at): HistoryOperation<CounterInput, number | true> => {
    return { client: "a", input: { type: "add", by: 1 }, output: at + 1, callUs: 2 * at, returnUs: 2 * at + 1 };
  });
  const history = [
    ...added,
    { client: "b", input: { type: "read" }, output: 3, callUs: 1300, returnUs: 1301 } as const,
  ];
  let looks = 0;
  const found = checkHistory(counterModel, history, { isOver: () => (looks += 1) > 20 });
  expect(found.verdict).toBe("not-linearizable");
  expect(looks, "asked all along, and never again when it was over").toBeGreaterThan(20);
  expect(looks).toBeLessThan(25);
});

test("checkHistory() gives up where thousands of unknown operations build on each other", () => {
  const unknown = Array.from({ length: 10_000 }, (_, at): HistoryOperation<CounterInput, number | true> => {
    return { client: `a${at}`, input: { type: "add", by: 1 }, callUs: at };
  });
  const read = { client: "b", input: { type: "read" }, output: 9999, callUs: 10_001, returnUs: 10_002 } as const;
  const found = checkHistory(counterModel, [...unknown, read]);
  expect(found).toMatchObject({ verdict: "gave-up", why: "states", states: expect.toSatisfy(Number.isFinite) });
});

test("checkHistory() takes a value for what it is, also one like its own for what nobody saw", () => {
  const written = { client: "a", input: { type: "put", value: "1" }, callUs: 1 } as const;
  const read = { client: "b", input: { type: "get" }, output: "\u0000", callUs: 3, returnUs: 4 } as const;
  expect(checkHistory(registerModel, [written, read]).verdict).toBe("not-linearizable");
});

test("checkHistory() finds an order where very many operations overlap", () => {
  const writes = Array.from({ length: 40 }, (_, at) => put(`c${at}`, `v${at}`, [0, 1000]));
  const reads = Array.from({ length: 40 }, (_, at) => get(`r${at}`, `v${39 - at}`, [10 + 20 * at, 15 + 20 * at]));
  expect(checkHistory(kvModel, [...writes, ...reads])).toMatchObject({ verdict: "linearizable", operations: 80 });
});

test("checkHistory() keeps of a long history what shows that it is wrong", () => {
  const before = Array.from({ length: 400 }, (_, at) => put("a", `p${at}`, [10 * at, 10 * at + 5]));
  const crashed = Array.from({ length: 30 }, (_, at): HistoryOperation<KvInput, KvOutput> => {
    return { client: `x${at}`, key: "k", input: { type: "put", value: `lost${at}` }, callUs: 50 * at };
  });
  const wrong = [put("a", "new", [6000, 6010]), get("b", "new", [6005, 6020]), get("c", "p399", [6030, 6040])];
  const found = checkHistory(kvModel, [...before, ...crashed, ...wrong, put("a", "later", [7000, 7001])]);
  expect(found).toMatchObject({ verdict: "not-linearizable" });
  if (found.verdict !== "not-linearizable") return;
  expect(found.counterexample.operations).toEqual([wrong[0], wrong[2]]);
  expect(found.counterexample.impossible).toEqual(wrong[2]);
  expect(found.message.split("\n")).toEqual([
    'No order of the operations on key "k" explains what was told:',
    "  (whatever was there before)",
    "  a  put new     [0.006000 s … 0.006010 s]",
    "  c  get → p399  [0.006030 s … 0.006040 s]",
    '"get → p399" of client c has no place: by its return (0.006040 s) the state could only be: new.',
  ]);
});

test("checkHistory() begins with what a key held", () => {
  const history = [get("a", "old", [0, 1])];
  expect(checkHistory(kvModel, history, { initial: (key) => (key === "k" ? "old" : null) }).verdict).toBe(
    "linearizable",
  );
  const found = checkHistory(kvModel, history);
  expect(found.verdict === "not-linearizable" && found.message).toContain("beginning with nothing");
});

test("checkHistory() gives up by name before it remembers more than it may, however many operations are open at once", () => {
  const count = 400;
  const operations = Array.from({ length: count }, (_, at): HistoryOperation<RegisterInput, RegisterOutput> => {
    const [callUs, returnUs] = [at, 1_000_000 + ((at * 7919) % count)];
    return at % 2 === 0
      ? { client: `c${at}`, input: { type: "put", value: `v${at}` }, output: true, callUs, returnUs }
      : { client: `c${at}`, input: { type: "get" }, output: `v${at - 1}`, callUs, returnUs };
  });
  const little = checkHistory(registerModel, operations, { memoryMaxBytes: 2 ** 20 });
  expect(little).toMatchObject({ verdict: "gave-up", why: "memory" });
  expect("message" in little ? little.message : "").toMatch(
    /^Cannot judge the history: gave up after \d+ states, as they take over 1 MiB: too many operations are open at once, over 400 operations$/,
  );
  // Where the lists of what is open are too long by themselves.
  expect(checkHistory(registerModel, operations, { memoryMaxBytes: 1000 })).toMatchObject({ states: 0, why: "memory" });
});
