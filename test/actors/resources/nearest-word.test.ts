/** The "did you mean" of error messages. */
import { expect, test } from "vitest";
import { nearestWord } from "../../../actors/index.ts";

test.each([
  ["vcpu", ["vcpus", "env"], "vcpus"],
  ["hots", ["name", "guest", "host"], "host"],
  ["MemoryMib", ["memoryMiB"], "memoryMiB"],
  ["ports", ["port", "ports"], "ports"],
  ["on-failrue", ["always", "on-failure"], "on-failure"],
  ["cpus", ["env", "files"], undefined],
  ["x", ["env"], undefined],
  ["", ["env"], undefined],
  ["a".repeat(1000), ["a".repeat(999)], undefined],
])("nearestWord() of %j among %j is %j", (word, candidates, nearest) => {
  expect(nearestWord(word, candidates)).toBe(nearest);
});
