/**
 * Takes every source of entropy and time that the platform offers away while a simulation runs: each throws when called,
 * also from a dependency. So a run is decided by its seed or it fails.
 *
 * The globals come in as a parameter, typed by structure: this folder knows no platform.
 */

/** Any object whose members may be replaced: the global object, in practice. */
export type Globals = object;

/** Each global function, by its path from the global object. */
const SEALED: readonly string[] = [
  "Math.random",
  "Date",
  "Date.now",
  "performance.now",
  "performance.mark",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "crypto.getRandomValues",
  "crypto.randomUUID",
  "process.hrtime",
  "process.hrtime.bigint",
  "process.nextTick",
  "process.uptime",
  "process.cpuUsage",
  "process.memoryUsage",
];

/** On the globals while they are sealed. */
const SEAL = Symbol("sealed by a simulation");

/** Says what was called; every sealed global throws it. */
export class SealedGlobalError extends Error {
  override readonly name = "SealedGlobalError";

  constructor(path: string) {
    super(`${path} was called while a simulation ran: its answer is not decided by the seed`);
  }
}

/** Seals what of the list exists, and returns what restores it. */
export function sealGlobals(globals: Globals): () => void {
  const restores = SEALED.map((path) => seal(globals, path));
  Object.defineProperty(globals, SEAL, { value: true, configurable: true });
  return () => {
    Reflect.deleteProperty(globals, SEAL);
    for (const restore of restores.toReversed()) restore();
  };
}

/** Runs `run` under the seal; restores also when it throws. */
export function withSealedGlobals<Result>(globals: Globals, run: () => Result): Result {
  const restore = sealGlobals(globals);
  try {
    return run();
  } finally {
    restore();
  }
}

/** As `withSealedGlobals`, until what `run` promises has settled. @throws when the globals are sealed already. */
export async function whileSealed<Result>(globals: Globals, run: () => Promise<Result>): Promise<Result> {
  if (SEAL in globals) throw new Error("Cannot simulate: another simulation runs in this process; await it first");
  const restore = sealGlobals(globals);
  try {
    return await run();
  } finally {
    restore();
  }
}

function seal(globals: Globals, path: string): () => void {
  const parts = path.split(".");
  const name = parts.pop() as string;
  let holder: unknown = globals;
  for (const part of parts) holder = (holder as Record<string, unknown> | undefined)?.[part];
  return isObject(holder) && name in holder ? replace(holder, name, path) : () => {};
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function replace(holder: object, name: string, path: string): () => void {
  const own = Object.getOwnPropertyDescriptor(holder, name);
  const original = (holder as Record<string, unknown>)[name] as () => unknown;
  const refuse = (): never => {
    throw new SealedGlobalError(path);
  };
  // A proxy keeps what is not a call, for example `instanceof Date`.
  const value = new Proxy(original, { apply: refuse, construct: refuse });
  Object.defineProperty(holder, name, {
    value,
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    if (own === undefined) delete (holder as Record<string, unknown>)[name];
    else Object.defineProperty(holder, name, own);
  };
}
