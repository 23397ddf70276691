/** A schedule: the blows of one run, as they were struck or as they are to be struck again. */
import type { Blow, BlowAct } from "./blow.ts";
import type { Timeline } from "./timeline.ts";

/** Writes down the blows of a run. */
export class Recording {
  readonly blows: Blow[] = [];
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  add(act: BlowAct): void {
    this.blows.push({ ...act, atUs: this.#timeline.nowUs, tie: this.#timeline.tie });
  }
}
