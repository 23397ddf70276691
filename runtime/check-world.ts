/** A world that lacks a port is refused where it is given: else the first timer, or the first message, would find it out. */
import type { Dispatcher } from "./ports/dispatcher.ts";
import type { World } from "./world.ts";

const MAKE_ONE = "createNodeWorld() makes a whole one, createManualWorld() one for tests";

/** The ports that every world has, each with one of its functions. */
const PORTS: readonly (readonly [port: keyof World, method: string])[] = [
  ["clock", "setTimer"],
  ["random", "next"],
  ["dispatcher", "schedule"],
];

/**
 * A JavaScript caller is not held to the types.
 * @param what is tried, for the message.
 * @throws TypeError that names the first port which is missing.
 */
export function checkWorld(what: string, options: { readonly world: World }): void {
  const world: unknown = memberOf(options, "world");
  if (typeof world !== "object" || world === null) throw new TypeError(`Cannot ${what}: it has no world; ${MAKE_ONE}`);
  const port = PORTS.find(([name, method]) => !hasFunction(memberOf(world, name), method));
  if (port !== undefined) throw new TypeError(`Cannot ${what}: its world has no ${port[0]}; ${MAKE_ONE}`);
}

/** @throws TypeError. */
export function checkDispatcher(what: string, world: { readonly dispatcher: Dispatcher }): void {
  if (hasFunction(memberOf(world, "dispatcher"), "schedule")) return;
  throw new TypeError(`Cannot ${what}: it is given no dispatcher; give it the world that its actors run in`);
}

function hasFunction(port: unknown, method: string): boolean {
  return typeof memberOf(port, method) === "function";
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
