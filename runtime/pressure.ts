/**
 * Back-pressure by muting (Clebsch et al., "Runtime back-pressure", Pony 0.18): whoever tells more than a receiver takes gets no turn
 * until the receiver has caught up. Neighbours: a mailbox over its capacity and a remote channel without credit each own
 * a `Pressure`; an actor and whoever waits for `system.ready` are a `Source`.
 *
 * Why nobody waits for ever. A receiver is *overloaded* from reaching its capacity until it has drained to half of it, and
 * holds sources only while it is. An overloaded source is never muted. So take any circle of sources, each muted by the
 * next one, and its edge that was made last: its source was muted while it held another source, thus while it was
 * overloaded, which cannot be. Every chain of muted sources ends at an overloaded one that has its turns, drains, and
 * releases. A channel keeps this rule across nodes when its receiver's kernel withholds credit from an overloaded receiver only.
 */

/** What sends, and can be held back. */
export interface Source {
  /**
   * `wait`: may be muted. `overloaded`: must not be, since others wait for it; what it sends is taken. `ignore`: does not
   * want to be, and loses what is far over the capacity.
   */
  readonly patience: "wait" | "overloaded" | "ignore";
  /** Gets no turn for messages until each `mute` was followed by its `unmute`. */
  mute(): void;
  unmute(): void;
}

/** The sources that one overloaded receiver holds back. Holding a source twice is holding it once. */
export class Pressure {
  #held: Set<Source> | null = null;

  /** How many sources wait. */
  get held(): number {
    return this.#held?.size ?? 0;
  }

  /** Holds `source` back if it may be. False when nothing bounds what it sends: the receiver should refuse. */
  hold(source: Source): boolean {
    if (this.#held?.has(source) === true) return true;
    if (source.patience !== "wait") return source.patience === "overloaded";
    this.#held ??= new Set();
    this.#held.add(source);
    source.mute();
    return true;
  }

  /** Runs `done` at the next `release`. */
  whenReleased(done: () => void): void {
    this.hold({ patience: "wait", mute: nothing, unmute: done });
  }

  /** The receiver has caught up, or is gone: everybody may send again. */
  release(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    for (const source of held) source.unmute();
  }
}

function nothing(): void {}
