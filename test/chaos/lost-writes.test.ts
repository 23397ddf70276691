import { expect, test } from "vitest";
import { findLostWrites } from "../../chaos/lost-writes.ts";
import type { KvInput, Operation } from "../../sim/checkers/history.ts";

/** A write of key k; `returnUs` absent: of unknown outcome. */
function write(input: KvInput, callUs: number, returnUs?: number, output: boolean = true): Operation {
  const told = returnUs === undefined ? {} : { output, returnUs };
  return { client: "c1", key: "k", input, callUs, ...told };
}

const put = (value: string, callUs: number, returnUs?: number): Operation =>
  write({ type: "put", value }, callUs, returnUs);

function lost(history: readonly Operation[], final: string | null): readonly string[] {
  return findLostWrites(new Map([["k", history]]), () => final).map(({ write: { callUs } }) => `called at ${callUs}`);
}

test("findLostWrites() finds a write that was acknowledged after what the key holds", () => {
  expect(lost([put("a", 0, 1), put("b", 2, 3)], "a")).toEqual(["called at 2"]);
  expect(lost([put("a", 0, 1), put("b", 2, 3)], "b")).toEqual([]);
});

test("findLostWrites() finds writes of which nothing is left at all", () => {
  expect(lost([put("a", 0, 1), put("b", 2, 3)], null)).toEqual(["called at 0", "called at 2"]);
  expect(lost([put("a", 0, 1)], "nobody wrote this")).toEqual(["called at 0"]);
});

test("findLostWrites() does not blame writes that overlap: either may be the last", () => {
  expect(lost([put("a", 0, 10), put("b", 5, 15)], "a")).toEqual([]);
  expect(lost([put("a", 0, 10), put("b", 5, 15)], "b")).toEqual([]);
});

test("findLostWrites() lets a write of unknown outcome overwrite at any time after its call", () => {
  expect(lost([put("a", 0), put("b", 2, 3)], "a")).toEqual([]);
  expect(lost([put("a", 0), put("b", 2, 3)], null)).toEqual(["called at 2"]);
});

test("findLostWrites() counts a delete as a write of nothing, and a compare-and-set that did not take place as none", () => {
  expect(lost([put("a", 0, 1), write({ type: "delete" }, 2, 3)], null)).toEqual([]);
  expect(lost([put("a", 0, 1), write({ type: "delete" }, 2, 3)], "a")).toEqual(["called at 2"]);
  expect(lost([put("a", 0, 1), write({ type: "cas", expected: "b", value: "c" }, 2, 3, false)], "a")).toEqual([]);
  expect(lost([put("a", 0, 1), write({ type: "cas", expected: "a", value: "c" }, 2, 3)], "a")).toEqual(["called at 2"]);
});
