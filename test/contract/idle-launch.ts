/** The launch of a small guest that does nothing until it is ended, for tests that care for something else of it. */
import type { InstanceLaunch } from "../../runtime/index.ts";
import { nodeClock } from "../../runtime/node/index.ts";

/** Longer than any test. */
const LEASE_MS = 600_000;

/** `more`: what the test does care for, in place of what stands here. */
export function idleLaunch(instance: string, more: Partial<InstanceLaunch> = {}): InstanceLaunch {
  return {
    instance,
    vm: `vm-${instance}`,
    node: "n1",
    vcpus: 1,
    memoryMiB: 128,
    image: "base",
    command: ["sleep", "1000000"],
    env: {},
    files: [],
    ports: [],
    leaseUntilMs: nodeClock.monotonicMs() + LEASE_MS,
    ...more,
  };
}
