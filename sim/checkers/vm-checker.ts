/**
 * A VM never runs twice: over all hosts, at every instant, at most one guest of a VM exists. Asked whenever a guest begins.
 *
 * It looks at the modelled machines, not at what anybody believes of them.
 */
import type { InstanceLaunch } from "../../runtime/index.ts";
import type { GuestWatcher } from "../outside/host.ts";
import type { Timeline } from "../timeline/timeline.ts";

interface Running {
  readonly host: number;
  readonly instance: string;
  readonly sinceUs: number;
}

export class VmChecker implements GuestWatcher {
  starts = 0;
  /** Guests that their guards ended. */
  leaseEnds = 0;
  readonly #timeline: Timeline;
  readonly #running = new Map<string, Running>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  onGuestStarted(host: number, { vm, instance }: InstanceLaunch): void {
    this.starts += 1;
    const other = this.#running.get(vm);
    if (other !== undefined) {
      const since = `since ${other.sinceUs / 1000} ms`;
      this.#timeline.fail(
        "a-vm-never-runs-twice",
        `VM "${vm}" starts on host ${host} as ${instance}, and runs on host ${other.host} as ${other.instance} ${since}`,
      );
    }
    this.#running.set(vm, { host, instance, sinceUs: this.#timeline.nowUs });
  }

  onGuestEnded(_: number, { vm, instance }: InstanceLaunch, reason: string): void {
    if (reason === "lease") this.leaseEnds += 1;
    if (this.#running.get(vm)?.instance === instance) this.#running.delete(vm);
  }
}
