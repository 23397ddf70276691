/** The clock's contract on Node.js timers, which by themselves fire early and cannot wait long. */
import { afterEach, expect, test, vi } from "vitest";
import { nodeClock } from "../../../runtime/node/index.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("setTimer() never fires early, not even by a fraction of a millisecond", async () => {
  const early = await Promise.all(
    Array.from({ length: 200 }, async (_, at) => {
      const delayMs = 1 + (at % 20) / 3;
      const startMs = nodeClock.monotonicMs();
      await new Promise<void>((resolve) => nodeClock.setTimer(delayMs, resolve));
      return nodeClock.monotonicMs() - startMs < delayMs;
    }),
  );
  expect(early.filter(Boolean)).toEqual([]);
});

test("setTimer() never runs during the call, and clearTimer() keeps it from running", async () => {
  const ran: string[] = [];
  nodeClock.setTimer(-5, () => ran.push("due"));
  const cleared = nodeClock.setTimer(0, () => ran.push("cleared"));
  expect(ran).toEqual([]);
  nodeClock.clearTimer(cleared);
  await new Promise<void>((resolve) => nodeClock.setTimer(5, resolve));
  expect(ran).toEqual(["due"]);
  nodeClock.clearTimer(cleared);
});

test("setTimer() waits for longer than Node.js timers can", () => {
  vi.useFakeTimers();
  const dayMs = 86_400_000;
  const ran: string[] = [];
  nodeClock.setTimer(60 * dayMs, () => ran.push("60 days"));
  const cleared = nodeClock.setTimer(60 * dayMs, () => ran.push("cleared"));
  vi.advanceTimersByTime(59 * dayMs);
  nodeClock.clearTimer(cleared);
  expect(ran).toEqual([]);
  vi.advanceTimersByTime(dayMs);
  expect(ran).toEqual(["60 days"]);
});

test("monotonicMs() does not go back, and wallMs() is the time since the epoch", () => {
  const times = Array.from({ length: 1000 }, () => nodeClock.monotonicMs());
  expect(times.toSorted((a, b) => a - b)).toEqual(times);
  expect(Math.abs(nodeClock.wallMs() - Date.now())).toBeLessThan(1000);
});
