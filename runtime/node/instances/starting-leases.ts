/**
 * Leases of instances that are being prepared, which may take longer than a lease: some are built first.
 *
 * They are kept as their guards will count them, by the host's uptime: a host that sleeps in the middle of a start does not wake up with more of a lease than it had.
 */
import type { Clock } from "../../ports/clock.ts";
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import { toUptime } from "../guard/lease-file.ts";

export class StartingLeases {
  readonly #clock: Clock;
  /** In hundredths of a second. */
  readonly #deadlines = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs the start of `launch`, whose lease may be extended meanwhile. */
  async during<Value>(launch: InstanceLaunch, start: () => Promise<Value>): Promise<Value> {
    this.#deadlines.set(launch.instance, toUptime(this.#clock, launch.leaseUntilMs));
    try {
      return await start();
    } finally {
      this.#deadlines.delete(launch.instance);
    }
  }

  /** Nothing happens to an instance that is not starting. */
  extend(instance: string, untilMs: number): void {
    const known = this.#deadlines.get(instance);
    if (known === undefined) return;
    try {
      this.#deadlines.set(instance, Math.max(known, toUptime(this.#clock, untilMs)));
    } catch {
      // A process without a descriptor left cannot read the uptime: then the lease is as long as it was.
    }
  }

  /** Of an instance that is starting. */
  deadline({ instance }: InstanceLaunch): number {
    return this.#deadlines.get(instance) ?? 0;
  }
}
