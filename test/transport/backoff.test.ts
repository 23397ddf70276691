import { expect, test } from "vitest";
import { createRandom } from "../../runtime/prng.ts";
import { backoffMs } from "../../transport/index.ts";

test("backoffMs() doubles from the least to the most", () => {
  const backoff = { minMs: 100, maxMs: 2000, jitter: 0 };
  const waits = [1, 2, 3, 4, 5, 6, 50, 5000].map((failures) => backoffMs(backoff, failures, createRandom(1)));
  expect(waits).toEqual([100, 200, 400, 800, 1600, 2000, 2000, 2000]);
});

test("backoffMs() spreads the waits by the jitter", () => {
  const random = createRandom(1);
  const waits = Array.from({ length: 200 }, () => backoffMs({ minMs: 1000, maxMs: 1000, jitter: 0.2 }, 1, random));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(800);
  expect(Math.max(...waits)).toBeLessThanOrEqual(1200);
  expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(300);
});
