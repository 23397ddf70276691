import { expect, test } from "vitest";
import { LogThrottle } from "../../transport/index.ts";

test("pass() lets ever fewer lines of one kind through, and says how many it held back", () => {
  const throttle = new LogThrottle();
  const passed: [number, number][] = [];
  for (let nowMs = 0; nowMs < 20_000; nowMs += 100) {
    const suppressed = throttle.pass("refused wrong-token n2", nowMs);
    if (suppressed !== undefined) passed.push([nowMs, suppressed]);
  }
  expect(passed).toEqual([
    [0, 0],
    [1000, 9],
    [3000, 19],
    [7000, 39],
    [15_000, 79],
  ]);
});

test("pass() keeps kinds apart, and starts afresh after a long calm", () => {
  const throttle = new LogThrottle();
  expect(throttle.pass("a", 0)).toBe(0);
  expect(throttle.pass("b", 0)).toBe(0);
  expect(throttle.pass("a", 1)).toBeUndefined();
  expect(throttle.pass("a", 60_000)).toBe(1);
  expect(throttle.pass("a", 61_000)).toBe(0);
});
