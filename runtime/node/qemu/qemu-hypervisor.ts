/**
 * The `qemu` driver: microVMs by QEMU, one process each, no libvirt; network cards by QEMU itself or in bridges of the host (taps.ts).
 *
 * A guest is asked to stop through its init, not by `system_powerdown`: a microvm has no power button that a kernel
 * without ACPI hotplug listens to, and `poweroff` may hang there. The init ends the service and restarts the machine, which
 * `-no-reboot` turns into QEMU's end.
 */
import { chmodSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HypervisorBuildInfo, InstanceLaunch } from "../../ports/hypervisor.ts";
import { GuardedHypervisor } from "../instances/guarded-hypervisor.ts";
import type { GuardedHypervisorOptions } from "../instances/guarded-options.ts";
import { InstanceStore, VMM_LOG } from "../instances/instance-store.ts";
import {
  type Machine,
  type MachineCommand,
  type MachineContext,
  type MachineDriver,
  StartRefusal,
  VerbError,
} from "../instances/machine-driver.ts";
import { CONSOLE_LOG } from "../instances/console-log.ts";
import { CheckpointStore } from "../instances/checkpoint-store.ts";
import { type AttachedDisk, DiskStore, localDisk } from "./disks.ts";
import { attachedCards, cardIdentities } from "./cards.ts";
import { CEPH_DEFAULTS, CEPH_FILES, CephAccess, type CephSettings } from "./ceph-access.ts";
import { guestName } from "./guest-files.ts";
import { disksDiffer } from "./kept-disks.ts";
import { type GuestNeeds, HostFacts, machineOf, processorOf } from "./guest-needs.ts";
import { KernelCopies } from "./kernel-copies.ts";
import { findImage, layFiles } from "./launch-image.ts";
import { type MachineNote, writeNote } from "./machine-note.ts";
import { OpenedFiles } from "./opened-files.ts";
import { type Acceleration, INITRAMFS, type MachineSpec, qemuArguments } from "./qemu-arguments.ts";
import { MEMORY_PART } from "./qemu-checkpoint.ts";
import { readTraits } from "./qemu-traits.ts";
import { QemuMachine } from "./qemu-machine.ts";
import { CheckpointReader } from "./qemu-restore.ts";
import type { QemuHost } from "./qemu-verbs.ts";
import { RbdImages, type WrittenImage } from "./rbd-images.ts";
import { seedDisk, seedFiles } from "./seed-disk.ts";
import { TapDevices } from "./taps.ts";

export interface QemuHypervisorOptions extends GuardedHypervisorOptions {
  /** Holds a folder an image: `<imagesDir>/<name>/{kernel,initramfs,image.json}`. */
  readonly imagesDir: string;
  /** `kvm` only where `proveKvm` said that it works. */
  readonly acceleration: Acceleration;
  /** Holds this host's checkpoints; belongs to one process at a time. Default: `checkpoints` in `stateDir`. */
  readonly checkpointsDir?: string;
  /** Lets guests move over networks, where their memory can be read and changed on the way: nothing encrypts it. Default: loopback only. */
  readonly insecureMigration?: boolean;
  /** Bridges of this host that guests' cards may be ports of; `checkBridges` says whether they can be. Default: none. */
  readonly bridges?: readonly string[];
  /** Where disks of RBD are. Default: `CEPH_DEFAULTS`. */
  readonly ceph?: CephSettings;
  /** QEMU's program. Default: `qemu-system-x86_64` on the path. */
  readonly qemu?: string;
}

const QEMU = "qemu-system-x86_64";
/** In the instance's folder; goes with it. */
const SEED = "seed.iso";
/** Its serial number. */
const SEED_DISK = "cidata";
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1)$/;

type BareSpec = Omit<MachineSpec, "boot" | "memory">;

export function createQemuHypervisor(options: QemuHypervisorOptions): GuardedHypervisor {
  const driver = new QemuDriver(options);
  const hypervisor = new GuardedHypervisor(driver, options);
  driver.collect(hypervisor);
  return hypervisor;
}

class QemuDriver implements MachineDriver {
  readonly name = "qemu";
  readonly capabilities: MachineDriver["capabilities"];
  readonly #options: QemuHypervisorOptions;
  readonly #host: QemuHost;
  readonly #sandbox: boolean;
  readonly #ceph: CephAccess;
  readonly #disks: DiskStore;
  readonly #kernels: KernelCopies;
  readonly #instances: InstanceStore;
  readonly #taps: TapDevices;
  #collected: Promise<void> = Promise.resolve();

