/** Histories out of text: three formats, hand-made fixtures, and for each mistake the line, the field and what was expected. */
import { array, assert, constantFrom, integer, letrec, oneof, property, string } from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkHistory, HISTORY_MODELS, HistoryError, readHistory, type HistoryModelName } from "../../../sim/index.ts";
import { EdnReader } from "../../../sim/linearizability/readers/edn-reader.ts";
import type { EdnNode } from "../../../sim/linearizability/readers/edn-node.ts";

function judge(model: HistoryModelName, text: string): string {
  return checkHistory(HISTORY_MODELS[model].model, readHistory(text.split("\n"), { model }).operations).verdict;
}

function fixture(name: string): string {
  return readFileSync(join(import.meta.dirname, "histories", name), "utf8");
}

test.each([
  ["etcd.log", "cas", "linearizable"],
  ["etcd-wrong.log", "cas", "not-linearizable"],
  ["register.edn", "register", "linearizable"],
  ["independent.edn", "kv", "linearizable"],
  ["independent-wrong.edn", "kv", "not-linearizable"],
  ["lock.log", "lock", "linearizable"],
  ["lock-wrong.log", "lock", "not-linearizable"],
] as const)("readHistory() reads %s, a history of a %s that is %s", (file, model, verdict) => {
  expect(judge(model, fixture(file))).toBe(verdict);
});

test("readHistory() knows of a crashed process, of times, and of what failed", () => {
  const { operations, clock, format } = readHistory(fixture("register.edn").split("\n"), { model: "register" });
  expect([clock, format]).toEqual(["microseconds", "edn"]);
  expect(operations).toEqual([
    { client: "1", input: { type: "get" }, output: null, callUs: 10_500, returnUs: 11_000 },
    { client: "0", input: { type: "put", value: "1" }, callUs: 10_000 },
    // Called and returned at the same time by its clock: the return is behind the call.
    { client: "5", input: { type: "get" }, output: "1", callUs: 5_020_000, returnUs: 5_020_000.001 },
    { client: "1", input: { type: "get" }, output: "1", callUs: 5_040_000, returnUs: 5_050_000 },
  ]);
});

test("readHistory() takes lines for times where there are none, and numbers where several stand in one line", () => {
  const log = readHistory(["", "0 :invoke :read nil", "; a comment", "0 :ok :read 3"], { model: "register" });
  expect(log).toMatchObject({ clock: "lines", format: "log", operations: [{ callUs: 2, returnUs: 4, output: "3" }] });
  const vector = "[{:process 0 :type :invoke :f :read}{:process 0 :type :ok :f :read :value 3}]";
  expect(readHistory([vector], { model: "cas" })).toMatchObject({
    clock: "entries",
    operations: [{ callUs: 1, returnUs: 2, output: "3" }],
  });
});

test("readHistory() keeps the order of entries whose times are too large to tell nanoseconds apart", () => {
  const entry = (ns: number, rest: string): string => `{:process 0, :time 170000000000000000${ns}, ${rest}}`;
  const lines = [
    entry(1, ":type :invoke, :f :write, :value 1"),
    entry(2, ":type :ok, :f :write, :value 1"),
    entry(3, ":type :invoke, :f :write, :value 2"),
    entry(4, ":type :ok, :f :write, :value 2"),
    entry(5, ":type :invoke, :f :read"),
    entry(6, ":type :ok, :f :read, :value 1"),
  ];
  expect(judge("register", lines.join("\n"))).toBe("not-linearizable");
});

test.each([
  ["INFO  jepsen.util - "],
  ["2024-01-30 13:23:10,123{GMT}\tINFO\t[jepsen worker 0] jepsen.util: "],
  ["INFO [2024-01-30 13:23:10,123] jepsen worker 0 - jepsen.util "],
])("readHistory() finds entries behind %j, and takes words of a logger for a value", (logger) => {
  const value = '"INFO of node: 1 :ok :read 3"';
  const lines = [`${logger}7\t:invoke\t:write\t${value}`, `7 :ok :write ${value}`, `${logger}a word or two`];
  expect(readHistory(lines, { model: "register" }).operations).toEqual([
    { client: "7", input: { type: "put", value }, output: true, callUs: 1, returnUs: 2 },
  ]);
});

test("readHistory() gives a lock to the process, or to whom the call names", () => {
  const lines = ["0 :invoke :acquire", "0 :ok :acquire 17", '1 :invoke :release "n1"'];
  expect(readHistory(lines, { model: "lock" }).operations).toEqual([
    { client: "0", input: { type: "acquire", owner: "0" }, output: true, callUs: 1, returnUs: 2 },
    { client: "1", input: { type: "release", owner: '"n1"' }, callUs: 3 },
  ]);
});

