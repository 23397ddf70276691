/** A host's clock under faults: it never goes back, no timer is early by it, and nothing is lost over a year. */
import { expect, test } from "vitest";
import { createRandom, type Clock } from "../../../runtime/index.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";
import { clockOf, DRIFT_MAX, HostClock } from "../../../sim/timeline/virtual-clock.ts";

interface Setting {
  readonly timeline: Timeline;
  readonly host: HostClock;
  readonly clock: Clock;
  /** True milliseconds. */
  run(durationMs: number): void;
}

function setting(drifts = false, seed = 1): Setting {
  const random = createRandom(seed);
  const timeline = new Timeline(random.fork(), new EventLog({ linesKept: 0 }));
  const host = new HostClock(timeline, random.fork(), drifts);
  const clock = clockOf(host, timeline, (run) => run());
  return { timeline, host, clock, run: (durationMs) => timeline.run(timeline.nowUs + durationMs * 1000) };
}

test("a frozen clock stands still, and its timers wait until it has gone on for long enough", () => {
  const { host, clock, run } = setting();
  const startMs = clock.monotonicMs();
  const firedMs: number[] = [];
  clock.setTimer(1000, () => firedMs.push(clock.monotonicMs() - startMs));
  run(400);
  const thaw = host.freeze(3_400_000);
  clock.setTimer(100, () => firedMs.push(clock.monotonicMs() - startMs));
  run(3000);
  expect(clock.monotonicMs()).toBe(startMs + 400);
  expect(firedMs).toEqual([]);
  thaw();
  run(99);
  expect(firedMs).toEqual([]);
  run(2);
  expect(firedMs).toEqual([expect.closeTo(500, 1)]);
  run(600);
  expect(firedMs[1]).toBeCloseTo(1000, 1);
});

test("a clock that stands still for longer than was said wakes nobody early, and not without end", () => {
  const { host, clock, run, timeline } = setting();
  let fired = 0;
  host.freeze(1000);
  clock.setTimer(5, () => (fired += 1));
  run(10_000);
  expect(fired).toBe(0);
  expect(timeline.nowMs).toBe(10_000);
});

test("a timer that was cleared while its clock stood still never fires", () => {
  const { host, clock, run } = setting();
  let fired = 0;
  const timer = clock.setTimer(100, () => (fired += 1));
  const thaw = host.freeze(1_000_000);
  run(500);
  clock.clearTimer(timer);
  thaw();
  run(5000);
  expect(fired).toBe(0);
});

test("of two freezes the later end counts, of two rates the later beginning", () => {
  const { host, clock, run } = setting();
  const startMs = clock.monotonicMs();
  const thaws = [host.freeze(1_000_000), host.freeze(2_000_000)];
  run(1000);
  thaws[0]?.();
  run(1000);
  expect(clock.monotonicMs()).toBe(startMs);
  thaws[1]?.();
  const ends = [host.drift(2), host.drift(0.5)];
  run(1000);
  expect(clock.monotonicMs()).toBe(startMs + 500);
  ends[1]?.();
  run(1000);
  expect(clock.monotonicMs()).toBe(startMs + 2500);
  ends[0]?.();
  run(1000);
  expect(clock.monotonicMs()).toBe(startMs + 3500);
});

test("a wall clock steps forward and back, and the monotonic one does not feel it", () => {
  const { host, clock, run } = setting();
  const [wallMs, monotonicMs] = [clock.wallMs(), clock.monotonicMs()];
  host.stepWall(-3_600_000);
  expect(clock.wallMs()).toBe(wallMs - 3_600_000);
  run(1000);
  host.stepWall(7_200_000);
  expect(clock.wallMs()).toBe(wallMs + 3_600_000 + 1000);
  expect(clock.monotonicMs()).toBe(monotonicMs + 1000);
});

test("the monotonic clock never goes back, whatever happens to it", () => {
  const { host, clock, run, timeline } = setting(true);
  const random = createRandom(5);
  let beforeMs = clock.monotonicMs();
  for (let i = 0; i < 2000; i++) {
    const drawn = random.integer(3);
    const end =
      drawn === 0 ? host.freeze(timeline.nowUs + 1000) : drawn === 1 ? host.drift(0.1 + random.next() * 3) : null;
    run(random.next() * 10);
    end?.();
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(beforeMs);
    beforeMs = clock.monotonicMs();
  }
});

test("after a year and a hundred thousand changes of its rate a clock is as exact as after a second", () => {
  const YEAR_US = 365 * 86_400_000_000;
  const CHANGES = 100_000;
  const { host, clock, timeline } = setting();
  const startMs = clock.monotonicMs();
  // Rates that are exact in binary, so that what the clock must show is known exactly.
  const stepUs = Math.floor(YEAR_US / CHANGES);
  let trueMs = startMs;
  for (let i = 0; i < CHANGES; i++) {
    const rate = 1 + (i % 2 === 0 ? 2 ** -8 : -(2 ** -8));
    const end = host.drift(rate);
    timeline.run(timeline.nowUs + stepUs);
    trueMs += (stepUs * rate) / 1000;
    end();
  }
  expect(timeline.nowUs).toBe(stepUs * CHANGES);
  expect(Number.isSafeInteger(timeline.nowUs)).toBe(true);
  // Less than one microsecond, after 3 × 10¹³ of them.
  expect(Math.abs(clock.monotonicMs() - trueMs)).toBeLessThan(0.001);
});

test("after a year timers are still right to the microsecond, and two that are a microsecond apart come in their order", () => {
  const { clock, host, timeline, run } = setting(true, 3);
  timeline.run(365 * 86_400_000_000);
  const startUs = timeline.nowUs;
  const fired: (readonly [string, number])[] = [];
  const dueMs = clock.monotonicMs() + 1.5;
  clock.setTimer(1.5, () => fired.push(["timer", clock.monotonicMs()]));
  timeline.after(1_000_001, () => fired.push(["later", timeline.nowUs]));
  timeline.after(1_000_000, () => fired.push(["sooner", timeline.nowUs]));
  run(2000);
  expect(fired.map(([name]) => name)).toEqual(["timer", "sooner", "later"]);
  expect(fired[0]?.[1]).toBeGreaterThanOrEqual(dueMs);
  expect(fired[0]?.[1]).toBeLessThan(dueMs + 0.003);
  expect(fired.slice(1).map(([, atUs]) => atUs - startUs)).toEqual([1_000_000, 1_000_001]);
  expect(Math.abs(host.rate - 1)).toBeLessThanOrEqual(DRIFT_MAX);
});
