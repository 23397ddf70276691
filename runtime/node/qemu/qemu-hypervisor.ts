/**
 * The `qemu` driver: microVMs by QEMU, one process each, no libvirt, no disk, user-mode network.
 *
 * A guest is asked to stop through its init, not by `system_powerdown`: a microvm has no power button that a kernel
 * without ACPI hotplug listens to, and `poweroff` may hang there. The init ends the service and restarts the machine, which
 * `-no-reboot` turns into QEMU's end.
 */
import { constants } from "node:fs";
import { appendFile, copyFile, readFile, rm } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ExitReason, InstanceLaunch } from "../../ports/hypervisor.ts";
import { findExecutable } from "../find-executable.ts";
import { type GuardedCommand, type GuardExit, lastOutput } from "../guard/guard.ts";
import { isRunning } from "../guard/process-identity.ts";
import { CONSOLE_LOG } from "../instances/console-log.ts";
import { GuardedHypervisor, type GuardedHypervisorOptions } from "../instances/guarded-hypervisor.ts";
import { VMM_LOG } from "../instances/instance-store.ts";
import { type Machine, type MachineContext, type MachineDriver, StartRefusal } from "../instances/machine-driver.ts";
import { AgentLink } from "./agent-link.ts";
import { FolderHandle } from "./folder-handle.ts";
import { guestFiles } from "./guest-files.ts";
import { type Acceleration, AGENT_SOCKET, QMP_SOCKET, qemuArguments } from "./qemu-arguments.ts";
import { QmpClient } from "./qmp-client.ts";

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
const INITRAMFS = "initramfs";
/** From QEMU's start to its first answer: milliseconds, but a host may be busy. */
const READY_MS = 10_000;
const RETRY_MS = 10;
/** What the guest said last is in the socket already when its QEMU is gone. */
const LAST_WORDS_MS = 200;
const CONSOLE_LINES = 3;

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
        pause: "not built yet",
        checkpoint: "not built yet",
        migrate: "not built yet",
        balloon: "not built yet",
        metrics: "not built yet",
        exec: "not built yet",
        copy: "not built yet",
        console: "not built yet",
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

class QemuMachine implements Machine {
  readonly #context: MachineContext;
  readonly #folder: FolderHandle;
  #agent: AgentLink | undefined;
  #qmp: QmpClient | undefined;
  #serviceStatus: number | undefined;
  /** QEMU's word for why it ended: `guest-reset`, `guest-panic`, … */
  #shutdownReason = "unknown";
  #detached = false;
  readonly #connected: Promise<void>;

  constructor(context: MachineContext) {
    this.#context = context;
    this.#folder = new FolderHandle(context.folder);
    this.#connected = this.#connect();
    // Reported by `ready`; after an adoption, a QEMU that does not answer is still one that runs under its lease.
    this.#connected.catch(() => undefined);
  }

  async ready(): Promise<void> {
    await this.#connected;
    // Secrets may be among the files; QEMU has read them.
    await rm(join(this.#context.folder, INITRAMFS), { force: true });
  }

  requestStop(): void {
    void this.#connected.then(
      () => this.#agent?.requestStop(),
      () => undefined,
    );
  }

  tick(): void {
    // The guest's own heartbeat comes through the agent link.
  }

  async explain(exit: GuardExit): Promise<{ reason: ExitReason; detail: string }> {
    if (this.#agent !== undefined) {
      await Promise.race([this.#agent.closed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    }
    if (exit.reason === "lease") return { reason: "lease", detail: "its lease ended and its guard ended it" };
    if (exit.kind === "lost") return { reason: "crash", detail: "its guard was killed, and QEMU with it" };
    if (exit.kind === "signal") return { reason: "crash", detail: `QEMU was ended by signal ${exit.number}` };
    if (exit.number !== 0) {
      const said = await lastOutput(join(this.#context.folder, VMM_LOG), 1);
      return { reason: "crash", detail: `QEMU ended with status ${exit.number}: ${said}` };
    }
    if (this.#serviceStatus === 0) return { reason: "shutdown", detail: "its service ended with status 0" };
    if (this.#serviceStatus !== undefined) {
      return { reason: "crash", detail: `its service ended with status ${this.#serviceStatus}` };
    }
    const said = await lastOutput(join(this.#context.folder, CONSOLE_LOG), CONSOLE_LINES);
    const how = `the guest ended (${this.#shutdownReason}) without a word from its init`;
    return { reason: "crash", detail: said === "" ? how : `${how}; its console: ${said}` };
  }

  detach(): void {
    this.#detached = true;
    this.#qmp?.close();
    this.#agent?.close();
    this.#folder.close();
  }

  async #connect(): Promise<void> {
    const { child } = this.#context;
    const untilMs = performance.now() + READY_MS;
    for (;;) {
      try {
        this.#qmp = await QmpClient.connect({
          path: this.#folder.path(QMP_SOCKET),
          onEvent: ({ event, data }) => {
            if (event === "SHUTDOWN") this.#shutdownReason = String(data["reason"]);
          },
          onClose: () => undefined,
        });
        break;
      } catch (error) {
        if (this.#detached) return;
        if (!isRunning(child)) throw await this.#startFailure();
        if (performance.now() > untilMs)
          throw new StartRefusal("failed", `QEMU does not answer: ${String(error)}`, error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    if (this.#detached) return this.#qmp.close();
    this.#agent = new AgentLink({
      path: this.#folder.path(AGENT_SOCKET),
      onBooted: () => this.#context.report("booted"),
      onBeat: () => this.#context.report("heartbeat"),
      onServiceExit: (status) => (this.#serviceStatus = status),
    });
  }

  /** QEMU ended before it answered; it says why on its standard error. */
  async #startFailure(): Promise<StartRefusal> {
    const said = await lastOutput(join(this.#context.folder, VMM_LOG), 2);
    const forward = /Could not set up host forwarding rule 'tcp:([^']+)-:\d+'/.exec(said)?.[1];
    if (forward !== undefined) return new StartRefusal("port-in-use", `${forward} is in use by another program`);
    return new StartRefusal("failed", `QEMU ended at once: ${said || "without a word"}`);
  }
}

/** Stable for an instance, different between instances; 52:54:00 is QEMU's own prefix. */
function macAddress(instance: string): string {
  const digits = createHash("sha256").update(`blixard mac ${instance}`).digest("hex");
  return `52:54:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
}