test("readHistory() reads operations as JSON, as recorders write them", () => {
  const lines = [
    '{"client":"a","key":"k","input":{"type":"put","value":"x"},"output":true,"callUs":1,"returnUs":2,"session":7}',
    "",
    '{"client":"b","key":"k","input":{"type":"cas","expected":null,"value":"y"},"callUs":3}\r',
  ];
  expect(readHistory(lines, { model: "kv" })).toMatchObject({
    clock: "microseconds",
    format: "json",
    operations: [{ key: "k" }, { callUs: 3 }],
  });
});

const INVOKE = "0 :invoke :read nil";
test.each([
  ["cas", ["0 :invoke"], 'line 1: expected "PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE", got "0 :invoke"'],
  [
    "cas",
    ["\u001b[2J\u0000\tx"],
    'line 1: expected "PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE", got "\uFFFD[2J\uFFFD x"',
  ],
  ["cas", ["0 :began :read nil"], 'line 1: ":began" is none of :invoke, :ok, :fail and :info'],
  [
    "cas",
    [INVOKE, INVOKE],
    'line 2, :type: process 0 calls "read", but its call of line 1 has not returned; expected :ok, :fail or :info first',
  ],
  ["cas", ["", "0 :ok :read 3"], "line 2, :type: :ok of process 0, which has no call open; expected :invoke first"],
  [
    "cas",
    [INVOKE, "0 :ok :write 3"],
    'line 2, :f: process 0 returns from "write", expected "read", as called in line 1',
  ],
  ["cas", ["0 :invoke :append [1 2]"], "line 1, :f: is :append, expected :read, :get, :write, :put or :cas"],
  ["register", ["0 :invoke :cas [1 2]"], "line 1, :f: is :cas, expected :read, :get, :write or :put"],
  ["cas", ["0 :invoke :cas 3"], "line 1, :value: is 3, expected what to expect and what to write, [old new]"],
  ["cas", ["0 :invoke :write nil"], "line 1, :value: is nil, expected what to write"],
  ["cas", ["0 :invoke :write [1"], 'line 1, value: expected one form of EDN, got "[1"'],
  ["cas", ["0 :invoke :write 1 2"], 'line 1, value: expected one form of EDN, got "1 2"'],
  [
    "kv",
    ["0 :invoke :write 3"],
    'line 1, :value: is 3, expected a tuple of a key and its value, [k v]; "register" and "cas" are models of one register',
  ],
  ["kv", ["0 :invoke :read [1 nil]", "0 :ok :read [2 3]"], "line 2, :value: is of key 2, expected 1, as called"],
  ["lock", ["0 :invoke :read nil"], "line 1, :f: is :read, expected :acquire, :lock, :release or :unlock"],
  ["cas", ["{:type :invoke, :f :read}"], "line 1, :process: is missing, expected a number"],
  [
    "cas",
    ['{:process "a", :type :invoke, :f :read}'],
    'line 1, :process: is "a", expected a number, or a keyword of no client',
  ],
  ["cas", ["{:process 0, :type :began, :f :read}"], "line 1, :type: is :began, expected :invoke, :ok, :fail or :info"],
  ["cas", ['{:process 0, :type :ok, :f "read"}'], 'line 1, :f: is "read", expected a keyword'],
  ["cas", ['{:process 0, :type :ok, :f :read, :time "now"}'], 'line 1, :time: is "now", expected nanoseconds'],
  ["cas", ["{:process 0, :type :ok, :f :read, :time 1/2}"], "line 1, :time: is 1/2, expected nanoseconds"],
  ["cas", ["[1 2]"], "line 1: expected an operation, {:process 0, :type :invoke, :f :read, :value nil}, got 1"],
  ["cas", ["[", "{:process 0"], 'line 2: not EDN: the text ends where "}" was expected'],
  ["cas", ["{:process 0]"], 'line 1: not EDN: expected "}" for line 1, got "]"'],
  ["cas", ["{:process}"], "line 1: not EDN: a map needs a value for each key, got 1 forms"],
  ["cas", ["{:process 0 :f :read :value 01}"], 'line 1: not EDN: "01" is no number'],
  ["cas", ['{:process 0 :f "\\q"}'], 'line 1: not EDN: "\\q" is no escape of a string'],
  ["cas", ['{"client":', ""], 'line 1: not JSON: {"client":'],
  ["kv", ['{"client":3}'], "line 1, client: is 3, expected a text"],
  ["kv", ['{"client":"a"}'], "line 1, key: is missing, expected a text"],
  [
    "kv",
    ['{"client":"a","key":"k","input":{"type":"add"}}'],
    'line 1, input.type: is "add", expected get, put, cas or delete',
  ],
  ["cas", ['{"client":"a","input":{"type":"put","value":3}}'], "line 1, input.value: is 3, expected a text"],
  ["lock", ['{"client":"a","input":{"type":"acquire"}}'], "line 1, input.owner: is missing, expected a text"],
  [
    "cas",
    ['{"client":"a","input":{"type":"get"},"output":true,"callUs":1}'],
    "line 1, output: is true, expected a text, or null for nothing",
  ],
  [
    "cas",
    ['{"client":"a","input":{"type":"get"},"output":null,"callUs":1}'],
    "line 1, returnUs: is missing, expected microseconds, as there is an output",
  ],
  ["cas", ['{"client":"a","input":{"type":"get"},"callUs":1e999}'], "line 1, callUs: is null, expected microseconds"],
  [
    "cas",
    ['{"client":"a","input":{"type":"get"},"output":null,"callUs":2,"returnUs":1}'],
    "line 1, returnUs: is 1, expected no less than callUs, 2",
  ],
] as const)("readHistory() refuses as %s: %j", (model, lines, message) => {
  let error: unknown;
  try {
    readHistory(lines, { model });
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(HistoryError);
  expect((error as HistoryError).message).toBe(`Cannot read the history: ${message}`);
});

test("readHistory() refuses several keys for one register", () => {
  const line = (key: string): string => JSON.stringify({ client: "a", key, input: { type: "get" }, callUs: 1 });
  expect(() => readHistory([line("k"), line("l")], { model: "register" })).toThrow(
    'line 2, key: is "l", expected "k" as before: this model is one register, "kv" is several',
  );
});

// ── EDN ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function forms(...lines: readonly string[]): readonly string[] {
  const reader = new EdnReader();
  const found = lines.flatMap((line) => reader.line(line));
  reader.end();
  return found.map(({ text }) => text);
}

