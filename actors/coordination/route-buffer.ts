/** Messages that wait until it is known where they go: in order for each destination, and so many in all. */

export class RouteBuffer<Destination, Message> {
  readonly #max: number;
  readonly #waiting = new Map<Destination, Message[]>();
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  has(destination: Destination): boolean {
    return this.#waiting.has(destination);
  }

  /** In the order in which their first message came. */
  destinations(): readonly Destination[] {
    return [...this.#waiting.keys()];
  }

  /** False when it is full; then the message is not kept. */
  push(destination: Destination, message: Message): boolean {
    if (this.#size >= this.#max) return false;
    const waiting = this.#waiting.get(destination);
    if (waiting === undefined) this.#waiting.set(destination, [message]);
    else waiting.push(message);
    this.#size += 1;
    return true;
  }

  /** Takes out all that waits for a destination, oldest first. */
  take(destination: Destination): readonly Message[] {
    const waiting = this.#waiting.get(destination) ?? [];
    this.#waiting.delete(destination);
    this.#size -= waiting.length;
    return waiting;
  }
}
