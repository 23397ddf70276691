/**
 * A simulation as a value: what `blixard sim --actors FILE` finds as the default export of a file, and what records, replays and shrinks runs.
 *
 * It is a recipe and no run: `make` is called anew for each, in whatever thread, so that what checks count belongs to one run.
 */
import type { SimulateOptions } from "./simulate-options.ts";

/** What one run is made for. */
export interface SimulationMaking {
  readonly seed: number;
  /** Names from `planted` of the definition: what is broken on purpose in this run. */
  readonly planted: ReadonlySet<string>;
}

/** A user's actors, the load on them and the rules over them. */
export interface SimulationDefinition<Step = unknown> {
  /** For people, and for recorded runs to know whose they are. */
  readonly name: string;
  /** The options of one run, with checks that know nothing of other runs. */
  make(run: SimulationMaking): Omit<SimulateOptions<Step>, "seed" | "replay" | "onLine">;
  /** Marks that at least one seed of a sweep must reach; a sweep that does not has shown less than it seems to, and fails. Default: none. */
  readonly sometimes?: readonly string[];
  /** What can be broken on purpose, to see that the rules notice: a name, and what it breaks. Default: nothing. */
  readonly planted?: Readonly<Record<string, string>>;
}

/**
 * Says of a value that it is a simulation. Returns it as it is.
 * @throws {TypeError} when it has no name, or `make` is no function.
 */
export function defineSimulation<Step = unknown>(definition: SimulationDefinition<Step>): SimulationDefinition<Step> {
  if (!isSimulation(definition)) {
    throw new TypeError('Cannot define a simulation: wanted a "name", and "make", a function that returns its options');
  }
  return definition;
}

/** Whether this is one; what a file exports may be anything. */
export function isSimulation(value: unknown): value is SimulationDefinition {
  if (typeof value !== "object" || value === null) return false;
  const { name, make } = value as Partial<SimulationDefinition>;
  return typeof name === "string" && name !== "" && typeof make === "function";
}

/**
 * The options of one run of it.
 * @throws {RangeError} when something is to be planted that the definition does not know; {TypeError} when `make` answers a promise.
 */
export function makeSimulation(
  definition: SimulationDefinition,
  { seed, planted }: { readonly seed: number; readonly planted: readonly string[] },
): SimulateOptions {
  const known = Object.keys(definition.planted ?? {});
  const unknown = planted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const can = known.length === 0 ? "nothing can be" : `what can be is ${known.join(", ")}`;
    throw new RangeError(`Cannot plant "${unknown}" in ${definition.name}: ${can}`);
  }
  const made = definition.make({ seed, planted: new Set(planted) });
  if (made instanceof Promise) throw new TypeError("it returns a promise, wanted the options of a run at once");
  return { ...made, seed };
}
