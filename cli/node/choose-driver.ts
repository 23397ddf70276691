/** Which hypervisor a node drives: what its settings say, or what the host has. */
import { join } from "node:path";
import { match, P } from "ts-pattern";
import type { Clock, Logger } from "../../runtime/index.ts";
import {
  BridgeError,
  CgroupError,
  checkBridges,
  createMicrovmNixHypervisor,
  createProcessHypervisor,
  createQemuHypervisor,
  findExecutable,
  diskUnder,
  InstanceCgroups,
  ioMaxLine,
  proveKvm,
  type GuardedHypervisor,
} from "../../runtime/node/index.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { NodeConfig } from "../node-config.ts";
import { hostCapacity } from "./host-capacity.ts";
import { openVmUsers } from "./open-vm-users.ts";
import { readNixFile } from "./read-nix-settings.ts";

export interface DriverPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cgroups?: InstanceCgroups;
}

const QEMU = "qemu-system-x86_64";
const NIX = "nix";

/** The image that every host has; its kernel is what KVM must start to be believed. */
const PROOF_IMAGE = "base";

/** @throws CliError when a driver was asked for by name and what it needs is missing. */
export async function chooseDriver(config: NodeConfig, host: DriverPorts): Promise<GuardedHypervisor> {
  const ports = config.cgroup === undefined ? host : { ...host, cgroups: openCgroups(config, config.cgroup) };
  if (config.driver === "microvm-nix") {
    refuseBridges(config, "microvm-nix");
    return startNixDriver(config, ports);
  }
  const qemu = config.driver === "process" ? undefined : await findExecutable(QEMU);
  return match({ wanted: config.driver, qemu, images: config.imagesDir })
    .returnType<Promise<GuardedHypervisor>>()
    .with({ wanted: "qemu", qemu: P.nullish }, () => {
      const message = `Cannot start node "${config.name}" with the driver "qemu": there is no ${QEMU} on the path`;
      const hint = 'On Debian: "apt-get install qemu-system-x86". Or use "--driver process", which isolates nothing.';
      throw new CliError(EXIT.failed, message, { hint });
    })
    .with({ qemu: P.nullish }, async () => {
      refuseBridges(config, "process");
      ports.logger.log("warn", "VMs run as plain processes, which isolates nothing: no hypervisor was chosen or found");
      const users = await openVmUsers(config, "process", ports.logger);
      return createProcessHypervisor({ ...ports, ...users, stateDir: config.dataDir });
    })
    .with({ images: P.nullish }, () => {
      throw usageError('The driver "qemu" needs guest images.', "Give their folder with --images.");
    })
    .with({ qemu: P.string, images: P.string }, async (found) => startQemuDriver(config, ports, found))
    .exhaustive();
}

/** @throws CliError when that folder cannot limit anything: to run VMs without what was asked for is not for the node to decide. */
function openCgroups({ name: node, dataDir, vmIo }: NodeConfig, folder: string): InstanceCgroups {
  let ioMax: string | undefined;
  try {
    ioMax = vmIo === undefined ? undefined : ioMaxLine(diskUnder(dataDir), vmIo);
  } catch (error) {
    const message = `Cannot start node "${node}" with --vm-io: ${(error as Error).message}`;
    throw new CliError(EXIT.failed, message, { hint: "Put --data on a disk, or leave --vm-io out.", cause: error });
  }
  try {
    return new InstanceCgroups(folder, ioMax === undefined ? {} : { ioMax });
  } catch (error) {
    if (!(error instanceof CgroupError)) throw error;
    const message = `Cannot start node "${node}" with --cgroup: ${error.message}`;
    throw new CliError(EXIT.failed, message, { hint: error.hint, cause: error });
  }
}

/** @throws CliError: a driver whose guests have no cards in bridges must not be taken for one that has. */
function refuseBridges({ name, bridges }: NodeConfig, driver: string): void {
  if (bridges.length === 0) return;
  const message = `Cannot start node "${name}" with --bridges: the driver "${driver}" attaches no cards to bridges`;
  throw new CliError(EXIT.usage, message, { hint: 'Only "--driver qemu" does; or leave --bridges out.' });
}

async function startQemuDriver(
  config: NodeConfig,
  ports: DriverPorts,
  { qemu, images }: { readonly qemu: string; readonly images: string },
): Promise<GuardedHypervisor> {
  const { name, dataDir, insecureMigration, bridges, standbys } = config;
  await checkBridges(bridges).catch((error: unknown) => {
    if (!(error instanceof BridgeError)) throw error;
    const message = `Cannot start node "${name}" with --bridges: ${error.message}`;
    throw new CliError(EXIT.failed, message, { hint: error.hint, cause: error });
  });
  const kvm = await proveKvm({ qemu, imagesDir: images, image: PROOF_IMAGE, cacheDir: join(dataDir, "kvm") });
  const words = kvm.works ? "VMs run in QEMU with KVM" : "VMs run in QEMU with emulated CPUs";
  ports.logger.log("info", words, { qemu, kvm: kvm.detail });
  const acceleration = kvm.works ? "kvm" : "tcg";
  const ceph = { ...config.ceph, owner: config.clusterId };
  const options = {
    stateDir: dataDir,
    imagesDir: images,
    acceleration,
    qemu,
    insecureMigration,
    bridges,
    ceph,
  } as const;
  const room = { standbys, memoryMiB: hostCapacity(config).memoryMiB };
  return createQemuHypervisor({ ...ports, ...(await openVmUsers(config, "qemu", ports.logger)), ...options, ...room });
}

async function startNixDriver(config: NodeConfig, ports: DriverPorts): Promise<GuardedHypervisor> {
  const { dataDir, imagesDir } = config;
  if (config.nixFile === undefined)
    throw usageError('The driver "microvm-nix" needs the settings of Nix.', "Give --nix.");
  const { settings, kvm } = readNixFile(config.nixFile, dataDir);
  const nix = await findExecutable(settings.nix ?? NIX);
  if (nix === undefined) {
    const message = `Cannot start node "${config.name}" with the driver "microvm-nix": there is no ${settings.nix ?? NIX}`;
    throw new CliError(EXIT.failed, message, { hint: 'On Debian: "apt-get install nix-bin".' });
  }
  const proof =
    kvm !== undefined
      ? { works: kvm, detail: `the settings of Nix say "kvm: ${kvm}"` }
      : imagesDir === undefined
        ? { works: false, detail: 'nothing to prove it with: give --images, or "kvm: true" in the settings of Nix' }
        : await proveKvm({ imagesDir, image: PROOF_IMAGE, cacheDir: join(dataDir, "kvm") });
  const words = proof.works
    ? "VMs are built by Nix and run with KVM"
    : "VMs are built by Nix and run in QEMU with emulated CPUs";
  ports.logger.log("info", words, { nix, kvm: proof.detail });
  const acceleration = proof.works ? "kvm" : "tcg";
  const users = await openVmUsers(config, "microvm-nix", ports.logger);
  return createMicrovmNixHypervisor({ ...ports, ...users, stateDir: dataDir, nix: settings, acceleration });
}
