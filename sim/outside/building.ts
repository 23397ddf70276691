/**
 * What a start waits for on a host where VMs are built first, as NixOS configurations are: a build that takes long enough for a lease to end
 * meanwhile, or that fails. Both are troubles of the host (host-trouble.ts); without one, what is to be run is there.
 */
import type { Host } from "./host.ts";

/** A slow build looks this often whether what slowed it down is over, in microseconds. */
const STEP_US = 500_000;

/** Longer than any lease of a run; a real one of a large system takes longer still. */
const BUILD_MAX_US = 120_000_000;

/** Runs `done` when it is known whether the VM's system is there; whoever asked may have died by then. */
export function build(host: Host, done: (isBuilt: boolean) => void): void {
  const finish = (): void => done(!host.troubles.strikes("build-failed"));
  if (!host.troubles.strikes("slow-build")) return finish();
  const untilUs = host.timeline.nowUs + BUILD_MAX_US;
  const look = (): void => {
    if (!host.troubles.isOn("slow-build") || host.timeline.nowUs >= untilUs) finish();
    else host.timeline.after(STEP_US, look);
  };
  host.timeline.after(STEP_US, look);
}
