/**
 * One running QEMU, just started or found again: its control socket, its guest's agent, and why it ended.
 */
import { existsSync, rmSync } from "node:fs";
import { createConnection, Socket } from "node:net";
import { basename, join } from "node:path";
import type { MigrationEndpoint } from "../../ports/guest-verbs.ts";
import type { ExitReason } from "../../ports/hypervisor.ts";
import { type GuardExit, lastOutput } from "../guard/guard.ts";
import { AgentLink } from "../agent/agent-link.ts";
import { ConsoleHub } from "../agent/console-hub.ts";
import { isRunning } from "../guard/process-identity.ts";
import { CONSOLE_LOG } from "../instances/console-log.ts";
import { PRIVATE_FOLDER, VMM_LOG } from "../instances/instance-store.ts";
import { type Machine, type MachineContext, type MachineVerbs, StartRefusal } from "../instances/machine-driver.ts";
import { cutVmmLog } from "../instances/vmm-log.ts";
import { CEPH_FILES } from "./ceph-access.ts";
import { FolderHandle } from "./folder-handle.ts";
import { AGENT_SOCKET, CONSOLE_SOCKET, INITRAMFS, QMP_SOCKET } from "./qemu-arguments.ts";
import { QmpClient } from "./qmp-client.ts";
import { type QemuHost, QemuVerbs } from "./qemu-verbs.ts";
import { QmpControl } from "./qmp-control.ts";

/** From QEMU's start to its first answer: milliseconds, but a host may be busy. */
const READY_MS = 10_000;
const RETRY_MS = 2;
/** A host that starts a hundred guests at once is slow, not broken. */
const ANSWER_MS = 30_000;
/** What the guest said last is in the socket already when its QEMU is gone. */
const LAST_WORDS_MS = 200;
const CONSOLE_LINES = 3;

export class QemuMachine implements Machine {
  readonly #context: MachineContext;
  readonly #folder: FolderHandle;
  readonly #console: ConsoleHub;
  readonly #agent: AgentLink;
  #qmp: QmpClient | undefined;
  #serviceStatus: number | undefined;
  /** QEMU's word for why it ended: `guest-reset`, `guest-panic`, … */
  #shutdownReason = "unknown";
  #detached = false;
  readonly #connected: Promise<QmpClient>;
  readonly #control: QmpControl;
  readonly #verbs: QemuVerbs;
  readonly verbs: MachineVerbs;

