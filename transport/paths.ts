/**
 * The paths of one direction of a link, by number: each travels once and is a slot from then on. Both ends keep a table of
 * the receivers' paths and one of the senders'.
 *
 * The sender of messages decides what a slot holds; when its table is full it starts over with the first slot, and the
 * receiver does what it is told. Paths of asks and kernels (`$…`) are used once or are short, and stay texts.
 */
import type { Address } from "../runtime/ports/address.ts";

/** Busy actors of a pair of nodes; at the longest path a table takes 4 MiB. More than that many in turn share the slots. */
export const PATH_SLOTS = 4096;

/** The sending end of one table. */
export class PathSlots {
  readonly #slots = new Map<string, number>();

  /** The slot that the receiver knows the path by; undefined when it knows none. */
  slotOf(path: string): number | undefined {
    return this.#slots.get(path);
  }

  /** A slot for a path that has none, which the receiver must be told; undefined when it is to stay a text. */
  define(path: string): number | undefined {
    if (path === "" || path.startsWith("$")) return undefined;
    if (this.#slots.size === PATH_SLOTS) this.#slots.clear();
    const slot = this.#slots.size;
    this.#slots.set(path, slot);
    return slot;
  }
}

/** The receiving end: addresses instead of paths, so that one object serves all messages of an actor. */
export class PathAddresses {
  readonly #node: string;
  readonly #addresses: Address[] = [];

  constructor(node: string) {
    this.#node = node;
  }

  at(slot: number): Address | undefined {
    return this.#addresses[slot];
  }

  /** Undefined when there is no such slot: they are taken one after the other. */
  define(slot: number, path: string): Address | undefined {
    if (slot >= PATH_SLOTS || slot > this.#addresses.length) return undefined;
    const address = this.unnumbered(path);
    this.#addresses[slot] = address;
    return address;
  }

  unnumbered(path: string): Address {
    return { node: this.#node, path };
  }
}
