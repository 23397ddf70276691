/**
 * One running VM of microvm.nix: its control socket, its guest's words where it has a port for them, its end.
 *
 * Only QEMU gives the guest a port of its own (vm-json.ts); of the other hypervisors' guests nothing is heard, so they count as booted
 * when their hypervisor answers, and as alive while its process is not held.
 */
import { spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { VmmName } from "../../microvm/index.ts";
import type { ExitReason } from "../../ports/hypervisor.ts";
import { rightsWords, SETPRIV } from "../guard/command-rights.ts";
import { type GuardExit, lastOutput } from "../guard/guard.ts";
import { isRunning, processState, signalGroup } from "../guard/process-identity.ts";
import { CONSOLE_LOG } from "../instances/console-log.ts";
import { PRIVATE_FOLDER } from "../instances/instance-store.ts";
import {
  type Machine,
  type MachineContext,
  type MachineVerbs,
  StartRefusal,
  VerbError,
} from "../instances/machine-driver.ts";
import { readProcessUsage } from "../instances/process-usage.ts";
import { AgentLink } from "../agent/agent-link.ts";
import { FolderHandle } from "../qemu/folder-handle.ts";
import { runnerScript } from "./build/runner-package.ts";
import { CONTROL_SOCKET, NIX_AGENT_SOCKET } from "./build/vm-json.ts";
import { HOST_PATH, type HostInterfaces } from "./host-interfaces.ts";
import { connectVmm, hasControl, type VmmControl } from "./vmm/vmm-control.ts";

/** In the instance's folder: what the driver noted for whoever adopts the instance (microvm-driver.ts). */
export const NOTE_FILE = "microvm.json";
/** The instance's own link to its runner, a GC root. */
export const RUNNER_LINK = "runner";

export interface MicrovmNote {
  readonly hypervisor: VmmName;
  readonly memoryMiB: number;
  /** It has a control socket. */
  readonly socket: boolean;
  /** The interface that ports are forwarded to. */
  readonly userInterface: string | undefined;
}

/** Making volumes and starting virtiofsd come first; a hypervisor itself answers within a second. */
const READY_MS = 60_000;
const RETRY_MS = 10;
/** A hypervisor that has run this long has read its configuration. */
const SETTLE_MS = 300;
const LAST_WORDS_MS = 200;
const CONSOLE_LINES = 3;

export class MicrovmMachine implements Machine {
  readonly verbs: MachineVerbs;
  readonly #context: MachineContext;
  readonly #interfaces: HostInterfaces;
  readonly #note: MicrovmNote;
  readonly #folder: FolderHandle;
  #control: VmmControl | undefined;
  #agent: AgentLink | undefined;
  #serviceStatus: number | undefined;
  #booted = false;
  #detached = false;
  readonly #connected: Promise<void>;

  constructor(context: MachineContext, interfaces: HostInterfaces) {
    this.#context = context;
    this.#interfaces = interfaces;
    this.#note = JSON.parse(readFileSync(join(context.folder, NOTE_FILE), "utf8")) as MicrovmNote;
    this.#folder = new FolderHandle(context.folder);
    this.verbs = {
      pause: async () => (await this.#must("pause")).pause(),
      resume: async () => (await this.#must("go on")).resume(),
      setBalloon: async (memoryMiB) => (await this.#must("change its memory")).setBalloon(memoryMiB),
      readMetrics: async () => {
        await this.#connected;
        return this.#control?.readMetrics() ?? readProcessUsage([context.child.pid]);
      },
      openStream: (request, listener) => {
        if (this.#agent !== undefined && request.type !== "console") return this.#agent.openStream(request, listener);
        const { hypervisor } = this.#note;
        if (hypervisor === "qemu") throw new VerbError("not-running", "its hypervisor does not answer yet");
        throw new VerbError("unsupported", `a guest of ${hypervisor} has no port to its host: qemu gives it one`);
      },
    };
    this.#connected = this.#connect();
    // Reported by `ready`; after an adoption, a hypervisor that does not answer is still one that runs under its lease.
    this.#connected.catch(() => undefined);
  }

  async ready(): Promise<void> {
    await this.#connected;
    const { userInterface } = this.#note;
    for (const port of this.#context.record.ports) {
      if (userInterface === undefined || this.#control === undefined) {
        throw new StartRefusal("unsupported", `port "${port.name}": it has no user-mode network and control socket`);
      }
      await this.#control.forward(userInterface, port);
    }
  }

  /** A guest that stands still is set going, for only so can it end by itself. */
  requestStop(): void {
    const stop = async (): Promise<void> => {
      await this.#connected;
      if (this.#agent !== undefined && this.#booted) this.#agent.requestStop();
      else this.#shutDown();
      await this.#control?.resume();
    };
    // Whom the word does not reach is ended when the grace time is over.
    stop().catch(() => undefined);
  }

  tick(): void {
    // Before its agent is connected a guest that has one has not booted, however well its process does.
    if (this.#note.hypervisor === "qemu") return this.#agent?.tick();
    const state = processState(this.#context.child);
    if (state !== undefined && state !== "T" && state !== "t") this.#context.report("heartbeat");
  }

  async explain(exit: GuardExit): Promise<{ reason: ExitReason; detail: string }> {
    if (this.#agent !== undefined) {
      await Promise.race([this.#agent.closed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    }
    await this.#interfaces.down(this.#context.record.vm);
    const { hypervisor } = this.#note;
    if (exit.reason === "lease") return { reason: "lease", detail: "its lease ended and its guard ended it" };
    if (exit.kind === "lost") return { reason: "crash", detail: `its guard was killed, and ${hypervisor} with it` };
    if (exit.kind === "signal") return { reason: "crash", detail: `${hypervisor} was ended by signal ${exit.number}` };
    if (exit.number !== 0) {
      return { reason: "crash", detail: `${hypervisor} ended with status ${exit.number}: ${await this.#lastLines()}` };
    }
    if (this.#serviceStatus === 0) return { reason: "shutdown", detail: "its service ended with status 0" };
    if (this.#serviceStatus !== undefined) {
      return { reason: "crash", detail: `its service ended with status ${this.#serviceStatus}` };
    }
    // A guest that was to tell, and did not, has not ended in good order; the others are heard of no other way.
    if (hypervisor !== "qemu") return { reason: "shutdown", detail: "the guest ended" };
    const how = `the guest ended (${this.#control?.lastWord ?? "unknown"}) without a word from its agent`;
    return { reason: "crash", detail: `${how}; its console: ${await this.#lastLines()}` };
  }

  detach(): void {
    this.#detached = true;
    this.#control?.close();
    this.#agent?.close();
    this.#folder.close();
  }

  async #connect(): Promise<void> {
    const { hypervisor, socket } = this.#note;
    if (hasControl(hypervisor) && socket) {
      const { child } = this.#context;
      const control = { hypervisor, memoryMiB: this.#note.memoryMiB, child };
      this.#control = await this.#answering(() =>
        this.#isPrivate
          ? this.#folder.reach(this.#place(CONTROL_SOCKET), (path) => connectVmm({ ...control, socket: () => path }))
          : connectVmm({ ...control, socket: () => this.#folder.path(CONTROL_SOCKET) }),
      );
    } else await this.#settled();
    if (this.#detached) return this.#control?.close();
    if (hypervisor !== "qemu") {
      // Behind the answer to `start`, as a guest's own word is.
      setImmediate(() => this.#detached || this.#context.report("booted"));
      return;
    }
    const agent = new AgentLink({
      onBooted: () => this.#heard("booted"),
      onBeat: () => this.#heard("heartbeat"),
      onServiceExit: (status) => (this.#serviceStatus = status),
    });
    this.#agent = agent;
    if (this.#isPrivate) this.#folder.reach(this.#place(NIX_AGENT_SOCKET), (path) => agent.connect(path));
    else agent.connect(this.#folder.path(NIX_AGENT_SOCKET));
  }

  /** It runs as a user of its own, which makes its sockets where it may. */
  get #isPrivate(): boolean {
    return this.#context.record.user !== undefined;
  }

  #place(name: string): string {
    return this.#isPrivate ? join(PRIVATE_FOLDER, name) : name;
  }

  #heard(sign: "booted" | "heartbeat"): void {
    this.#booted = true;
    this.#context.report(sign);
  }

  /** Tries until the hypervisor answers, ends, or has had its time. */
  async #answering(connect: () => Promise<VmmControl>): Promise<VmmControl | undefined> {
    const untilMs = performance.now() + READY_MS;
    for (;;) {
      try {
        return await connect();
      } catch (error) {
        if (this.#detached) return undefined;
        if (!isRunning(this.#context.child)) throw await this.#startFailure();
        if (performance.now() > untilMs) {
          throw new StartRefusal(
            "failed",
            `${this.#note.hypervisor} does not answer: ${(error as Error).message}`,
            error,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Of a hypervisor that answers nobody, all there is to know is whether it still runs. */
  async #settled(): Promise<void> {
    const untilMs = performance.now() + SETTLE_MS;
    while (performance.now() < untilMs) {
      if (!isRunning(this.#context.child)) throw await this.#startFailure();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #startFailure(): Promise<StartRefusal> {
    return new StartRefusal("failed", `${this.#note.hypervisor} ended at once: ${await this.#lastLines()}`);
  }

  /** Console and hypervisor share one output. */
  async #lastLines(): Promise<string> {
    return (await lastOutput(join(this.#context.folder, CONSOLE_LOG), CONSOLE_LINES)) || "without a word";
  }

  async #must(verb: string): Promise<VmmControl> {
    await this.#connected;
    if (this.#control !== undefined) return this.#control;
    const { hypervisor, socket } = this.#note;
    const why = hasControl(hypervisor)
      ? `${hypervisor} ${socket ? "does not answer on its control socket" : "runs without a control socket: set microvm.socket"}`
      : `${hypervisor} has no control socket that could make it ${verb}: qemu, firecracker and cloud-hypervisor have`;
    throw new VerbError(hasControl(hypervisor) && socket ? "failed" : "unsupported", why);
  }

  /** As microvm.nix's own unit does it; some hypervisors only know SIGTERM. */
  #shutDown(): void {
    const { child, folder } = this.#context;
    const script = runnerScript(join(folder, RUNNER_LINK), "microvm-shutdown");
    if (script === undefined) {
      signalGroup(child, "SIGTERM");
      return;
    }
    // QEMU serves one client of its socket at a time.
    if (this.#note.hypervisor === "qemu") {
      this.#control?.close();
      this.#control = undefined;
    }
    const env = { PATH: HOST_PATH, MAINPID: String(child.pid) };
    const { user } = this.#context.record;
    const path = realpathSync(script);
    const args = user === undefined ? [] : [...rightsWords({ user, groups: [], lowPorts: false }), path];
    const program = user === undefined ? path : SETPRIV;
    const cwd = join(folder, this.#place("."));
    const shutdown = spawn(program, args, { cwd, env, stdio: "ignore", timeout: READY_MS });
    // A script that cannot run has asked for nothing; the grace time ends the guest.
    shutdown.on("error", () => undefined);
  }
}
