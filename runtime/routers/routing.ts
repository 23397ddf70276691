/** How a router chooses among its routees. Chosen by name; what each does is in `pickers.ts`. */

/**
 * - `round-robin`: each in turn, beginning anywhere.
 * - `random`: any, drawn from the world's random numbers.
 * - `smallest-mailbox`: the local routee with the fewest waiting messages; of more than 16, the better of two drawn ones. What
 *   waits on another node cannot be seen from here: routees there get messages only while there is no local one, in turn.
 * - `broadcast`: all of them, the same message object.
 * - `consistentHash(…)`: the same routee for the same key.
 */
export type Routing<M> = "round-robin" | "random" | "smallest-mailbox" | "broadcast" | ConsistentHash<M>;

/** Routes each message by a key of it, so that one key stays with one routee while the routees stay. */
export interface ConsistentHash<in M> {
  readonly type: "consistent-hash";
  keyOf(message: M): string;
  readonly pointsEach: number;
}

/** How consistent hashing finds the key of a message. */
export interface ConsistentHashOptions<in M> {
  /** What decides where a message goes: messages with the same key go to the same routee while the routees are the same. */
  keyOf(message: M): string;
  /** Points of a routee on the ring, 1 to 1,024: more spread keys more evenly and cost memory. Default: 64. */
  readonly pointsEach?: number;
}

const POINTS_EACH_MAX = 1024;

const ROUTINGS: readonly unknown[] = ["round-robin", "random", "smallest-mailbox", "broadcast"];

/**
 * A JavaScript caller is not held to the types; a word that is none would crash the router at its start.
 * @param what cannot be made, for the message.
 * @throws RangeError.
 */
export function checkRouting(what: string, routing: unknown): void {
  if (routing === undefined || ROUTINGS.includes(routing) || isConsistentHash(routing)) return;
  const shown = typeof routing === "string" ? `"${routing}"` : `of type ${typeof routing}`;
  throw new RangeError(
    `Cannot make ${what}: its routing is ${shown}, wanted ${ROUTINGS.join(", ")} or consistentHash(…)`,
  );
}

function isConsistentHash(routing: unknown): boolean {
  return (
    typeof routing === "object" &&
    routing !== null &&
    (routing as Partial<ConsistentHash<never>>).type === "consistent-hash"
  );
}

/**
 * Routes by key. When a routee comes or goes, only the keys that it takes or had move; routers on different nodes that know
 * the same routees choose alike. Not a guarantee of one owner a key: while lists differ, two routees may have it.
 * For that there is sharding.
 *
 * @throws RangeError for a `pointsEach` out of its range, TypeError when `keyOf` is no function.
 */
export function consistentHash<M>(options: ConsistentHashOptions<M>): ConsistentHash<M> {
  const { pointsEach = 64 } = options;
  if (typeof options.keyOf !== "function") {
    throw new TypeError(
      `consistentHash: keyOf is ${typeof options.keyOf}, wanted a function from a message to its key`,
    );
  }
  if (!Number.isInteger(pointsEach) || pointsEach < 1 || pointsEach > POINTS_EACH_MAX) {
    throw new RangeError(`consistentHash: pointsEach is ${pointsEach}, wanted an integer from 1 to ${POINTS_EACH_MAX}`);
  }
  return { type: "consistent-hash", keyOf: (message) => options.keyOf(message), pointsEach };
}
