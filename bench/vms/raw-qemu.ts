/**
 * QEMU as a minimal script would drive it: one process, its command line, its two sockets; no guard, no lease, no folder to find again, nothing
 * compared or verified. What the platform adds is the difference.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { InstanceLaunch } from "../../runtime/index.ts";
import { AgentLink } from "../../runtime/node/agent/agent-link.ts";
import { guestFiles } from "../../runtime/node/qemu/guest-files.ts";
import { PRIVATE_FOLDER } from "../../runtime/node/instances/instance-store.ts";
import { AGENT_SOCKET, INITRAMFS, QMP_SOCKET, qemuArguments } from "../../runtime/node/qemu/qemu-arguments.ts";
import { QmpClient } from "../../runtime/node/qemu/qmp-client.ts";

const QEMU = "qemu-system-x86_64";
const RETRY_MS = 2;
const MAC = "52:54:00:00:00:01";

export class RawQemu {
  readonly #folder: string;
  readonly #process: ChildProcess;
  #qmp: QmpClient | undefined;
  #agent: AgentLink | undefined;

  private constructor(folder: string, args: readonly string[]) {
    this.#folder = folder;
    this.#process = spawn(QEMU, args, { cwd: folder, stdio: "ignore" });
  }

  /** Milliseconds until the guest says that it has booted. */
  static async boot(image: string, launch: InstanceLaunch): Promise<number> {
    const folder = newFolder();
    const startMs = performance.now();
    copyFileSync(join(image, "initramfs"), join(folder, INITRAMFS));
    appendFileSync(join(folder, INITRAMFS), guestFiles(launch));
    const boot = { kernel: join(image, "kernel"), initramfs: INITRAMFS, parameters: [] };
    const vm = new RawQemu(folder, qemuArguments({ ...specOf(launch), boot, memory: { type: "own" } }));
    try {
      await vm.#connect();
      await new Promise<void>((resolve) => void vm.#listen(resolve));
      return performance.now() - startMs;
    } finally {
      vm.#end();
    }
  }

  /** Milliseconds until a clone of the checkpoint runs, and until its guest has answered for the first time. */
  static async restore(checkpoint: string, launch: InstanceLaunch): Promise<{ running: number; answered: number }> {
    const folder = newFolder();
    const startMs = performance.now();
    const memory = { type: "copy-on-write", path: join(checkpoint, "memory") } as const;
    const vm = new RawQemu(folder, qemuArguments({ ...specOf(launch), boot: undefined, memory }));
    try {
      const qmp = await vm.#connect();
      await qmp.execute("migrate-set-capabilities", {
        capabilities: [
          { capability: "x-ignore-shared", state: true },
          { capability: "events", state: true },
        ],
      });
      await qmp.execute("migrate-incoming", { uri: "unix:incoming.sock" });
      createConnection(join(folder, "incoming.sock"))
        .on("error", () => undefined)
        .end(readFileSync(join(checkpoint, "state")));
      while (((await qmp.execute("query-migrate")) as { status?: string }).status !== "completed") await qmp.changed(5);
      await qmp.execute("set_link", { name: "net", up: false });
      await qmp.execute("cont");
      const running = performance.now() - startMs;
      const agent = vm.#listen(() => undefined);
      await agent.giveIdentity({
        machineId: "0".repeat(32),
        hostName: "raw",
        entropy: Buffer.alloc(64),
        wallMs: Date.now(),
      });
      return { running, answered: performance.now() - startMs };
    } finally {
      vm.#end();
    }
  }

  async #connect(): Promise<QmpClient> {
    for (;;) {
      try {
        this.#qmp = await QmpClient.connect({
          path: join(this.#folder, QMP_SOCKET),
          onEvent: () => undefined,
          onClose: () => undefined,
        });
        return this.#qmp;
      } catch (error) {
        if (this.#process.exitCode !== null) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  #listen(onBooted: () => void): AgentLink {
    const path = join(this.#folder, AGENT_SOCKET);
    this.#agent = new AgentLink({ path, onBooted, onBeat: () => undefined, onServiceExit: () => undefined });
    return this.#agent;
  }

  #end(): void {
    this.#agent?.close();
    this.#qmp?.close();
    this.#process.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** With the place in it where QEMU's sockets are to be. */
function newFolder(): string {
  const folder = mkdtempSync("/tmp/blixard-raw-");
  mkdirSync(join(folder, PRIVATE_FOLDER));
  return folder;
}

function specOf({
  instance,
  vcpus,
  memoryMiB,
}: InstanceLaunch): Omit<Parameters<typeof qemuArguments>[0], "boot" | "memory"> {
  return {
    name: instance,
    acceleration: "tcg",
    vcpus,
    memoryMiB,
    cards: [{ id: "net", mac: MAC, backend: { type: "user", ports: [] } }],
    balloon: false,
    disks: [],
    sandbox: true,
  };
}
