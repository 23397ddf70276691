/** Opens a driver of real processes from plain data, in this process or in one that will be killed. */
import type { Logger } from "../../runtime/index.ts";
import {
  createProcessHypervisor,
  createQemuHypervisor,
  type GuardedHypervisor,
  nodeClock,
} from "../../runtime/node/index.ts";

/** Plain data, so that it can be given to another process. */
export interface DriverChoice {
  readonly driver: "process" | "qemu";
  readonly stateDir: string;
  readonly imagesDir: string;
}

export function openDriver(choice: DriverChoice): GuardedHypervisor {
  const options = { stateDir: choice.stateDir, clock: nodeClock, logger: silentLogger };
  return choice.driver === "process"
    ? createProcessHypervisor(options)
    : createQemuHypervisor({ ...options, imagesDir: choice.imagesDir, acceleration: "tcg" });
}

const silentLogger: Logger = { log: () => undefined };
