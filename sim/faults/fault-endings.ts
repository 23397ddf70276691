/**
 * What ends the faults that are under way: each after its time, all at once when everything is healed, or those of a core of nodes when
 * nothing else ever is.
 */
import type { Timeline } from "../timeline/timeline.ts";

/** A core of nodes by index. */
export type Core = ReadonlySet<number>;

/** Ends a fault; where a core is given, only what of it touches nodes of the core and nobody else. */
type End = (core: Core | null) => void;

export class FaultEndings {
  readonly #timeline: Timeline;
  readonly #endings = new Set<End>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** Runs `end` after `durationUs`, or sooner in `endAll` or `endWithin`; once. */
  after(durationUs: number, end: End): void {
    const once: End = (core) => {
      if (this.#endings.delete(once)) end(core);
    };
    this.#endings.add(once);
    this.#timeline.after(durationUs, () => once(null));
  }

  /** As `after`, for a fault of one node: one outside of a core stays as it is. */
  afterAt(node: number, durationUs: number, end: () => void): void {
    this.after(durationUs, (core) => {
      if (core === null || core.has(node)) end();
    });
  }

  endAll(): void {
    for (const end of this.#endings) end(null);
  }

  /** Heals the core. What is left of faults that are under way never ends. */
  endWithin(core: Core): void {
    for (const end of this.#endings) end(core);
  }
}
