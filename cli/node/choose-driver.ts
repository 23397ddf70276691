/** Which hypervisor a node drives: what its settings say, or what the host has. */
import { join } from "node:path";
import { match, P } from "ts-pattern";
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
export async function chooseDriver(config: NodeConfig, ports: DriverPorts): Promise<GuardedHypervisor> {
  const qemu = config.driver === "process" ? undefined : await findExecutable(QEMU);
  return match({ wanted: config.driver, qemu, images: config.imagesDir })
    .returnType<Promise<GuardedHypervisor>>()
    .with({ wanted: "qemu", qemu: P.nullish }, () => {
      const message = `Cannot start node "${config.name}" with the driver "qemu": there is no ${QEMU} on the path`;
      const hint = 'On Debian: "apt-get install qemu-system-x86". Or use "--driver process", which isolates nothing.';
      throw new CliError(EXIT.failed, message, { hint });
    })
    .with({ qemu: P.nullish }, async () => {
      ports.logger.log("warn", "VMs run as plain processes, which isolates nothing: no hypervisor was chosen or found");
      return createProcessHypervisor({ ...ports, stateDir: config.dataDir });
    })
    .with({ images: P.nullish }, () => {
      throw usageError('The driver "qemu" needs guest images.', "Give their folder with --images.");
    })
    .with({ qemu: P.string, images: P.string }, async (found) => startQemuDriver(config, ports, found))
    .exhaustive();
}

async function startQemuDriver(
  { dataDir }: NodeConfig,
  ports: DriverPorts,
  { qemu, images }: { readonly qemu: string; readonly images: string },
): Promise<GuardedHypervisor> {
  const kvm = await proveKvm({ qemu, imagesDir: images, image: PROOF_IMAGE, cacheDir: join(dataDir, "kvm") });
  const words = kvm.works ? "VMs run in QEMU with KVM" : "VMs run in QEMU with emulated CPUs";
  ports.logger.log("info", words, { qemu, kvm: kvm.detail });
  const acceleration = kvm.works ? "kvm" : "tcg";
  return createQemuHypervisor({ ...ports, stateDir: dataDir, imagesDir: images, acceleration, qemu });
}
