/** Which users a node gives its VMs: what `--vm-users` says, or what driver and host allow. Whatever comes of it is in the log. */
import { join } from "node:path";
import type { DriverName, Logger } from "../../runtime/index.ts";
import { InstanceUsers, InstanceUsersError, type UserRange, VM_USERS } from "../../runtime/node/index.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { NodeConfig } from "../node-config.ts";

interface VmUsers {
  readonly users?: InstanceUsers;
}

type RealDriver = Exclude<DriverName, "simulated">;

/** Why VMs of a driver keep the node's user unless somebody asks; the driver `qemu` asks by itself. */
const BY_REQUEST: Readonly<Partial<Record<RealDriver, string>>> = {
  process: "their commands are programs of this host, which may need its files: give --vm-users to have it",
  "microvm-nix":
    "the scripts of their runners, to which modules may add, may need the node's rights: give --vm-users to have it",
};

/** @throws CliError when users were asked for and cannot be had: to run VMs with more rights than was asked for is not for the node to decide. */
export async function openVmUsers(config: NodeConfig, driver: RealDriver, logger: Logger): Promise<VmUsers> {
  const { vmUsers } = config;
  const why = BY_REQUEST[driver];
  if (vmUsers === "off") return none(logger, '--vm-users is "off"');
  if (vmUsers === "auto") {
    if (why !== undefined) return none(logger, why);
    try {
      return given(await InstanceUsers.open(VM_USERS, config.dataDir), logger);
    } catch (error) {
      if (!(error instanceof InstanceUsersError)) throw error;
      return none(logger, error.message);
    }
  }
  try {
    return given(await open(config, driver, vmUsers), logger);
  } catch (error) {
    if (!(error instanceof InstanceUsersError)) throw error;
    throw refusal(config.name, error.message, error);
  }
}

async function open({ dataDir }: NodeConfig, driver: RealDriver, range: UserRange): Promise<InstanceUsers> {
  const users = await InstanceUsers.open(range, dataDir);
  // A process finds its files by their paths, where a QEMU is given them open.
  if (driver === "process") await users.letThrough(join(dataDir, "instances"));
  return users;
}

function given(users: InstanceUsers, logger: Logger): VmUsers {
  const { first, count } = users.range;
  logger.log("info", "Each VM runs as a user of its own", { first, count });
  return { users };
}

function none(logger: Logger, why: string): VmUsers {
  logger.log("info", `VMs run as this node's own user: ${why}`, { user: process.geteuid?.() });
  return {};
}

function refusal(node: string, why: string, cause?: unknown): CliError {
  const hint = 'Leave --vm-users out, or say "--vm-users off", to run VMs as the node\'s own user.';
  return new CliError(EXIT.failed, `Cannot start node "${node}" with --vm-users: ${why}`, { hint, cause });
}
