import { expect, test } from "vitest";
import type { Clock } from "../../../runtime/ports/clock.ts";
import { Dialer } from "../../../transport/node/dialer.ts";
import { SHORT_TIMES, until, wsOptions } from "./ws-cluster.ts";

/** A dialer whose timers never fire, so that it dials only when it is told to: what is left is how long it would wait. */
function waitingDialer(): {
  dialer: Dialer;
  waitsMs: number[];
  dials(): number;
  failures(): number;
  pass(ms: number): void;
} {
  const waitsMs: number[] = [];
  let nowMs = 0;
  let dials = 0;
  let failures = 0;
  const clock: Clock = {
    monotonicMs: () => nowMs,
    wallMs: () => 0,
    setTimer: (delayMs) => {
      waitsMs.push(delayMs);
      return { timer: null };
    },
    clearTimer: () => {},
  };
  const dialer = new Dialer({
    peer: "n2",
    address: { host: "127.0.0.1", port: 1 },
    clock,
    random: wsOptions("n1").random,
    timing: { ...SHORT_TIMES, redial: { minMs: 100, maxMs: 2000, jitter: 0 } },
    onDial: () => {
      dials += 1;
    },
    onOpen: () => {},
    onFailure: () => {
      failures += 1;
    },
  });
  return {
    dialer,
    waitsMs,
    dials: () => dials,
    failures: () => failures,
    pass: (ms) => {
      nowMs += ms;
    },
  };
}

test("lost() waits twice as long each time, also when links came up and ended at once", () => {
  const { dialer, waitsMs, pass } = waitingDialer();
  for (let i = 0; i < 7; i++) {
    if (i % 2 === 0) dialer.linked();
    pass(10);
    dialer.lost();
  }
  expect(waitsMs).toEqual([100, 200, 400, 800, 1600, 2000, 2000]);
});

test("lost() starts afresh after a link that lasted as long as the longest wait", () => {
  const { dialer, waitsMs, pass } = waitingDialer();
  for (let i = 0; i < 3; i++) dialer.lost();
  dialer.linked();
  pass(2000);
  dialer.lost();
  dialer.lost();
  expect(waitsMs).toEqual([100, 200, 400, 100, 200]);
});

test("close() ends the waiting for good", () => {
  const { dialer, waitsMs } = waitingDialer();
  dialer.close();
  dialer.lost();
  expect(waitsMs).toEqual([]);
});

test("knocked() dials at once while it waits, heeded once in the longest wait; the waits start afresh", async () => {
  const { dialer, waitsMs, dials, failures, pass } = waitingDialer();
  for (let i = 0; i < 5; i++) dialer.lost();
  for (const [passedMs, dialed] of [
    [0, 1],
    [1999, 1],
    [1, 2],
  ] as const) {
    pass(passedMs);
    dialer.knocked();
    expect(dials()).toBe(dialed);
    await until(() => failures() === dialed);
  }
  expect(waitsMs).toEqual([100, 200, 400, 800, 1600, 100, 100]);
  dialer.close();
  pass(2000);
  dialer.knocked();
  expect(dials()).toBe(2);
});