test.each([
  ["nil true :a/b sym", ["nil", "true", ":a/b", "sym"]],
  [
    "+1 -0 12345678901234567890123 3N 1.50 1e3 2.5M 1/3",
    ["1", "0", "12345678901234567890123", "3", "1.5", "1000.0", "2.5M", "1/3"],
  ],
  ['"a\\"b\\u00e9\\n" "" \\newline \\[ \\u0041', ['"a\\"bé\\n"', '""', "\\\n", "\\[", "\\A"]],
  ["{:b 1, :a 2} {:a (1 2) :b #{3 1}}", ["{:a 2 :b 1}", "{:a [1 2] :b #{1 3}}"]],
  ['#inst "2024" #a/b [1] #_ 1 #_ #_ 2 3 4 {:a #_ :b 1} ##Inf', ['#inst "2024"', "#a/b [1]", "4", "{:a 1}", "##Inf"]],
  ["1;2", ["1"]],
] as const)("EdnReader reads %s", (text, expected) => {
  expect(forms(text)).toEqual(expected);
});

test("EdnReader takes the forms out of what holds them all, over as many lines as there are", () => {
  expect(forms("[{:a", "  [1 2]}", " ; no ]", ' "two', 'lines"', "]", "3")).toEqual([
    "{:a [1 2]}",
    '"two\\nlines"',
    "3",
  ]);
  expect(() => forms("]")).toThrow('line 1: not EDN: "]" closes nothing');
  expect(() => forms('"a', "b")).toThrow("line 1: not EDN: a string is not closed");
  expect(() => forms("{:a ".repeat(65))).toThrow("not EDN: more than 64 collections in each other");
});

const anyAtom = oneof(
  constantFrom("nil", "true", ":k", "s", "\\x", "#{}", "1.0", "-2.5e-7", "3N"),
  integer().map(String),
  string().map((text) => JSON.stringify(text)),
);
const { form: anyForm } = letrec<{ form: string }>((tie) => ({
  form: oneof(
    { maxDepth: 4 },
    anyAtom,
    array(tie("form"), { maxLength: 3 }).map((items) => `[${items.join(" ")}]`),
    array(tie("form"), { maxLength: 3 }).map((items) => `{${items.map((item, at) => `:k${at} ${item}`).join(" ")}}`),
  ),
}));

test("EdnReader reads what it says of a form as that form again", () => {
  const read = (text: string): EdnNode | undefined => new EdnReader().line(`{:a ${text}}`)[0]?.items[1];
  assert(
    property(anyForm, (text) => {
      const once = read(text);
      expect(once).toBeDefined();
      expect(read(once?.text ?? "")?.text).toBe(once?.text);
    }),
    { numRuns: 500, seed: 3 },
  );
});