  constructor(options: QemuHypervisorOptions) {
    this.#options = options;
    const { stateDir, logger, bridges = [] } = options;
    this.#ceph = new CephAccess(options.ceph ?? CEPH_DEFAULTS);
    this.#disks = new DiskStore(stateDir, this.#ceph.user);
    this.#kernels = new KernelCopies(stateDir);
    this.#instances = new InstanceStore(stateDir);
    this.#taps = new TapDevices({ stateDir, bridges, logger });
    const checkpoints = new CheckpointStore(options.checkpointsDir ?? join(options.stateDir, "checkpoints"));
    this.#host = {
      checkpoints,
      reader: new CheckpointReader(checkpoints),
      disks: this.#disks,
      facts: new HostFacts(),
      images: new RbdImages(this.#ceph, logger),
      emulated: options.acceleration === "tcg",
      checkPeer: (address) => checkPeer(address, options.insecureMigration ?? false),
    };
    const traits = readTraits(options.qemu ?? QEMU);
    this.#sandbox = traits?.sandbox ?? false;
    const build = traits === undefined ? undefined : buildOf(traits.version, options.acceleration);
    this.capabilities = {
      isolation: true,
      accelerated: options.acceleration === "kvm",
      adopt: true,
      lacks: bridges.length === 0 ? { taps: "it was started without --bridges" } : {},
      bridges,
      ...(build === undefined ? {} : { build }),
    };
  }

