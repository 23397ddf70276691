/** Every source of entropy and time throws while a simulation runs, and works again after it. */
import { execFileSync } from "node:child_process";
import nodeCrypto, { randomBytes, randomInt, randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import os from "node:os";
import perfHooks from "node:perf_hooks";
import nodeProcess from "node:process";
import timers from "node:timers";
import { setTimeout as nap } from "node:timers/promises";
import vm from "node:vm";
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
  "process.resourceUsage": () => process.resourceUsage(),
  "process.pid": () => process.pid,
  "performance.timeOrigin": () => performance.timeOrigin,
  "Performance.prototype.now": () => performance.constructor.prototype.now.call(performance) as unknown,
  "Crypto.prototype.randomUUID": () => Crypto.prototype.randomUUID.call(crypto),
  "new date.constructor": () => new (BEFORE.constructor as DateConstructor)(),
  "a date's hours": () => BEFORE.getHours(),
  "a date's zone": () => BEFORE.getTimezoneOffset(),
  "a date as text": () => String(BEFORE),
  "a date's toLocaleString": () => BEFORE.toLocaleString(),
  "Intl.DateTimeFormat": () => new Intl.DateTimeFormat().resolvedOptions().timeZone,
  "Intl.DateTimeFormat without a zone": () => new Intl.DateTimeFormat("en"),
  "Intl.NumberFormat": () => new Intl.NumberFormat(),
  "Intl.Collator": () => Intl.Collator(),
  "a number's toLocaleString": () => (1234.5).toLocaleString(),
  "a list's toLocaleString": () => [1.5].toLocaleString(),
  localeCompare: () => "a".localeCompare("b"),
  toLocaleUpperCase: () => "i".toLocaleUpperCase(),
  fetch: () => fetch("data:,a"),
  "AbortSignal.timeout": () => AbortSignal.timeout(1),
  MessageChannel: () => closed(new MessageChannel()),
  WeakRef: () => new WeakRef({}),
  "navigator.language": () => navigator.language,
  "node:crypto, by name": () => [randomUUID(), randomBytes(1), randomInt(9)],
  "node:crypto, randomUUID": () => randomUUID(),
  "node:crypto, randomInt": () => randomInt(9),
  "node:crypto, as a whole": () => nodeCrypto.randomBytes(1),
  "node:crypto, its getRandomValues": () => nodeCrypto.getRandomValues(new Uint8Array(1)),
  "node:crypto, its webcrypto": () => nodeCrypto.webcrypto.getRandomValues(new Uint8Array(1)),
  "node:crypto, required": () => (require("node:crypto") as typeof nodeCrypto).randomFillSync(new Uint8Array(1)),
  "node:crypto, generateKeyPairSync": () => nodeCrypto.generateKeyPairSync("ed25519"),
  "node:timers": () => clearTimeout(timers.setTimeout(() => {}, 0)),
  "node:timers/promises": () => nap(0),
  "node:perf_hooks": () => perfHooks.performance.now(),
  "node:os": () => os.uptime(),
  "node:process": () => nodeProcess.hrtime.bigint(),
  "node:vm": () => vm.runInNewContext("Date.now()"),
  "node:child_process": () => execFileSync("true"),
};

function closed({ port1 }: { readonly port1: { close(): void } }): void {
  port1.close();
}

/** Made before any run. */
const BEFORE = new Date(0);
const require = createRequire(import.meta.url);

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
    Object.hasOwn(performance, "timeOrigin"),
    ...["randomUUID", "randomBytes"].map((name) => Object.getOwnPropertyDescriptor(nodeCrypto, name)),
    ...["getHours", "constructor"].map((name) => Object.getOwnPropertyDescriptor(Date.prototype, name)),
    [randomUUID, nap],
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

test("what names its locale, its zone and its moment is decided by nobody else, and is let pass", () => {
  const told = withSealedGlobals(globalThis, () => [
    (1234.5).toLocaleString("en"),
    "a".localeCompare("b", "en"),
    new Intl.DateTimeFormat("en", { timeZone: "UTC" }).format(0),
    BEFORE.toISOString(),
    nodeCrypto.createHash("sha256").update("a").digest("hex").slice(0, 8),
  ]);
  expect(told).toEqual(["1,234.5", -1, "1/1/1970", "1970-01-01T00:00:00.000Z", "ca978112"]);
});
