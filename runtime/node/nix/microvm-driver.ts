/**
 * The `microvm-nix` driver: a VM is a NixOS configuration, built by microvm.nix into a runner for one of seven hypervisors.
 *
 * `prepare` checks the VM's wishes against the hypervisor (runtime/microvm), builds the runner (build/), writes the seed and hands the
 * guard a command that becomes the hypervisor (run-machine.sh). Units of systemd (`microvm@NAME`) are not used, since they live outside of
 * the guard, which could not end them at the lease: docs/decisions/0025-microvm-nix.md.
 */
import { appendFileSync, existsSync, readFileSync, realpathSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkMicrovm, type MicrovmConfig } from "../../microvm/index.ts";
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import type { Logger } from "../../ports/logger.ts";
import { FIRST_FILE } from "../guard/guard.ts";
import { CONSOLE_LOG } from "../instances/console-log.ts";
import { GuardedHypervisor } from "../instances/guarded-hypervisor.ts";
import type { GuardedHypervisorOptions } from "../instances/guarded-options.ts";
import { InstanceStore, PRIVATE_FOLDER } from "../instances/instance-store.ts";
import {
  type Machine,
  type MachineCommand,
  type MachineContext,
  type MachineDriver,
  StartRefusal,
} from "../instances/machine-driver.ts";
import { NixError } from "./build/nix-error.ts";
import type { NixSettings } from "./build/nix-settings.ts";
import { pushClosure } from "./build/push-closure.ts";
import { RunnerBuilder } from "./build/runner-builder.ts";
import { readRunner, type RunnerPackage } from "./build/runner-package.ts";
import { SEED_FILE, splitFlake, USER_INTERFACE, vmJson, VOLUMES } from "./build/vm-json.ts";
import { HOST_PATH, HostInterfaces } from "./host-interfaces.ts";
import { MicrovmMachine, type MicrovmNote, NOTE_FILE, RUNNER_LINK } from "./microvm-machine.ts";
import { whatRunnerTakes, whyNodeUser } from "./node-rights.ts";
import { seedDisk } from "./seed.ts";
import { giveVolumes } from "./volumes.ts";

export interface MicrovmNixHypervisorOptions extends GuardedHypervisorOptions {
  readonly nix: NixSettings;
  /** `kvm` only where `proveKvm` said that it works; with `tcg` QEMU emulates, and the other hypervisors are refused. */
  readonly acceleration: "kvm" | "tcg";
}

const SCRIPT = join(import.meta.dirname, "run-machine.sh");
const VMS = "vms";
/** What a spec says that names no image (actors/resources/vm.ts). */
const DEFAULT_IMAGE = "base";

export function createMicrovmNixHypervisor(options: MicrovmNixHypervisorOptions): GuardedHypervisor {
  const driver = new MicrovmDriver(options);
  const hypervisor = new GuardedHypervisor(driver, options);
  // Clears the folders of instances that ended while no node was here.
  driver.collect(new Promise((resolve) => hypervisor.list(() => resolve())));
  return hypervisor;
}

class MicrovmDriver implements MachineDriver {
  readonly name = "microvm-nix";
  readonly capabilities: MachineDriver["capabilities"];
  readonly #options: MicrovmNixHypervisorOptions;
  readonly #builder: RunnerBuilder;
  readonly #interfaces: HostInterfaces;
  readonly #logger: Logger;
  readonly #store: InstanceStore;
  #collected: Promise<void> = Promise.resolve();

  constructor(options: MicrovmNixHypervisorOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#store = new InstanceStore(options.stateDir);
    const vmsDir = join(options.stateDir, VMS);
    this.#builder = new RunnerBuilder(options.nix, vmsDir);
    this.#interfaces = new HostInterfaces(vmsDir, options.logger);
    this.capabilities = {
      isolation: true,
      accelerated: options.acceleration === "kvm",
      adopt: true,
      // Each VM's runner has its own hypervisor; what they are is compared by nobody, since none of them moves.
      build: { version: "microvm.nix", machine: "a runner each", cpu: options.acceleration === "kvm" ? "host" : "max" },
      lacks: {
        checkpoint: "a runner of microvm.nix boots its guest, it cannot begin with one: use the driver qemu",
        migrate: "a runner of microvm.nix cannot wait for a guest from elsewhere: use the driver qemu",
        console: "a runner of microvm.nix writes its console to the log and reads none: use ssh, or the driver qemu",
        networks: "a NixOS configuration names its cards in spec.microvm.interfaces",
      },
    };
  }

