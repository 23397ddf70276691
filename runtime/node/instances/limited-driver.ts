/** A machine driver whose machines run in control groups (instance-cgroups.ts); without any, the driver itself. */
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import type { InstanceCgroups, InstanceLimits } from "./instance-cgroups.ts";
import type { Machine, MachineContext, MachineDriver } from "./machine-driver.ts";

/** What a hypervisor holds beside its guest's memory: devices, buffers, page tables. */
const OVERHEAD_MIB = 256;

/** Emulation keeps what it has translated of the guest, by default up to 1 GiB. */
const TRANSLATED_MIB = 1024;

export function limitedDriver(driver: MachineDriver, cgroups: InstanceCgroups | undefined): MachineDriver {
  if (cgroups === undefined) return driver;
  return {
    name: driver.name,
    capabilities: driver.capabilities,
    prepare: async (launch, ...rest) =>
      cgroups.enclose(launch.instance, await driver.prepare(launch, ...rest), limitsOf(driver, launch)),
    needsNodeUser: (launch) => driver.needsNodeUser?.(launch),
    attach: (to) => limitedMachine(driver.attach(to), to, cgroups),
    dropCheckpoint: async (id) => driver.dropCheckpoint?.(id),
    release: async (instance) => driver.release?.(instance),
    keepOnly: (instances) => driver.keepOnly?.(instances),
    checkCheckpoint: async (id) => driver.checkCheckpoint?.(id),
    keepOnlyCheckpoints: (ids) => driver.keepOnlyCheckpoints?.(ids),
    canStandBy: (launch) => driver.canStandBy?.(launch) === true,
    dress: async (launch, folder) => driver.dress?.(launch, folder),
  };
}

/** A process of the host has no overhead: it is what is limited. */
function limitsOf({ name, capabilities }: MachineDriver, { vcpus, memoryMiB }: InstanceLaunch): InstanceLimits {
  if (name === "process") return { vcpus, memoryMiB };
  return { vcpus, memoryMiB: memoryMiB + OVERHEAD_MIB + (capabilities.accelerated ? 0 : TRANSLATED_MIB) };
}

function limitedMachine(machine: Machine, { record }: MachineContext, cgroups: InstanceCgroups): Machine {
  return {
    ready: async () => machine.ready(),
    standBy: async () => machine.standBy?.(),
    wake: async () => machine.wake?.(),
    requestStop: () => machine.requestStop(),
    tick: () => machine.tick(),
    // Asked once the instance has ended.
    explain: async (exit) => {
      const why = await machine.explain(exit);
      cgroups.release(record.standby ?? record.instance);
      return why;
    },
    detach: () => machine.detach(),
    ...(machine.verbs === undefined ? {} : { verbs: machine.verbs }),
  };
}
