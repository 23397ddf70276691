/**
 * What stands in the way of one direction while faults do: messages of some kinds are lost, a narrow line, somebody who listens. A direction
 * without any has none of this (`lane.ts`), so that it costs nothing there.
 */
import { KERNEL_PATH, type Envelope } from "../../runtime/index.ts";
import { kindOf } from "./message-kind.ts";
import type { NarrowLine } from "./narrow-line.ts";

/** Somebody who hears what is sent: to find out which kinds there are, or to say it again later. */
export type Listener = (envelope: Envelope) => void;

export class Hindrance {
  readonly line: NarrowLine;
  /** Kinds that are lost, each as often as there are faults that take it. */
  readonly #lost: string[] = [];
  readonly #listeners = new Set<Listener>();

  constructor(line: NarrowLine) {
    this.line = line;
  }

  /** Nothing is left of it. */
  get isOver(): boolean {
    return !this.line.isNarrow && this.#lost.length === 0 && this.#listeners.size === 0;
  }

  listen(listener: Listener): void {
    this.#listeners.add(listener);
  }

  unlisten(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  lose(kind: string): void {
    this.#lost.push(kind);
  }

  /** Ends one fault that takes this kind. */
  keep(kind: string): void {
    this.#lost.splice(this.#lost.indexOf(kind), 1);
  }

  /** Whether the message is lost. What kernels say is lost with the link only; see the port. */
  takes(envelope: Envelope): boolean {
    if (envelope.from.path === KERNEL_PATH) return false;
    for (const listener of this.#listeners) listener(envelope);
    return this.#lost.length > 0 && this.#lost.includes(kindOf(envelope.message));
  }
}
