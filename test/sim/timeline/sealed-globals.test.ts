/** Every source of entropy and time throws while a simulation runs, and works again after it. */
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { runSeed, SealedGlobalError, sealGlobals, withSealedGlobals } from "../../../sim/index.ts";

/** Each use as a dependency would write it. */
const USES: Readonly<Record<string, () => unknown>> = {
  "Math.random": () => Math.random(),
  "new Date": () => new Date(),
  Date: () => Date(),
  "Date.now": () => Date.now(),
  "performance.now": () => performance.now(),
  "performance.mark": () => performance.mark("a"),
  setTimeout: () => setTimeout(() => {}, 0),
  setInterval: () => setInterval(() => {}, 0),
  setImmediate: () => setImmediate(() => {}),
  queueMicrotask: () => queueMicrotask(() => {}),
  "crypto.getRandomValues": () => crypto.getRandomValues(new Uint8Array(1)),
  "crypto.randomUUID": () => crypto.randomUUID(),
  "process.hrtime": () => process.hrtime(),
  "process.hrtime.bigint": () => process.hrtime.bigint(),
  "process.nextTick": () => process.nextTick(() => {}),
  "process.uptime": () => process.uptime(),
  "process.cpuUsage": () => process.cpuUsage(),
  "process.memoryUsage": () => process.memoryUsage(),
};

test.each(Object.keys(USES))("%s throws while sealed and works after", (name) => {
  const use = USES[name] as () => unknown;
  expect(() => withSealedGlobals(globalThis, use)).toThrow(SealedGlobalError);
  const timer = use();
  expect(() => timer).not.toThrow();
  if (name === "setInterval") clearInterval(timer as NodeJS.Timeout);
});

test.each(Object.keys(USES))("%s throws when a run calls it", (name) => {
  const use = USES[name] as () => unknown;
  let thrown: unknown;
  runSeed({
    seed: 1,
    nodes: 1,
    durationMs: 10,
    onLine: () => {
      try {
        use();
      } catch (error) {
        thrown = error;
      }
    },
  });
  expect(thrown).toBeInstanceOf(SealedGlobalError);
});

test("a dependency of the kernel cannot draw entropy in a run either", () => {
  // nact names a system that was given no name by `crypto`; rxjs asks `Date.now` in its schedulers.
  const { asyncScheduler } = createRequire(import.meta.url)("rxjs") as { asyncScheduler: { now(): number } };
  expect(asyncScheduler.now()).toBeGreaterThan(0);
  expect(() => withSealedGlobals(globalThis, () => asyncScheduler.now())).toThrow(SealedGlobalError);
});

test("sealGlobals() leaves untouched what is no call, and restores exactly what was there", () => {
  const then = new Date(0);
  const describe = (): unknown[] => [
    ...["Date", "setTimeout", "queueMicrotask"].map((name) => Object.getOwnPropertyDescriptor(globalThis, name)),
    Object.getOwnPropertyDescriptor(Math, "random"),
    Object.getOwnPropertyDescriptor(Date, "now"),
    Object.hasOwn(performance, "now"),
  ];
  const before = describe();
  const restore = sealGlobals(globalThis);
  expect(then instanceof Date).toBe(true);
  restore();
  expect(describe()).toEqual(before);
  expect(globalThis.Date).toBe(Date);
});

test("withSealedGlobals() restores when the run throws", () => {
  expect(() =>
    withSealedGlobals(globalThis, () => {
      throw new Error("a bug");
    }),
  ).toThrow("a bug");
  expect(Date.now()).toBeGreaterThan(0);
});