  /** Takes down interfaces of VMs that ended while no node was here, once `cleared`. Starts wait for it. */
  collect(cleared: Promise<void>): void {
    this.#collected = cleared.then(() => this.#collect());
  }

  needsNodeUser({ microvm }: InstanceLaunch): string | undefined {
    return microvm === undefined ? undefined : whyNodeUser(microvm);
  }

  async prepare(launch: InstanceLaunch, folder: string, user?: number): Promise<MachineCommand> {
    const config: MicrovmConfig = launch.microvm ?? { hypervisor: "qemu" };
    this.#check(launch, config);
    await this.#collected;
    // One that was just ending when this process began is found here.
    await this.#collect();
    const runner = await this.#build(launch, config, join(folder, CONSOLE_LOG));
    this.#refuseShared(launch.instance, runner);
    const taken = user === undefined ? undefined : whatRunnerTakes(runner);
    if (taken !== undefined) {
      const why = `its configuration takes ${taken} of the host, which only the node may, and it is to run as user ${user}: name it in spec.microvm`;
      throw new StartRefusal("unsupported", why);
    }
    const link = join(folder, RUNNER_LINK);
    await this.#nix(() => this.#builder.keep(runner.path, link));
    const volumes = join(this.#builder.folder(launch.vm), VOLUMES);
    await mkdir(volumes, { recursive: true, mode: 0o700 });
    giveVolumes(volumes, user);
    // Where its user may make sockets, and has a way to nothing else: its volumes' folder it is given open.
    const own = user === undefined ? "." : PRIVATE_FOLDER;
    const seed = join(own, SEED_FILE);
    await symlink(user === undefined ? volumes : `/proc/self/fd/${FIRST_FILE}`, join(folder, own, VOLUMES));
    await writeFile(join(folder, seed), seedDisk(launch), { mode: 0o600 });
    const userInterface = config.interfaces?.find(({ type }) => type === "user")?.id;
    const note: MicrovmNote = {
      hypervisor: runner.hypervisor,
      memoryMiB: launch.memoryMiB,
      socket: config.socket !== false,
      userInterface: userInterface ?? (config.interfaces === undefined ? USER_INTERFACE : undefined),
    };
    await writeFile(join(folder, NOTE_FILE), `${JSON.stringify(note)}\n`, { mode: 0o600 });
    // Of an earlier start that came no further.
    await this.#interfaces.down(launch.vm);
    this.#interfaces.willBeUp(launch.vm, runner.path);
    // microvm-run writes its guest's console to its standard output.
    const argv = ["/bin/sh", "-c", readFileSync(SCRIPT, "utf8"), "run-machine", realpathSync(link), own] as const;
    return {
      argv: [...argv],
      env: { PATH: HOST_PATH },
      output: CONSOLE_LOG,
      ...(user === undefined ? {} : { files: [{ path: volumes, writable: false }] }),
      reads: [seed],
      devices: this.#options.acceleration === "kvm" ? ["/dev/kvm"] : [],
    };
  }

  attach(to: MachineContext): Machine {
    return new MicrovmMachine(to, this.#interfaces);
  }

  /** A folder of an instance means that something of it may run, or is about to. */
  async #collect(): Promise<void> {
    const running = new Set(this.#store.ids().map((id) => this.#store.record(id)?.vm ?? ""));
    await this.#interfaces.collect(running).catch((error: unknown) => {
      this.#logger.log("warn", "Cannot take down interfaces of VMs that have ended", { cause: error });
    });
  }

