/**
 * A machine driver whose machines run as users of their own (instance-users.ts); without any, the driver itself.
 *
 *   ID/            root, its group  0710   what the node keeps, and what the machine only reads: it can replace none of it
 *     vm/          its user         0700   sockets that the machine makes
 *     console.log  root, its group  0620   the machine appends, and cannot read what others said before
 *
 * The folder is not the machine's: who may rename in a folder that the node writes to as root decides where root writes, and with guard/ replaced when a
 * guest ends. What lies elsewhere (disks, checkpoints) is opened by the node and handed over open, so no machine needs a way to it.
 */
import { chmodSync, chownSync, lchownSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import type { CommandRights } from "../guard/command-rights.ts";
import type { GuardedCommand } from "../guard/guard.ts";
import type { InstanceUsers } from "./instance-users.ts";
import type { MachineCommand, MachineDriver } from "./machine-driver.ts";

export function privateDriver(driver: MachineDriver, users: InstanceUsers | undefined): MachineDriver {
  if (users === undefined) return driver;
  return {
    name: driver.name,
    capabilities: driver.capabilities,
    prepare: async (launch, folder, user, stands) => {
      const command = await driver.prepare(launch, folder, user, stands);
      return user === undefined ? command : handOver({ command, folder, user, lowPorts: lowPorts(launch, users) });
    },
    needsNodeUser: (launch) => driver.needsNodeUser?.(launch),
    attach: (to) => driver.attach(to),
    dropCheckpoint: async (id) => driver.dropCheckpoint?.(id),
    release: async (instance) => driver.release?.(instance),
    keepOnly: (instances) => driver.keepOnly?.(instances),
    checkCheckpoint: async (id) => driver.checkCheckpoint?.(id),
    keepOnlyCheckpoints: (ids) => driver.keepOnlyCheckpoints?.(ids),
    // A right that a process was started without it cannot get.
    canStandBy: (launch) => driver.canStandBy?.(launch) === true && !lowPorts(launch, users),
    dress: async (launch, folder) => driver.dress?.(launch, folder),
  };
}

function handOver(of: {
  readonly command: MachineCommand;
  readonly folder: string;
  readonly user: number;
  readonly lowPorts: boolean;
}): GuardedCommand {
  const { command, folder, user } = of;
  for (const name of command.reads ?? []) give(join(folder, name), user, 0o640);
  for (const name of command.appends ?? []) give(join(folder, name), user, 0o620);
  for (const name of command.owns ?? []) giveAll(join(folder, name), user);
  const groups = (command.devices ?? []).flatMap(groupOf);
  const rights: CommandRights = { user, groups, lowPorts: of.lowPorts };
  return { ...command, rights };
}

function give(path: string, group: number, mode: number): void {
  chownSync(path, process.geteuid?.() ?? 0, group);
  chmodSync(path, mode);
}

/** Of what the node has just made: nothing else was here yet. */
function giveAll(path: string, user: number): void {
  lchownSync(path, user, user);
  if (!statSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveAll(join(path, name), user);
}

/** The group by which a device is used that is not open to everybody. */
function groupOf(device: string): readonly number[] {
  const found = statSync(device, { throwIfNoEntry: false });
  if (found === undefined || (found.mode & 0o006) === 0o006 || (found.mode & 0o060) !== 0o060) return [];
  return found.gid === 0 ? [] : [found.gid];
}

function lowPorts({ ports }: InstanceLaunch, users: InstanceUsers): boolean {
  return ports.some(({ hostPort }) => users.isLowPort(hostPort));
}
