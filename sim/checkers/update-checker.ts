/**
 * Conditional updates of what several users share: of all that were made from one version of a VM at most one is acknowledged, and what a VM counts is
 * how often it was updated: no update is lost, none acts twice.
 */
import type { Timeline } from "../timeline/timeline.ts";

/** What is known of one VM, from its creation to its end. */
interface Updates {
  acknowledged: number;
  /** Not answered yet, or never. */
  unknown: number;
}

export class UpdateChecker {
  acknowledged = 0;
  conflicts = 0;
  readonly #timeline: Timeline;
  /** By uid and version: index at which an update from it was acknowledged. */
  readonly #from = new Map<string, number>();
  readonly #updates = new Map<string, Updates>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** A user begins an update, and will say it once or more. */
  onBegun(uid: string): void {
    this.#of(uid).unknown += 1;
  }

  /** An update of VM `uid` from version `from` was acknowledged at `index`. */
  onAcknowledged(uid: string, from: number, index: number): void {
    this.acknowledged += 1;
    this.#of(uid).acknowledged += 1;
    this.#of(uid).unknown -= 1;
    const key = `${uid} ${from}`;
    const other = this.#from.get(key);
    if (other !== undefined) {
      const told = `both at ${other} and at ${index}`;
      this.#timeline.fail(
        "updates-are-not-lost",
        `Updates of VM ${uid} from version ${from} were acknowledged ${told}`,
      );
    }
    this.#from.set(key, index);
  }

  /** An update is refused, and was said once only: it did nothing. */
  onRefused(uid: string): void {
    this.#of(uid).unknown -= 1;
  }

  /** At the end VM `uid` counts so many updates. */
  checkCount(uid: string, count: number): void {
    const { acknowledged, unknown } = this.#of(uid);
    if (count >= acknowledged && count <= acknowledged + unknown) return;
    const told = `${acknowledged} were acknowledged and ${unknown} are of unknown fate`;
    this.#timeline.fail("updates-are-not-lost", `VM ${uid} counts ${count} updates; ${told}`);
  }

  #of(uid: string): Updates {
    let updates = this.#updates.get(uid);
    if (updates === undefined) {
      updates = { acknowledged: 0, unknown: 0 };
      this.#updates.set(uid, updates);
    }
    return updates;
  }
}
