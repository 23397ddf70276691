/** Opens a driver of real processes from plain data, in this process or in one that will be killed. */
import type { Logger } from "../../runtime/index.ts";
import {
  type CephSettings,
  createMicrovmNixHypervisor,
  createProcessHypervisor,
  createQemuHypervisor,
  type GuardedHypervisor,
  InstanceUsers,
  type NixSettings,
  nodeClock,
  type StandbyLimits,
  VM_USERS,
} from "../../runtime/node/index.ts";

/** Plain data, so that it can be given to another process. */
export interface DriverChoice {
  readonly driver: "process" | "qemu" | "microvm-nix";
  readonly stateDir: string;
  readonly imagesDir: string;
  /** For `qemu`. */
  readonly checkpointsDir?: string;
  /** For `qemu`. Default: none. */
  readonly standbys?: StandbyLimits;
  /** For `qemu`. */
  readonly ceph?: CephSettings;
  /** For `qemu`. */
  readonly bridges?: readonly string[];
  /** For `microvm-nix`. */
  readonly nix?: NixSettings;
}

export function openDriver(choice: DriverChoice): GuardedHypervisor {
  const options = { stateDir: choice.stateDir, clock: nodeClock, logger: silentLogger };
  // As a node that is root has it: of qemu by itself, of microvm-nix when it is asked to.
  const users = process.geteuid?.() === 0 ? { users: new InstanceUsers(VM_USERS, choice.stateDir) } : {};
  if (choice.driver === "process") return createProcessHypervisor(options);
  const { nix } = choice;
  if (nix !== undefined) return createMicrovmNixHypervisor({ ...options, ...users, nix, acceleration: "tcg" });
  const { imagesDir, checkpointsDir, bridges = [], standbys = { count: 0, each: 0 } } = choice;
  const checkpoints = checkpointsDir === undefined ? {} : { checkpointsDir };
  const ceph = choice.ceph === undefined ? {} : { ceph: choice.ceph };
  return createQemuHypervisor({
    ...options,
    ...users,
    ...checkpoints,
    ...ceph,
    imagesDir,
    bridges,
    standbys,
    acceleration: "tcg",
  });
}

const silentLogger: Logger = { log: () => undefined };
