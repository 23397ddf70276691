/**
 * What cannot be simulated is refused by its name, before the run: a kind of fault with a typing error never strikes, and a run
 * that met no fault would pass for one that withstood them.
 */
import { isActorFaults } from "./actor-faults.ts";
import type { SimulateOptions } from "./simulate-options.ts";

/** @throws {RangeError} for a number out of range or faults that are none, {TypeError} for what must be a function. */
export function checkSimulate(options: SimulateOptions): void {
  const { faults, load, always, eventually, settleWithinMs, linesKept } = options;
  requireFunction("`start`", typeof options.start);
  if (load !== undefined) requireFunction("`load.act`", typeof load.act);
  if (load?.draw !== undefined) requireFunction("`load.draw`", typeof load.draw);
  for (const [name, check] of Object.entries({ ...always, ...eventually }))
    requireFunction(`the check "${name}"`, typeof check);
  if (faults !== undefined && !isActorFaults(faults)) {
    throw new RangeError(
      `Cannot simulate with faults "${String(faults)}": wanted "mixed", "network", "crashes", "none" or a list of kinds`,
    );
  }
  requireNumber("load.everyMs", load?.everyMs, (value) => value > 0);
  requireNumber("settleWithinMs", settleWithinMs, (value) => value >= 0);
  requireNumber("linesKept", linesKept, (value) => Number.isInteger(value) && value >= 0);
}

function requireFunction(what: string, type: string): void {
  if (type !== "function") throw new TypeError(`Cannot simulate: ${what} is no function, but ${type}`);
}

function requireNumber(name: string, value: number | undefined, isRight: (value: number) => boolean): void {
  if (value === undefined || (Number.isFinite(value) && isRight(value))) return;
  const wanted = name === "linesKept" ? "a number of lines from 0 on" : "milliseconds, and an end to them";
  throw new RangeError(`Cannot simulate with ${name} ${value}: wanted ${wanted}`);
}
