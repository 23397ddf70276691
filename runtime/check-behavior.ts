/**
 * What an actor cannot be made of, and what is no ref, is refused where it is given: a behaviour without `init` would crash an actor
 * that nobody can tell from a good one, and what is no ref would fail inside the kernel, far from whoever gave it.
 */
import type { Behavior } from "./behavior.ts";
import { Ref } from "./ref.ts";

/**
 * A JavaScript caller is not held to the types.
 * @param what was tried, for the message: `spawn an actor`.
 * @throws TypeError that names the part which is missing.
 */
export function checkBehavior<State, Message>(what: string, behavior: Behavior<State, Message>): void {
  const problem = problemOf(behavior);
  if (problem !== undefined) {
    throw new TypeError(
      `Cannot ${what}: ${problem}; a behaviour has a name, init and receive, as stateless(…) makes one`,
    );
  }
}

/**
 * @param what was tried, for the message: `watch`.
 * @throws TypeError for what is no ref.
 */
export function checkRef(what: string, ref: unknown): void {
  if (ref instanceof Ref) return;
  throw new TypeError(`Cannot ${what} ${show(ref)}: it is no ref; spawn gives one, and refAt makes one of an address`);
}

function problemOf(behavior: unknown): string | undefined {
  if (typeof behavior !== "object" || behavior === null) return `its behaviour is ${show(behavior)}`;
  const { name, init, receive, onSignal, accepts } = behavior as Partial<Record<string, unknown>>;
  if (typeof name !== "string") return `its behaviour's name is ${show(name)}`;
  if (typeof init !== "function") return `init of its behaviour "${name}" is ${show(init)}`;
  if (typeof receive !== "function") return `receive of its behaviour "${name}" is ${show(receive)}`;
  if (!isFunctionOrNothing(onSignal)) return `onSignal of its behaviour "${name}" is ${show(onSignal)}`;
  if (!isFunctionOrNothing(accepts)) return `accepts of its behaviour "${name}" is ${show(accepts)}`;
  return undefined;
}

function isFunctionOrNothing(value: unknown): boolean {
  return value === undefined || typeof value === "function";
}

/** Without running anything of it. */
function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
