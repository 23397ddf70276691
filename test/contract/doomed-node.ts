/** A process that starts one instance, says "booted" once it has, and waits to be killed. Argument: JSON of `Doom`. */
import { nodeClock } from "../../runtime/node/index.ts";
import type { InstanceLaunch } from "../../runtime/index.ts";
import { type DriverChoice, openDriver } from "./open-driver.ts";

interface Doom {
  readonly choice: DriverChoice;
  readonly launch: InstanceLaunch;
  /** From this process's start on, which may be slow on a busy host; clocks of two processes cannot be compared. */
  readonly leaseMs: number;
}

const { choice, launch, leaseMs } = JSON.parse(process.argv[2] ?? "") as Doom;
const hypervisor = openDriver(choice);
hypervisor.onEvent((event) => {
  if (event.type === "booted") process.stdout.write("booted\n");
});
hypervisor.start({ ...launch, leaseUntilMs: nodeClock.monotonicMs() + leaseMs }, (result) => {
  if (!result.ok) process.stdout.write(`${result.message}\n`);
});
// Only SIGKILL ends it; if its parent forgot it, so does this.
setTimeout(() => process.exit(1), 60_000);
