/** What ends the faults that are under way: each after its time, or all at once when everything is healed. */
import type { Timeline } from "../timeline/timeline.ts";

export class FaultEndings {
  readonly #timeline: Timeline;
  readonly #endings = new Set<() => void>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** Runs `end` after `durationUs`, or sooner in `endAll`; once. */
  after(durationUs: number, end: () => void): void {
    const once = (): void => {
      if (this.#endings.delete(once)) end();
    };
    this.#endings.add(once);
    this.#timeline.after(durationUs, once);
  }

  endAll(): void {
    for (const end of this.#endings) end();
  }
}
