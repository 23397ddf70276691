/** What the routings do: each picker is given the routees when they change, and one message at a time. */
import type { Context } from "../context.ts";
import type { Random } from "../ports/random.ts";
import type { Ref } from "../ref.ts";
import { HashRing } from "./hash-ring.ts";
import type { ConsistentHash, Routing } from "./routing.ts";

export interface Picker<M> {
  use(routees: readonly Ref<M>[]): void;
  /** Undefined when there is nobody. Broadcast has no picker. */
  pick(message: M): Ref<M> | undefined;
}

/** Among more, two drawn ones are compared: nearly as even as comparing all (Mitzenmacher, 2001), at a fixed cost. */
const COMPARED_MAX = 16;

export function createPicker<M>(
  routing: Exclude<Routing<M>, "broadcast">,
  ctx: Pick<Context<never>, "node" | "random">,
): Picker<M> {
  switch (routing) {
    case "round-robin":
      return new RoundRobin(ctx.random);
    case "random":
      return new RandomPick(ctx.random);
    case "smallest-mailbox":
      return new SmallestMailbox(ctx.random, ctx.node);
    default:
      return new HashPick(routing);
  }
}

class RoundRobin<M> implements Picker<M> {
  #routees: readonly Ref<M>[] = [];
  #next: number;

  constructor(random: Random) {
    // Routers of many nodes that learn of the same routees must not all begin with the first one.
    this.#next = random.integer(2 ** 16);
  }

  use(routees: readonly Ref<M>[]): void {
    this.#routees = routees;
  }

  pick(): Ref<M> | undefined {
    if (this.#next >= this.#routees.length) this.#next %= Math.max(1, this.#routees.length);
    return this.#routees[this.#next++];
  }
}

class RandomPick<M> implements Picker<M> {
  #routees: readonly Ref<M>[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  use(routees: readonly Ref<M>[]): void {
    this.#routees = routees;
  }

  pick(): Ref<M> | undefined {
    const { length } = this.#routees;
    return length === 0 ? undefined : this.#routees[this.#random.integer(length)];
  }
}

class SmallestMailbox<M> implements Picker<M> {
  #local: readonly Ref<M>[] = [];
  readonly #remote: RoundRobin<M>;
  readonly #random: Random;
  readonly #node: string;
  /** Where the next comparison begins, so that equals are taken in turn. */
  #first = 0;

  constructor(random: Random, node: string) {
    this.#random = random;
    this.#node = node;
    this.#remote = new RoundRobin(random);
  }

  use(routees: readonly Ref<M>[]): void {
    this.#local = routees.filter(({ node }) => node === this.#node);
    this.#remote.use(routees.filter(({ node }) => node !== this.#node));
  }

  pick(): Ref<M> | undefined {
    const { length } = this.#local;
    if (length === 0) return this.#remote.pick();
    return length > COMPARED_MAX ? this.#betterOfTwo(length) : this.#leastOf(length);
  }

  #leastOf(length: number): Ref<M> | undefined {
    this.#first = (this.#first + 1) % length;
    let least: Ref<M> | undefined;
    let leastDepth = Infinity;
    for (let i = 0; i < length && leastDepth > 0; i++) {
      const routee = this.#local[(this.#first + i) % length] as Ref<M>;
      const depth = depthOf(routee);
      if (depth < leastDepth) {
        least = routee;
        leastDepth = depth;
      }
    }
    return least;
  }

  #betterOfTwo(length: number): Ref<M> | undefined {
    const one = this.#local[this.#random.integer(length)] as Ref<M>;
    const other = this.#local[this.#random.integer(length)] as Ref<M>;
    return depthOf(one) <= depthOf(other) ? one : other;
  }
}

class HashPick<M> implements Picker<M> {
  readonly #routing: ConsistentHash<M>;
  #ring: HashRing<Ref<M>> | null = null;

  constructor(routing: ConsistentHash<M>) {
    this.#routing = routing;
  }

  use(routees: readonly Ref<M>[]): void {
    this.#ring = new HashRing(routees, String, this.#routing.pointsEach);
  }

  pick(message: M): Ref<M> | undefined {
    return this.#ring?.ownerOf(this.#routing.keyOf(message));
  }
}

/** A routee that is gone has no mailbox to be preferred for; it leaves the list in a moment. */
function depthOf<M>(ref: Ref<M>): number {
  return ref.target.actor?.metrics.depth ?? Number.MAX_SAFE_INTEGER;
}
