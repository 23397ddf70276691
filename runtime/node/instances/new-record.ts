/** Who an instance is that is about to start, and whose: what is written down of it before anything of it runs. */
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import type { Logger } from "../../ports/logger.ts";
import { uptimeHundredths } from "../guard/host-uptime.ts";
import { type InstanceRecord, type InstanceStore, isInstanceId } from "./instance-store.ts";
import type { InstanceUsers } from "./instance-users.ts";
import { type MachineDriver, StartRefusal } from "./machine-driver.ts";

/** To be stored without giving way, so that no two get one user. @throws {StartRefusal} for an id that cannot be, and when no user is left. */
export function newRecord(
  launch: InstanceLaunch,
  host: {
    readonly driver: MachineDriver;
    readonly store: InstanceStore;
    readonly users: InstanceUsers | undefined;
    readonly logger: Logger;
  },
  /** What it is to be made of, whose user it keeps. Default: it is started anew. */
  standby?: { readonly id: string; readonly user: number | undefined },
): InstanceRecord {
  const { instance, vm, ports } = launch;
  if (!isInstanceId(instance)) {
    throw new StartRefusal("unsupported", "its id is not made of letters, digits, '-', '_' and '.'");
  }
  const record: InstanceRecord = {
    format: 1,
    driver: host.driver.name,
    instance,
    vm,
    ports,
    startedAt: uptimeHundredths(),
    memoryMiB: launch.memoryMiB,
    origin: launch.from?.type ?? "boot",
  };
  if (standby !== undefined) {
    return {
      ...record,
      origin: "standby",
      standby: standby.id,
      ...(standby.user === undefined ? {} : { user: standby.user }),
    };
  }
  if (host.users === undefined) return record;
  const why = host.driver.needsNodeUser?.(launch);
  if (why === undefined) return { ...record, user: host.users.pick(instance, host.store.users()) };
  host.logger.log("warn", `Instance "${instance}" runs as this node's own user: ${why}`, { instance });
  return record;
}