  /** What cannot be, before anything is built. */
  #check(launch: InstanceLaunch, config: MicrovmConfig): void {
    const refuse = (why: string): never => {
      throw new StartRefusal("unsupported", why);
    };
    if (launch.from !== undefined) refuse(`the driver "${this.name}" starts guests in one way only: they boot`);
    if (launch.image !== DEFAULT_IMAGE) {
      refuse(`the driver "${this.name}" has no images, wanted "${launch.image}": a VM's system is built from its spec`);
    }
    const wanted = launch.balloon === true ? { ...config, balloon: true } : config;
    const [problem] = checkMicrovm(wanted, {
      vcpus: launch.vcpus,
      memoryMiB: launch.memoryMiB,
      publishesPorts: launch.ports.length > 0,
    });
    if (problem !== undefined) refuse(`microvm.${problem.path.join(".")}: ${problem.why}`);
    if (this.#options.acceleration === "tcg" && config.hypervisor !== "qemu") {
      refuse(`${config.hypervisor} needs KVM, which does not work on this host: qemu can emulate`);
    }
  }

  async #build(launch: InstanceLaunch, config: MicrovmConfig, console: string): Promise<RunnerPackage> {
    const startMs = performance.now();
    let steps = 0;
    // Where whoever waits for the VM looks.
    const say = (words: string): void => {
      try {
        appendFileSync(console, `[blixard] ${words}\n`);
      } catch {
        // A full disk is found out by what comes next.
      }
    };
    const built = this.#nix(() =>
      this.#builder.build({
        vm: vmJson(launch, { emulate: this.#options.acceleration === "tcg" }),
        module: config.module,
        own: config.flake === undefined ? undefined : splitFlake(config.flake).reference,
        lockFile: this.#options.nix.lockFile,
        onStep: (step) => {
          steps++;
          say(step);
        },
      }),
    );
    const runner = await built.catch((error: unknown) => {
      say((error as Error).message);
      throw error;
    });
    const buildMs = Math.round(performance.now() - startMs);
    if (steps === 0) return runner;
    this.#logger.log("info", `Built VM "${launch.vm}"`, { vm: launch.vm, runner: runner.path, buildMs });
    this.#push(launch.vm, runner.path);
    return runner;
  }

  /** The VM waits for none of it: another node that lacks the closure builds it itself. */
  #push(vm: string, runner: string): void {
    const { nix } = this.#options;
    if (nix.push === undefined) return;
    const { to } = nix.push;
    pushClosure(nix, runner, nix.push).then(
      () => this.#logger.log("info", `Copied VM "${vm}" to ${to}`, { vm, runner }),
      (error: unknown) => this.#logger.log("warn", `Cannot copy VM "${vm}" to ${to}`, { vm, runner, cause: error }),
    );
  }

  async #nix<Value>(run: () => Promise<Value>): Promise<Value> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof NixError)) throw error;
      if (error.failure === "missing") throw new StartRefusal("hypervisor-missing", error.message, error);
      throw new StartRefusal("build-failed", error.message, error);
    }
  }

  /** Interfaces and vsock addresses belong to the host: `tap-up` would take another VM's tap away without asking. */
  #refuseShared(instance: string, runner: RunnerPackage): void {
    for (const other of this.#store.ids()) {
      const link = join(this.#store.folder(other), RUNNER_LINK);
      if (other === instance || !existsSync(link)) continue;
      const theirs = readRunner(realpathSync(link));
      const names = new Set([...theirs.taps, ...theirs.macvtaps]);
      const shared = [...runner.taps, ...runner.macvtaps].find((name) => names.has(name));
      if (shared !== undefined) {
        throw new StartRefusal(
          "unsupported",
          `the interface "${shared}" is that of instance "${other}" on this host: name another`,
        );
      }
      if (runner.vsockCid !== undefined && runner.vsockCid === theirs.vsockCid) {
        const why = `the vsock address ${runner.vsockCid} is that of instance "${other}" on this host: choose another`;
        throw new StartRefusal("unsupported", why);
      }
    }
  }
}
