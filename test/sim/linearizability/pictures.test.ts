/** Counterexamples as text and as SVG: every operation is drawn, in its lane, and what overlaps overlaps. */
import { expect, test } from "vitest";
import {
  checkHistory,
  kvModel,
  lockModel,
  registerModel,
  svgPicture,
  textPicture,
  type Counterexample,
  type HistoryOperation,
  type Model,
  type RegisterInput,
  type RegisterOutput,
} from "../../../sim/index.ts";

type Register = HistoryOperation<RegisterInput, RegisterOutput>;

function put(client: string, value: string, at: readonly [number, number?]): Register {
  const call = { client, input: { type: "put" as const, value }, callUs: at[0] };
  return at[1] === undefined ? call : { ...call, output: true, returnUs: at[1] };
}
function get(client: string, output: string | null, at: readonly [number, number]): Register {
  return { client, input: { type: "get" }, output, callUs: at[0], returnUs: at[1] };
}

function wrong<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly HistoryOperation<Input, Output>[],
): Counterexample<State, Input, Output> {
  const found = checkHistory(model, history);
  if (found.verdict !== "not-linearizable") throw new Error(`expected a wrong history, it is ${found.verdict}`);
  return found.counterexample;
}

/** A write of unknown outcome acts twice. */
const TWICE = [
  put("a", "x", [0]),
  get("b", "x", [1, 4]),
  put("c", "y", [5, 6]),
  put("a", "z", [7, 8]),
  get("b", "x", [9, 12]),
];

test("textPicture() gives each client a lane, and shows what was never told as open", () => {
  const text = textPicture(registerModel, wrong(registerModel, TWICE), { columns: 120 });
  expect(text.split("\n").slice(0, 3)).toEqual([
    "  a    ├┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ write x ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ ?",
    "  a                       ├─ write z ─┤",
    "  b       ├─ read → x ─┤                 ├─ read → x ─┤ ✗",
  ]);
});

test("textPicture() puts numbers for words where they do not fit", () => {
  const history = [
    put("a", "a long value that takes much room", [0, 1]),
    get("b", "another long value that takes room", [2, 3]),
  ];
  const text = textPicture(registerModel, wrong(registerModel, history), { columns: 60 });
  expect(text.split("\n").slice(0, 2)).toEqual(["  a   ├─ 1 ─┤", "  b           ├─ 2 ─┤ ✗"]);
  expect(text).toContain('    1  a  write "a long value that takes much room"');
});

test("textPicture() says where nothing has to come before", () => {
  expect(textPicture(registerModel, wrong(registerModel, [get("a", "phantom", [0, 1])]))).toContain(
    "(nothing has to come before it)",
  );
});

test("svgPicture() draws every operation once, and numbers those of the order", () => {
  const lock = (type: "acquire" | "release", owner: string, at: readonly [number, number]) => {
    return { client: owner, input: { type, owner }, output: true, callUs: at[0], returnUs: at[1] } as const;
  };
  const counterexample = wrong(lockModel, [lock("acquire", "a", [0, 5]), lock("acquire", "b", [3, 8])]);
  const svg = svgPicture(lockModel, counterexample);
  expect(svg.match(/<rect class="box/g)).toHaveLength(2);
  expect(svg.match(/<circle/g)).toHaveLength(1);
  expect(svg).toContain(">acquire by a</text>");
  const boxes = [...svg.matchAll(/<rect class="box[^"]*" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)].map((box) =>
    box.slice(1).map(Number),
  );
  const [[firstX = 0, firstY, firstWidth = 0] = [], [secondX = 0, secondY] = []] = boxes;
  expect(secondX, "they overlap").toBeLessThan(firstX + firstWidth);
  expect(firstY).not.toBe(secondY);
});

test("svgPicture() names the key", () => {
  const history = [{ client: "a", key: "k<1>", input: { type: "get" }, output: "x", callUs: 0, returnUs: 1 }] as const;
  const counterexample = wrong(kvModel, [...history, { ...history[0], key: "other", output: null }]);
  expect(svgPicture(kvModel, counterexample)).toContain("Not linearizable: key &quot;k&lt;1&gt;&quot;");
});
