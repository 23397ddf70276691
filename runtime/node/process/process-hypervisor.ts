/**
 * The `process` driver: runs an instance's command as a plain process of the host.
 *
 * For hosts without a hypervisor, and for tests. It isolates nothing: the command sees the host's files, processes and
 * network with the node's rights (or, with `--vm-users`, with those of a user of its own), and `memoryMiB`, `vcpus` and `image` mean nothing to it. So that one command line serves
 * in a microVM too, files are laid below the instance's folder and the command finds them through BLIXARD_ROOT, and the
 * port to listen on through BLIXARD_PORT_<guest port>.
 */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ExitReason, InstanceLaunch } from "../../ports/hypervisor.ts";
import type { GuardExit } from "../guard/guard.ts";
import { groupMembers, processState, signalGroup } from "../guard/process-identity.ts";
import { CONSOLE_LOG } from "../instances/console-log.ts";
import { GuardedHypervisor } from "../instances/guarded-hypervisor.ts";
import type { GuardedHypervisorOptions } from "../instances/guarded-options.ts";
import {
  type Machine,
  type MachineCommand,
  type MachineContext,
  type MachineDriver,
  type MachineVerbs,
  StartRefusal,
  VerbError,
} from "../instances/machine-driver.ts";
import { readProcessUsage } from "../instances/process-usage.ts";

export interface ProcessHypervisorOptions extends GuardedHypervisorOptions {
  /** The PATH of the commands. Default: the usual folders, NixOS's among them. */
  readonly searchPath?: string;
}

const SEARCH_PATH = "/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Below the instance's folder: what the guest's root folder would be. */
const ROOT = "root";
const SIGNAL_TERM = 15;

export function createProcessHypervisor(options: ProcessHypervisorOptions): GuardedHypervisor {
  return new GuardedHypervisor(new ProcessDriver(options.searchPath ?? SEARCH_PATH), options);
}

class ProcessDriver implements MachineDriver {
  readonly name = "process";
  readonly capabilities: MachineDriver["capabilities"] = {
    isolation: false,
    accelerated: false,
    adopt: true,
    lacks: {
      checkpoint: "a process has no memory image that could be started again",
      migrate: "a process cannot leave its host",
      balloon: "a process has the host's memory",
      exec: "a process is no guest that commands could run in",
      copy: "a process has the host's files",
      console: "a process has no terminal",
      networks: "a process has the host's network",
    },
  };
  readonly #searchPath: string;

  constructor(searchPath: string) {
    this.#searchPath = searchPath;
  }

  async prepare(launch: InstanceLaunch, folder: string): Promise<MachineCommand> {
    const [program, ...rest] = launch.command;
    if (program === undefined) {
      const message = "the process driver has no guest image that could run by itself: give the VM a command";
      throw new StartRefusal("unsupported", message);
    }
    const root = join(folder, ROOT);
    await mkdir(root);
    for (const file of launch.files) {
      const path = join(root, file.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.content);
      await chmod(path, Number.parseInt(file.mode, 8));
    }
    const ports = launch.ports.map((port) => [`BLIXARD_PORT_${port.guestPort}`, String(port.hostPort)]);
    const env = {
      PATH: this.#searchPath,
      ...launch.env,
      ...Object.fromEntries(ports),
      BLIXARD_ROOT: root,
      BLIXARD_VM: launch.vm,
      BLIXARD_INSTANCE: launch.instance,
      BLIXARD_NODE: launch.node,
    };
    return { argv: [program, ...rest], env, output: CONSOLE_LOG, owns: [ROOT] };
  }

  attach(to: MachineContext): Machine {
    return new ProcessMachine(to);
  }
}

class ProcessMachine implements Machine {
  readonly #context: MachineContext;
  #detached = false;

  constructor(context: MachineContext) {
    this.#context = context;
  }

  async ready(): Promise<void> {
    // There is no guest to wait for. The word comes after the answer to `start`, as it does from a guest.
    setImmediate(() => {
      if (!this.#detached) this.#context.report("booted");
    });
  }

  readonly verbs: MachineVerbs = {
    pause: async () => this.#signal("SIGSTOP"),
    resume: async () => this.#signal("SIGCONT"),
    readMetrics: async () => readProcessUsage(groupMembers(this.#context.child)),
  };

  /** One that stands still is set going, for only so can it end by itself. */
  requestStop(): void {
    signalGroup(this.#context.child, "SIGTERM");
    signalGroup(this.#context.child, "SIGCONT");
  }

  /** The nearest thing to a guest's heartbeat: the process is there and not held by a debugger or SIGSTOP. */
  tick(): void {
    const state = processState(this.#context.child);
    if (state !== undefined && state !== "T" && state !== "t") this.#context.report("heartbeat");
  }

  async explain(exit: GuardExit): Promise<{ reason: ExitReason; detail: string }> {
    return explainProcessExit(exit);
  }

  detach(): void {
    this.#detached = true;
  }

  #signal(signal: "SIGSTOP" | "SIGCONT"): void {
    if (!signalGroup(this.#context.child, signal)) throw new VerbError("not-running", "its process has ended");
  }
}

/** A process's end in the port's words. */
function explainProcessExit(exit: GuardExit): { reason: ExitReason; detail: string } {
  if (exit.reason === "lease") return { reason: "lease", detail: "its lease ended and its guard ended it" };
  if (exit.kind === "lost") return { reason: "crash", detail: "its guard was killed, and it with it" };
  if (exit.kind === "signal") {
    const asked = exit.number === SIGNAL_TERM ? ", which asks a process to end" : "";
    return { reason: "crash", detail: `it was ended by signal ${exit.number}${asked}` };
  }
  if (exit.number === 0) return { reason: "shutdown", detail: "it ended with status 0" };
  return { reason: "crash", detail: `it ended with status ${exit.number}` };
}
