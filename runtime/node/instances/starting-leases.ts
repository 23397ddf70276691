/** Leases of instances that are being prepared, which may take longer than a lease: some are built first. */
import type { InstanceLaunch } from "../../ports/hypervisor.ts";

export class StartingLeases {
  readonly #untilMs = new Map<string, number>();

  /** Runs the start of `launch`, whose lease may be extended meanwhile. */
  async during<Value>(launch: InstanceLaunch, start: () => Promise<Value>): Promise<Value> {
    this.#untilMs.set(launch.instance, launch.leaseUntilMs);
    try {
      return await start();
    } finally {
      this.#untilMs.delete(launch.instance);
    }
  }

  /** Nothing happens to an instance that is not starting. */
  extend(instance: string, untilMs: number): void {
    const known = this.#untilMs.get(instance);
    if (known !== undefined) this.#untilMs.set(instance, Math.max(known, untilMs));
  }

  untilMs({ instance, leaseUntilMs }: InstanceLaunch): number {
    return this.#untilMs.get(instance) ?? leaseUntilMs;
  }
}
