/** Numbers for requests under way, and whose each one is. Slots are used again, so nothing is hashed and nothing grows. */

export interface Slot<Owner> {
  readonly owner: Owner;
  /** What the owner calls the request. */
  readonly id: number;
}

export class RequestSlots<Owner> {
  readonly #slots: (Slot<Owner> | undefined)[] = [];
  readonly #free: number[] = [];

  take(owner: Owner, id: number): number {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = { owner, id };
    return slot;
  }

  /** Each slot once; undefined for one that nobody has. */
  give(slot: number): Slot<Owner> | undefined {
    const taken = this.#slots[slot];
    if (taken === undefined) return undefined;
    this.#slots[slot] = undefined;
    this.#free.push(slot);
    return taken;
  }
}
