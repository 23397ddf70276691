/**
 * The other end of the channels that lead to one actor here which presses back: tells each node how much more it takes.
 * Belongs to the actor's cell and ends with it. See `channel.ts` for the invariants.
 */
import { GRANT_STEP, WINDOW, WINDOWS_MAX } from "./window.ts";

/** What an inlet needs of the kernel. */
export interface InletOwner {
  /** Changes with each link to that node; undefined while there is none. */
  epochOf(node: string): number | undefined;
  /** Tells that node up to which message it may send to `path`; null: any. */
  grant(node: string, path: string, limit: number | null): void;
}

/** The account of one sending node. */
interface Meter {
  epoch: number;
  /** The sender's number of the last message that arrived, or less; null until it has reported. */
  arrived: number | null;
  /** In the mailbox. Those of an earlier link count too: they take the same room. */
  waiting: number;
  /** The last limit that it was told. */
  told: number;
}

export class Inlet {
  readonly #owner: InletOwner;
  readonly #path: string;
  readonly #wake: () => void;
  readonly #meters = new Map<string, Meter>();

  /** @param wake is called while `isFull`: it is time for a turn, also of an actor that was muted before. */
  constructor(owner: InletOwner, path: string, wake: () => void) {
    this.#owner = owner;
    this.#path = path;
    this.#wake = wake;
  }

  /**
   * Whether a node may wait for this actor: all that it was allowed has come. The actor is overloaded then, as by a full
   * mailbox, and not muted, or two actors of two nodes could wait for each other for ever (`../pressure.ts`).
   */
  get isFull(): boolean {
    for (const meter of this.#meters.values()) if (isUsedUp(meter)) return true;
    return false;
  }

  /** Whether credit bounds what that node sends. */
  bounds(node: string): boolean {
    return (this.#meters.get(node)?.waiting ?? 0) <= WINDOWS_MAX * WINDOW;
  }

  /** A message of that node comes into the mailbox; `handled` follows, also when it is lost there. */
  arrived(node: string): void {
    const epoch = this.#owner.epochOf(node);
    if (epoch === undefined) return;
    const meter = this.#meters.get(node);
    if (meter === undefined || meter.epoch !== epoch) {
      this.#meters.set(node, { epoch, arrived: null, waiting: (meter?.waiting ?? 0) + 1, told: 0 });
      // It may think that it is free, of an actor that was here before.
      this.#owner.grant(node, this.#path, 0);
      return;
    }
    meter.waiting += 1;
    if (meter.arrived !== null) meter.arrived += 1;
    if (isUsedUp(meter)) this.#wake();
  }

  handled(node: string): void {
    const meter = this.#meters.get(node);
    // What came without a link, or was dropped on arrival, is in no account.
    if (meter === undefined || meter.waiting === 0) return;
    meter.waiting -= 1;
    if (meter.arrived !== null) this.#grant(node, meter, meter.arrived, GRANT_STEP);
  }

  /** That node has sent `sent` messages until now. */
  reported(node: string, sent: number): void {
    const epoch = this.#owner.epochOf(node);
    if (epoch === undefined) return;
    const known = this.#meters.get(node);
    const meter = known?.epoch === epoch ? known : { epoch, arrived: null, waiting: known?.waiting ?? 0, told: 0 };
    this.#meters.set(node, meter);
    meter.arrived = sent;
    this.#grant(node, meter, sent, 1);
    if (isUsedUp(meter)) this.#wake();
  }

  /** The actor has ended: whoever waits for credit need not. */
  close(): void {
    for (const [node, { epoch }] of this.#meters) {
      if (epoch === this.#owner.epochOf(node)) this.#owner.grant(node, this.#path, null);
    }
    this.#meters.clear();
  }

  #grant(node: string, meter: Meter, arrived: number, step: number): void {
    const limit = arrived - meter.waiting + WINDOW;
    if (limit - meter.told < step) return;
    meter.told = limit;
    this.#owner.grant(node, this.#path, limit);
  }
}

function isUsedUp({ arrived, told, waiting }: Meter): boolean {
  return arrived !== null && arrived >= told && waiting > 0;
}
