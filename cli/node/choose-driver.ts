/** Which hypervisor a node drives: what its settings say, or what the host has. */
import { join } from "node:path";
import type { Clock, Logger } from "../../runtime/index.ts";
import {
  createProcessHypervisor,
  createQemuHypervisor,
  findExecutable,
  proveKvm,
  type GuardedHypervisor,
} from "../../runtime/node/index.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { NodeConfig } from "../node-config.ts";

export interface DriverPorts {
  readonly clock: Clock;
  readonly logger: Logger;
}

const QEMU = "qemu-system-x86_64";

/** The image that every host has; its kernel is what KVM must start to be believed. */
const PROOF_IMAGE = "base";

/** @throws CliError when QEMU was asked for by name and is missing. */
export async function chooseDriver(config: NodeConfig, { clock, logger }: DriverPorts): Promise<GuardedHypervisor> {
  const options = { stateDir: config.dataDir, clock, logger };
  const qemu = config.driver === "process" ? undefined : await findExecutable(QEMU);
  if (config.driver === "qemu" && qemu === undefined) {
    throw new CliError(
      EXIT.failed,
      `Cannot start node "${config.name}" with the driver "qemu": there is no ${QEMU} on the path`,
      {
        hint: 'On Debian: "apt-get install qemu-system-x86". Or start it with "--driver process", which isolates nothing.',
      },
    );
  }
  if (qemu === undefined) {
    logger.log("warn", "VMs run as plain processes, which isolates nothing: no hypervisor was chosen or found");
    return createProcessHypervisor(options);
  }
  const { imagesDir } = config;
  if (imagesDir === undefined)
    throw usageError('The driver "qemu" needs guest images', "Give their folder with --images.");
  const kvm = await proveKvm({ qemu, imagesDir, image: PROOF_IMAGE, cacheDir: join(config.dataDir, "kvm") });
  logger.log("info", kvm.works ? "VMs run in QEMU with KVM" : "VMs run in QEMU with emulated CPUs", {
    qemu,
    kvm: kvm.detail,
  });
  return createQemuHypervisor({ ...options, imagesDir, acceleration: kvm.works ? "kvm" : "tcg", qemu });
}
