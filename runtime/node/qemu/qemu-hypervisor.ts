/**
 * The `qemu` driver: microVMs by QEMU, one process each, no libvirt, no disk, user-mode network.
 *
 * A guest is asked to stop through its init, not by `system_powerdown`: a microvm has no power button that a kernel
 * without ACPI hotplug listens to, and `poweroff` may hang there. The init ends the service and restarts the machine, which
 * `-no-reboot` turns into QEMU's end.
 */
import { constants } from "node:fs";
import { appendFile, copyFile, readFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import { findExecutable } from "../find-executable.ts";
import type { GuardedCommand } from "../guard/guard.ts";
import { GuardedHypervisor, type GuardedHypervisorOptions } from "../instances/guarded-hypervisor.ts";
import { VMM_LOG } from "../instances/instance-store.ts";
import { type Machine, type MachineContext, type MachineDriver, StartRefusal } from "../instances/machine-driver.ts";
import { guestFiles } from "./guest-files.ts";
import { type Acceleration, INITRAMFS, qemuArguments } from "./qemu-arguments.ts";
import { QemuMachine } from "./qemu-machine.ts";

export interface QemuHypervisorOptions extends GuardedHypervisorOptions {
  /** Holds a folder an image: `<imagesDir>/<name>/{kernel,initramfs,image.json}`. */
  readonly imagesDir: string;
  /** `kvm` only where `proveKvm` said that it works. */
  readonly acceleration: Acceleration;
  /** QEMU's program. Default: `qemu-system-x86_64` on the path. */
  readonly qemu?: string;
}

const QEMU = "qemu-system-x86_64";
const IMAGE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export function createQemuHypervisor(options: QemuHypervisorOptions): GuardedHypervisor {
  return new GuardedHypervisor(new QemuDriver(options), options);
}

class QemuDriver implements MachineDriver {
  readonly name = "qemu";
  readonly capabilities: MachineDriver["capabilities"];
  readonly #options: QemuHypervisorOptions;

  constructor(options: QemuHypervisorOptions) {
    this.#options = options;
    this.capabilities = {
      isolation: true,
      accelerated: options.acceleration === "kvm",
      adopt: true,
      lacks: {
        checkpoint: "not built yet",
        migrate: "not built yet",
      },
    };
  }

  async prepare(launch: InstanceLaunch, folder: string): Promise<GuardedCommand> {
    const qemu = await findExecutable(this.#options.qemu ?? QEMU);
    if (qemu === undefined) {
      const message = `${this.#options.qemu ?? QEMU} is not installed: install the package qemu-system-x86 (or qemu), or use the process driver`;
      throw new StartRefusal("hypervisor-missing", message);
    }
    const image = await this.#image(launch.image);
    const initramfs = join(folder, INITRAMFS);
    await copyFile(join(image, "initramfs"), initramfs, constants.COPYFILE_FICLONE);
    // The kernel unpacks archives that begin at a multiple of four; every archive of ours ends at one.
    await appendFile(initramfs, guestFiles(launch), { mode: 0o600 });
    const args = qemuArguments({
      name: launch.instance,
      acceleration: this.#options.acceleration,
      vcpus: launch.vcpus,
      memoryMiB: launch.memoryMiB,
      kernel: join(image, "kernel"),
      initramfs: INITRAMFS,
      mac: macAddress(launch.instance),
      ports: launch.ports,
      balloon: launch.balloon ?? false,
    });
    return {
      argv: [qemu, ...args],
      env: { PATH: "/run/current-system/sw/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      output: VMM_LOG,
    };
  }

  attach(to: MachineContext): Machine {
    return new QemuMachine(to);
  }

  async #image(name: string): Promise<string> {
    const { imagesDir } = this.#options;
    const image = join(imagesDir, name);
    const description = IMAGE_NAME.test(name)
      ? await readFile(join(image, "image.json"), "utf8").catch(() => undefined)
      : undefined;
    if (description === undefined) {
      throw new StartRefusal("image-missing", `no guest image "${name}" in ${imagesDir}: build or copy it there`);
    }
    return image;
  }
}

/** Stable for an instance, different between instances; 52:54:00 is QEMU's own prefix. */
function macAddress(instance: string): string {
  const digits = createHash("sha256").update(`blixard mac ${instance}`).digest("hex");
  return `52:54:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
}