  /** Removes network devices of instances that ended while no node was here. Guests with such devices are started after it. */
  collect(hypervisor: GuardedHypervisor): void {
    if (!this.#taps.any) return;
    // The folders of those that have ended are cleared by it.
    const listed = new Promise<void>((resolve) => hypervisor.list(() => resolve()));
    this.#collected = listed.then(() => this.#taps.collect(this.#instances.ids()));
  }

  async prepare(
    launch: InstanceLaunch,
    folder: string,
    user: number | undefined,
    stands: () => boolean,
  ): Promise<MachineCommand> {
    const qemu = await this.#program();
    const image = await findImage(this.#options.imagesDir, launch.image);
    const files = new OpenedFiles();
    const hasRbd = (launch.disks ?? []).some(({ source }) => source?.type === "rbd");
    if (hasRbd) this.#ceph.layFiles(folder);
    const moves = launch.from?.type === "migration";
    const images = await this.#host.images.admit(launch.disks ?? [], { vm: launch.vm, moves, stands });
    const disks = (await this.#attachDisks(launch, folder)).map((disk) => files.disk(disk));
    const cards = await this.#attachCards(launch, user);
    const key = hasRbd ? { cephKey: CEPH_FILES.key } : {};
    const spec = { ...this.#spec(launch, cards), disks, descriptors: files.descriptors, ...key };
    const args = await this.#arguments({
      qemu,
      image: image.folder,
      launch,
      folder,
      spec,
      parameters: image.parameters,
      images,
      files,
      user,
    });
    return {
      argv: [qemu, ...args],
      env: { PATH: "/run/current-system/sw/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      output: VMM_LOG,
      files: files.files,
      reads: [...(launch.from === undefined ? [INITRAMFS] : []), ...(hasRbd ? Object.values(CEPH_FILES) : [])],
      appends: [CONSOLE_LOG],
      devices: [
        ...(this.#options.acceleration === "kvm" ? ["/dev/kvm"] : []),
        ...(cards.some(({ backend }) => backend.type === "tap") ? ["/dev/net/tun"] : []),
      ],
    };
  }

  canStandBy({ from, disks = [], cloudInit, networks, balloon }: InstanceLaunch): boolean {
    const isPlain = disks.length === 0 && cloudInit === undefined && networks === undefined && balloon !== true;
    // Of a checkpoint whose memory is no file, each standby would hold all of it.
    return isPlain && from?.type === "checkpoint" && this.#host.reader.hasPart(from.id, MEMORY_PART);
  }

  async dress(launch: InstanceLaunch, folder: string): Promise<void> {
    const { from } = launch;
    if (from?.type !== "checkpoint") throw new StartRefusal("failed", "it is not started from a checkpoint");
    const [qemu, image] = await Promise.all([this.#program(), findImage(this.#options.imagesDir, launch.image)]);
    const needs = this.#needs(this.#spec(launch, attachedCards(launch, new Map())));
    await this.#openCheckpoint(from.id, { qemu, image: image.folder, needs });
    writeNote(folder, { needs, image: image.folder, memoryIsFile: false, waitsFor: from, isLoaded: true });
  }

  attach(to: MachineContext): Machine {
    return new QemuMachine(to, this.#host);
  }

  async release(instance: string): Promise<void> {
    await this.#taps.remove(instance, this.#instances.ids());
  }

  keepOnly(instances: readonly string[]): void {
    try {
      this.#disks.keepOnly(instances);
    } catch (error) {
      this.#options.logger.log("error", "Cannot delete the disks of instances that are over", { cause: error });
    }
  }

  keepOnlyCheckpoints(ids: readonly string[]): void {
    const { checkpoints, reader } = this.#host;
    const { logger } = this.#options;
    for (const id of checkpoints.ids().filter((each) => !ids.includes(each))) {
      try {
        reader.forget(id);
        checkpoints.drop(id);
        logger.log(
          "info",
          `Removed what this host had of checkpoint "${id}", which the cluster does not know of any more`,
        );
      } catch (error) {
        logger.log("error", `Cannot remove what this host has of checkpoint "${id}"`, { cause: error });
      }
    }
  }

  async checkCheckpoint(id: string): Promise<void> {
    await this.#host.reader.check(id);
  }

  async dropCheckpoint(id: string): Promise<void> {
    this.#host.reader.forget(id);
    this.#host.checkpoints.drop(id);
  }

  async #program(): Promise<string> {
    const { qemu = QEMU } = this.#options;
    const found = await this.#host.facts.program(qemu);
    if (found !== undefined) return found;
    const message = `${qemu} is not installed: install the package qemu-system-x86 (or qemu), or use the process driver`;
    throw new StartRefusal("hypervisor-missing", message);
  }

  #spec(launch: InstanceLaunch, cards: MachineSpec["cards"]): BareSpec {
    return {
      name: launch.instance,
      acceleration: this.#options.acceleration,
      vcpus: launch.vcpus,
      memoryMiB: launch.memoryMiB,
      cards,
      balloon: launch.balloon ?? false,
      sandbox: this.#sandbox,
      disks: [],
    };
  }

  #needs(spec: BareSpec): MachineNote["needs"] {
    return {
      machine: machineOf(qemuArguments({ ...spec, boot: undefined, memory: { type: "own" } })),
      cpu: processorOf(spec.acceleration),
      vcpus: spec.vcpus,
      memoryMiB: spec.memoryMiB,
    };
  }

  /** Resolves with whether its memory is a file. @throws {StartRefusal} */
  async #openCheckpoint(
    id: string,
    here: { readonly qemu: string; readonly image: string; readonly needs: MachineNote["needs"] },
  ): Promise<boolean> {
    const { facts, reader } = this.#host;
    const [version, imageSha256] = await Promise.all([facts.version(here.qemu), facts.image(here.image)]);
    const needs: GuestNeeds = { ...here.needs, version, imageSha256 };
    const { parts } = await reader.open(id, needs);
    return parts.some(({ name }) => name === MEMORY_PART);
  }

  /** QEMU's command line, and beside it the note of what its guest needs. */
  async #arguments(of: {
    readonly qemu: string;
    readonly image: string;
    readonly launch: InstanceLaunch;
    readonly folder: string;
    readonly parameters: readonly string[];
    readonly spec: BareSpec;
    readonly images: readonly WrittenImage[];
    readonly files: OpenedFiles;
    readonly user: number | undefined;
  }): Promise<readonly string[]> {
    const { qemu, image, launch, folder, spec, parameters, images, files, user } = of;
    const { from } = launch;
    const waiting: MachineSpec = { ...spec, boot: undefined, memory: { type: "own" } };
    const needs = this.#needs(spec);
    // A balloon gives pages back to the file that they are of, and so would a clone's to the checkpoint's.
    const plain: MachineNote = { needs, image, memoryIsFile: !spec.balloon };
    const local = localDisk(launch.disks ?? []);
    const noted = spec.disks.flatMap((disk) => disk.noted ?? []);
    const note: MachineNote = {
      ...plain,
      ...(noted.length === 0 ? {} : { disks: noted }),
      ...(local === undefined ? {} : { localDisk: local }),
      ...(images.length === 0 ? {} : { images }),
      ...(launch.networks === undefined ? {} : { cards: cardIdentities(launch) }),
    };
    if (from === undefined) {
      await layFiles(join(folder, INITRAMFS), image, launch);
      writeNote(folder, note);
      const own = join(image, "kernel");
      const kernel = user === undefined ? own : files.path(this.#kernels.of(launch.image, own), false);
      return qemuArguments({ ...waiting, boot: { kernel, initramfs: INITRAMFS, parameters } });
    }
    if (from.type === "migration") {
      this.#host.checkPeer(from.listenAddress);
      if (local !== undefined) throw new StartRefusal("unsupported", `its disk "${local}" is on the other host alone`);
      writeNote(folder, { ...note, waitsFor: from });
      return qemuArguments(waiting);
    }
    const isShared = await this.#openCheckpoint(from.id, { qemu, image, needs });
    writeNote(folder, { ...note, memoryIsFile: note.memoryIsFile && !isShared, waitsFor: from });
    if (!isShared) return qemuArguments(waiting);
    let path = this.#host.reader.path(from.id, MEMORY_PART);
    if (user !== undefined) {
      // Clones have a user each, and QEMU wants to write to what it maps. Nobody but the node has a way to the file.
      chmodSync(path, 0o666);
      path = files.path(path, true);
    }
    return qemuArguments({ ...waiting, memory: { type: "copy-on-write", path } });
  }

  async #attachCards(launch: InstanceLaunch, owner?: number): Promise<MachineSpec["cards"]> {
    const { instance, networks = [] } = launch;
    if (!networks.some(({ kind }) => kind === "tap")) return attachedCards(launch, new Map());
    await this.#collected;
    return attachedCards(launch, await this.#taps.make(instance, networks, { kept: this.#instances.ids(), owner }));
  }

  /** Its disks, and the one that cloud-init reads. */
  async #attachDisks(launch: InstanceLaunch, folder: string): Promise<readonly AttachedDisk[]> {
    const disks = await this.#ownDisks(launch);
    const files = seedFiles(launch, guestName(launch));
    if (files.length === 0) return disks;
    await writeFile(join(folder, SEED), seedDisk(files), { mode: 0o600 });
    return [
      ...disks,
      { name: SEED_DISK, readOnly: true, device: { driver: "raw", file: { driver: "file", filename: SEED } } },
    ];
  }

  /** As they were left, or as they are in the checkpoint that the guest is started from. */
  async #ownDisks({ instance, from, disks = [] }: InstanceLaunch): Promise<readonly AttachedDisk[]> {
    if (from?.type !== "checkpoint") return this.#disks.attach(instance, disks);
    const { reader, facts } = this.#host;
    const { id } = from;
    const kept = (await reader.disks(id)) ?? [];
    const refuse = (why: string): never => {
      throw new StartRefusal("incompatible", `checkpoint "${id}" does not fit: ${why}`);
    };
    const difference = disksDiffer(disks, kept);
    if (difference !== undefined) refuse(difference);
    for (const { name, image } of kept) {
      if (image === undefined) continue;
      const sha256 = await facts.diskImage(this.#disks.imagePath(name, image.file));
      if (sha256 !== image.sha256) refuse(`disk "${name}": the disk image "${image.file}" is another one than it had`);
    }
    return this.#disks.restore(instance, kept, (part) => reader.path(id, part));
  }
}

/** What a guest that moves here meets. */
function buildOf(version: string, acceleration: Acceleration): HypervisorBuildInfo {
  const card = { id: "net", mac: "", backend: { type: "user", ports: [] } } as const;
  const plain = { name: "", acceleration, vcpus: 1, memoryMiB: 1, cards: [card], disks: [], balloon: false };
  const machine = machineOf(qemuArguments({ ...plain, sandbox: false, boot: undefined, memory: { type: "own" } }));
  return { version, machine, cpu: processorOf(acceleration) };
}

function checkPeer(address: string, isAllowed: boolean): void {
  if (isAllowed || LOOPBACK.test(address)) return;
  const why = `its memory would cross the network to ${address} unencrypted: start the nodes with --insecure-migration where nobody listens`;
  throw new VerbError("unsupported", why);
}
