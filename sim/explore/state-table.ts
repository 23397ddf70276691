/**
 * The states that an exploration has met: fingerprint, and by which action of which state it was first met, so that the way there can
 * be walked again. 18 to 27 bytes a state, whatever a state is.
 *
 * Open addressing in typed arrays, at most half full. States are numbered in the order in which they were met.
 */
const CAPACITY_FIRST = 1 << 12;

/** No state was before it. */
export const NO_PARENT = 0xffffffff;

/** Furthest that an action may stand in the list of its state. */
export const ACTIONS_MAX: number = 2 ** 16;

export class StateTable {
  /** By place: number of the state plus one; 0 is free. */
  #places = new Uint32Array(CAPACITY_FIRST * 2);
  #mask = CAPACITY_FIRST * 2 - 1;
  // By number of the state.
  #high = new Uint32Array(CAPACITY_FIRST);
  #low = new Uint32Array(CAPACITY_FIRST);
  #parents = new Uint32Array(CAPACITY_FIRST);
  #actions = new Uint16Array(CAPACITY_FIRST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The state's number if it is new, else -1. `action`: which of its parent's. */
  add(high: number, low: number, parent: number, action: number): number {
    let at = low & this.#mask;
    for (let number = this.#places[at] as number; number !== 0; number = this.#places[at] as number) {
      if (this.#low[number - 1] === low && this.#high[number - 1] === high) return -1;
      at = (at + 1) & this.#mask;
    }
    if (this.#size === this.#high.length) {
      this.#grow();
      at = this.#freePlace(low);
    }
    const number = this.#size;
    this.#high[number] = high;
    this.#low[number] = low;
    this.#parents[number] = parent;
    this.#actions[number] = action;
    this.#size += 1;
    this.#places[at] = this.#size;
    return number;
  }

  /** Which actions lead to a state, from which of the initial ones: each by its place in its list. */
  wayTo(state: number): { readonly initial: number; readonly actions: readonly number[] } {
    const actions: number[] = [];
    let at = state;
    while (this.#parents[at] !== NO_PARENT) {
      actions.push(this.#actions[at] as number);
      at = this.#parents[at] as number;
    }
    return { initial: this.#actions[at] as number, actions: actions.toReversed() };
  }

  #freePlace(low: number): number {
    let at = low & this.#mask;
    while (this.#places[at] !== 0) at = (at + 1) & this.#mask;
    return at;
  }

  #grow(): void {
    this.#high = doubled(this.#high, Uint32Array);
    this.#low = doubled(this.#low, Uint32Array);
    this.#parents = doubled(this.#parents, Uint32Array);
    this.#actions = doubled(this.#actions, Uint16Array);
    this.#places = new Uint32Array(this.#high.length * 2);
    this.#mask = this.#places.length - 1;
    for (let number = 0; number < this.#size; number++) {
      this.#places[this.#freePlace(this.#low[number] as number)] = number + 1;
    }
  }
}

function doubled<Column extends Uint32Array | Uint16Array>(
  column: Column,
  create: new (length: number) => Column,
): Column {
  const longer = new create(column.length * 2);
  longer.set(column);
  return longer;
}
