/** What every driver whose instances run under guards is given. */
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { InstanceCgroups } from "./instance-cgroups.ts";
import type { InstanceUsers } from "./instance-users.ts";
import type { StandbyLimits } from "./standby-limits.ts";

export interface GuardedHypervisorOptions {
  /** Holds the instances' folders; made when missing. Belongs to one process at a time. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the kernel holds instances to their processors and memory. Default: nowhere, they take what they can. */
  readonly cgroups?: InstanceCgroups;
  /** Users of their own for the instances. Default: none, all run as the node's. */
  readonly users?: InstanceUsers;
  /** How many machines wait, their checkpoint loaded, for who is started from it. Default: none. Drivers whose machines cannot have none. */
  readonly standbys?: StandbyLimits;
  /** What this host promises to VMs, which standbys stay within. Default: what it has. */
  readonly memoryMiB?: number;
  /** What this host has that no process holds, of which standbys leave some. Default: as the kernel says. */
  readonly availableMiB?: () => number;
}
