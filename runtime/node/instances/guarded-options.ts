/** What every driver whose instances run under guards is given. */
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { InstanceCgroups } from "./instance-cgroups.ts";
import type { InstanceUsers } from "./instance-users.ts";

export interface GuardedHypervisorOptions {
  /** Holds the instances' folders; made when missing. Belongs to one process at a time. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the kernel holds instances to their processors and memory. Default: nowhere, they take what they can. */
  readonly cgroups?: InstanceCgroups;
  /** Users of their own for the instances. Default: none, all run as the node's. */
  readonly users?: InstanceUsers;
}
