/**
 * What of the platform is not decided by a seed, by the path at which programs find it. What of it a platform does not have is passed over.
 *
 * What cannot be sealed: what a program took hold of before the run and keeps (`const { random } = Math` in a module), bound to no name that
 * could be replaced; `Intl.DateTimeFormat` made before the run and asked for no date; the order of keys is fixed by the language and needs none.
 */

/** How a thing answers while it is sealed. */
export type Refusal =
  /** To every call, construction and read. */
  | "always"
  /** Where the argument of that number is missing, in whose place the platform would take one of its own: a locale, a moment. */
  | { readonly without: number }
  /** The same of the first argument, a locale, or where the second names no time zone. */
  | "without-zone";

export interface SealedName {
  /** From the global object, or from the module. */
  readonly path: string;
  readonly refusal: Refusal;
}

function always(holder: string, names: string): readonly SealedName[] {
  const prefix = holder === "" ? "" : `${holder}.`;
  return names.split(" ").map((name) => ({ path: `${prefix}${name}`, refusal: "always" }));
}

function without(argument: number, ...paths: readonly string[]): readonly SealedName[] {
  return paths.map((path) => ({ path, refusal: { without: argument } }));
}

const TIMERS = "setTimeout setInterval setImmediate";

/** Of the global object. */
export const SEALED_GLOBALS: readonly SealedName[] = [
  ...always("Math", "random"),
  ...always("Date", "now"),
  // Any date leads to it: `new date.constructor()`.
  ...always("Date.prototype", "constructor"),
  ...always("", "Date"),
  // By the time zone of the machine.
  ...always("Date.prototype", "getDate getDay getFullYear getHours getMinutes getMonth getYear getTimezoneOffset"),
  ...always("Date.prototype", "setDate setFullYear setHours setMinutes setMonth setYear"),
  ...always(
    "Date.prototype",
    "toString toDateString toTimeString toLocaleString toLocaleDateString toLocaleTimeString",
  ),
  ...always("Temporal.Now", "instant zonedDateTimeISO plainDateTimeISO plainDateISO plainTimeISO timeZoneId"),
  ...always("performance", "now mark measure toJSON eventLoopUtilization timeOrigin nodeTiming"),
  ...always("Performance.prototype", "now mark measure"),
  ...always("", `${TIMERS} queueMicrotask requestAnimationFrame requestIdleCallback fetch`),
  ...always("", "WebSocket EventSource XMLHttpRequest Worker MessageChannel BroadcastChannel"),
  ...always("AbortSignal", "timeout"),
  ...always("Atomics", "wait waitAsync"),
  // What was collected, and when, is the collector's.
  ...always("", "WeakRef FinalizationRegistry"),
  ...always("crypto", "getRandomValues randomUUID"),
  ...always("Crypto.prototype", "getRandomValues randomUUID"),
  ...always("crypto.subtle", "generateKey"),
  ...always("process", "hrtime nextTick uptime cpuUsage threadCpuUsage memoryUsage resourceUsage availableMemory"),
  ...always("process", "constrainedMemory getActiveResourcesInfo pid ppid"),
  ...always("process.hrtime", "bigint"),
  ...always("process.memoryUsage", "rss"),
  ...always("navigator", "language languages hardwareConcurrency"),
  ...without(0, "Intl.Collator", "Intl.NumberFormat", "Intl.PluralRules", "Intl.RelativeTimeFormat", "Intl.ListFormat"),
  ...without(0, "Intl.Segmenter", "Intl.DurationFormat", "Intl.DateTimeFormat.prototype.formatToParts"),
  { path: "Intl.DateTimeFormat", refusal: "without-zone" },
  ...without(1, "String.prototype.localeCompare"),
  ...without(0, "String.prototype.toLocaleLowerCase", "String.prototype.toLocaleUpperCase"),
  ...without(0, "Number.prototype.toLocaleString", "BigInt.prototype.toLocaleString", "Array.prototype.toLocaleString"),
];

/** Of modules that the platform has built in, by their names. */
export const SEALED_MODULES: Readonly<Record<string, readonly SealedName[]>> = {
  crypto: [
    ...always("", "randomBytes pseudoRandomBytes prng rng randomFill randomFillSync randomInt randomUUID randomUUIDv7"),
    ...always("", "generateKey generateKeySync generateKeyPair generateKeyPairSync generatePrime generatePrimeSync"),
  ],
  timers: always("", TIMERS),
  "timers/promises": [...always("", TIMERS), ...always("scheduler", "wait yield")],
  perf_hooks: always("", "monitorEventLoopDelay eventLoopUtilization"),
  os: always("", "uptime loadavg freemem totalmem cpus availableParallelism hostname networkInterfaces userInfo"),
  worker_threads: always("", "Worker MessageChannel BroadcastChannel receiveMessageOnPort"),
  child_process: always("", "spawn spawnSync exec execSync execFile execFileSync fork"),
  // Globals of their own, and no seal over them.
  vm: [...always("", "createContext runInContext runInNewContext"), ...always("Script.prototype", "runInNewContext")],
  async_hooks: always("", "executionAsyncId triggerAsyncId"),
  v8: always("", "getHeapStatistics getHeapSpaceStatistics getHeapCodeStatistics"),
};