  constructor(context: MachineContext, host: QemuHost) {
    this.#context = context;
    this.#folder = new FolderHandle(context.folder);
    this.#agent = new AgentLink({
      onBooted: () => context.report("booted"),
      onBeat: () => context.report("heartbeat"),
      onServiceExit: (status) => (this.#serviceStatus = status),
    });
    this.#console = new ConsoleHub({
      connect: () => this.#dial(CONSOLE_SOCKET),
      onResize: async (size) => this.#agent.resizeConsole(size),
    });
    const control = new QmpControl({ connected: () => this.#connected, child: context.child });
    this.#control = control;
    const pathOf = (name: string): string => this.#folder.path(name);
    const connect = (socket: string): Socket => this.#dial(socket);
    const verbs = new QemuVerbs({ host, context, control, pathOf, connect, agent: () => this.#agent });
    this.#verbs = verbs;
    this.#connected = this.#connect();
    // Reported by `ready`; after an adoption, a QEMU that does not answer is still one that runs under its lease.
    this.#connected.catch(() => undefined);
    // Of one that was just started, `ready` takes care.
    if (context.found) void verbs.takeOver().catch(() => undefined);
    this.verbs = {
      pause: () => control.pause(),
      resume: () => verbs.resume(),
      checkpoint: (id) => verbs.checkpoint(id),
      migrate: (request) => verbs.migrate(request),
      cancelMigration: () => verbs.cancelMigration(),
      setBalloon: (memoryMiB) => control.setBalloon(memoryMiB),
      readMetrics: () => control.readMetrics(),
      openStream: (request, listener) =>
        request.type === "console" ? this.#console.open(request, listener) : this.#agent.openStream(request, listener),
    };
  }

  async ready(): Promise<MigrationEndpoint | undefined> {
    await this.#connected;
    // Secrets may be among the files; QEMU has read them.
    for (const name of [INITRAMFS, ...Object.values(CEPH_FILES)]) {
      rmSync(join(this.#context.folder, name), { force: true });
    }
    return this.#verbs.begin();
  }

  async standBy(): Promise<void> {
    await this.#connected;
    await this.#verbs.standBy();
  }

  async wake(): Promise<void> {
    await this.#connected;
    await this.#verbs.wake();
  }

  /** A guest that stands still is set going, for only so can it end by itself; one that must not run is ended at once. */
  requestStop(): void {
    const stop = async (): Promise<void> => {
      await this.#connected;
      if (this.#verbs.isHeld) return void (await this.#control.ask("quit"));
      this.#agent.requestStop();
      await this.#control.resume();
    };
    // Whom the word does not reach is ended when the grace time is over.
    stop().catch(() => undefined);
  }

  tick(): void {
    cutVmmLog(this.#context.folder);
    this.#agent.tick();
  }

  async explain(exit: GuardExit): Promise<{ reason: ExitReason; detail: string }> {
    await Promise.race([this.#agent.closed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    if (exit.reason === "lease") return { reason: "lease", detail: "its lease ended and its guard ended it" };
    if (exit.kind === "lost") return { reason: "crash", detail: "its guard was killed, and QEMU with it" };
    if (exit.kind === "signal") return { reason: "crash", detail: `QEMU was ended by signal ${exit.number}` };
    if (exit.number !== 0) {
      const said = await lastOutput(join(this.#context.folder, VMM_LOG), 1);
      return { reason: "crash", detail: `QEMU ended with status ${exit.number}: ${said}` };
    }
    if (this.#verbs.isHalfRestored) {
      return { reason: "crash", detail: "its node ended before it was restored from its checkpoint" };
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
    this.#agent.close();
    this.#console.close();
    this.#folder.close();
  }

  async #connect(): Promise<QmpClient> {
    const { child } = this.#context;
    const untilMs = performance.now() + READY_MS;
    let qmp: QmpClient;
    for (;;) {
      try {
        qmp = await this.#folder.reach(this.#place(QMP_SOCKET), (path) =>
          QmpClient.connect({
            path,
            onEvent: ({ event, data }) => {
              if (event === "SHUTDOWN") this.#shutdownReason = String(data["reason"]);
            },
            onClose: () => undefined,
            timeoutMs: ANSWER_MS,
            first: this.#verbs.first,
          }),
        );
        break;
      } catch (error) {
        if (this.#detached) throw error;
        if (!isRunning(child)) throw await this.#startFailure();
        if (performance.now() > untilMs)
          throw new StartRefusal("failed", `QEMU does not answer: ${String(error)}`, error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    if (this.#detached) {
      qmp.close();
      throw new Error("this process has let go of the instance");
    }
    this.#qmp = qmp;
    if (this.#context.standsBy === true) return qmp;
    const greets = !this.#verbs.isTarget;
    this.#folder.reach(this.#place(AGENT_SOCKET), (path) => this.#agent.connect(path, { greets }));
    return qmp;
  }

  /** The socket's events tell of a failure. */
  #dial(socket: string): Socket {
    try {
      return this.#folder.reach(this.#place(socket), (path) => createConnection({ path }));
    } catch (error) {
      return new Socket().destroy(error as Error);
    }
  }

  /** A guest of a version before this one has its sockets in the instance's folder itself. */
  #place(socket: string): string {
    return existsSync(join(this.#context.folder, PRIVATE_FOLDER)) ? socket : basename(socket);
  }

  /** QEMU ended before it answered; it says why on its standard error. */
  async #startFailure(): Promise<StartRefusal> {
    const said = await lastOutput(join(this.#context.folder, VMM_LOG), 2);
    const forward = /Could not set up host forwarding rule 'tcp:([^']+)-:\d+'/.exec(said)?.[1];
    if (forward !== undefined) return new StartRefusal("port-in-use", `${forward} is in use by another program`);
    if (said.includes("'rbd'")) {
      return new StartRefusal(
        "unsupported",
        `this QEMU knows no RBD disks: install the package qemu-block-extra (${said})`,
      );
    }
    return new StartRefusal("failed", `QEMU ended at once: ${said || "without a word"}`);
  }
}
