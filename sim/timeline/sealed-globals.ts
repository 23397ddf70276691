/**
 * Takes every source of entropy and time that the platform offers away while a simulation runs: each throws when called,
 * also from a dependency. So a run is decided by its seed or it fails.
 *
 * That goes for globals, and for the modules that the platform has built in, whoever has imported them and however: their exports are
 * replaced and brought to all importers anew. What is sealed, and what cannot be: `sealed-names.ts`.
 *
 * The globals come in as a parameter, typed by structure: this folder knows no platform.
 */
import { SEALED_GLOBALS, SEALED_MODULES, type Refusal, type SealedName } from "./sealed-names.ts";

/** Any object whose members may be replaced: the global object, in practice. */
export type Globals = object;

/** On the globals while they are sealed. */
const SEAL = Symbol("sealed by a simulation");

/** Says what was called; every sealed global throws it. */
export class SealedGlobalError extends Error {
  override readonly name = "SealedGlobalError";

  constructor(path: string) {
    super(`${path} was called while a simulation ran: its answer is not decided by the seed`);
  }
}

/** Seals what there is of all that a seed does not decide, and returns what restores it. */
export function sealGlobals(globals: Globals): () => void {
  const { modules, sync } = builtinModules(globals);
  const found = [
    ...modules.flatMap(([name, module]) =>
      (SEALED_MODULES[name] ?? []).map((one) => findMember(module, one, `${name}.`)),
    ),
    ...SEALED_GLOBALS.map((one) => findMember(globals, one)),
  ].filter((member) => member !== null);
  for (const member of found) if (member.isCall) replace(member);
  sync();
  // Only now: the exports of all modules are read to be brought to their importers.
  for (const member of found) if (!member.isCall) replace(member);
  Object.defineProperty(globals, SEAL, { value: true, configurable: true });
  return () => {
    Reflect.deleteProperty(globals, SEAL);
    found.forEach(putBack);
    sync();
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

interface Builtins {
  readonly modules: readonly (readonly [string, object])[];
  /** Brings the exports of all modules to those who have imported them. */
  readonly sync: () => void;
}

/** None where the platform does not give its modules away: then nothing of it can be imported either, or it is not Node.js. */
function builtinModules(globals: Globals): Builtins {
  const { process } = globals as { readonly process?: { getBuiltinModule?(name: string): object | undefined } };
  const load = (name: string): object | undefined => process?.getBuiltinModule?.(name);
  const { syncBuiltinESMExports: sync } = (load("module") ?? {}) as { readonly syncBuiltinESMExports?: () => void };
  if (sync === undefined) return { modules: [], sync: () => {} };
  const modules = Object.keys(SEALED_MODULES).flatMap((name): readonly [string, object][] => {
    const module = load(name);
    return module === undefined ? [] : [[name, module]];
  });
  return { modules, sync };
}

/** Something to be sealed, as it was. */
interface Member {
  readonly holder: object;
  readonly name: string;
  readonly own: PropertyDescriptor | undefined;
  readonly original: unknown;
  /** Else it is read. */
  readonly isCall: boolean;
  readonly path: string;
  readonly refusal: Refusal;
}

/** Null where this platform has no such thing, or it cannot be replaced and gives what is sealed elsewhere (`crypto.getRandomValues` of the module). */
function findMember(root: object, { path, refusal }: SealedName, prefix = ""): Member | null {
  const parts = path.split(".");
  const name = parts.pop() as string;
  let holder: unknown = root;
  for (const part of parts) holder = (holder as Record<string, unknown> | null | undefined)?.[part];
  if (!isObject(holder) || !(name in holder)) return null;
  const own = Object.getOwnPropertyDescriptor(holder, name);
  if (own?.configurable === false) return null;
  const original = (holder as Record<string, unknown>)[name];
  return { holder, name, own, original, isCall: typeof original === "function", path: `${prefix}${path}`, refusal };
}

function putBack({ holder, name, own }: Member): void {
  if (own === undefined) delete (holder as Record<string, unknown>)[name];
  else Object.defineProperty(holder, name, own);
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function replace({ holder, name, own, original, isCall, path, refusal }: Member): void {
  const shape = { configurable: true, enumerable: own?.enumerable ?? false };
  const refuse = (): never => {
    throw new SealedGlobalError(path);
  };
  if (!isCall) {
    Object.defineProperty(holder, name, { ...shape, get: refuse });
    return;
  }
  const isRefused = (args: readonly unknown[]): boolean => isMissing(refusal, args);
  // A proxy keeps what is not a call, for example `instanceof Date`.
  const value = new Proxy(original as (...args: unknown[]) => unknown, {
    apply: (target, self, args: unknown[]) => (isRefused(args) ? refuse() : Reflect.apply(target, self, args)),
    construct: (target, args: unknown[], made) =>
      isRefused(args) ? refuse() : (Reflect.construct(target, args, made) as object),
  });
  Object.defineProperty(holder, name, { ...shape, value, writable: true });
}

function isMissing(refusal: Refusal, args: readonly unknown[]): boolean {
  if (refusal === "always") return true;
  if (refusal !== "without-zone") return args[refusal.without] === undefined;
  const zone = (args[1] as { readonly timeZone?: unknown } | undefined)?.timeZone;
  return args[0] === undefined || zone === undefined;
}
