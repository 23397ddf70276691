/**
 * One way to talk to a running hypervisor of microvm.nix, whichever it is: over its own control socket, for what microvm.nix leaves out.
 *
 * QEMU speaks QMP, Firecracker and Cloud Hypervisor HTTP. crosvm's socket speaks a protocol of its own versions only, kvmtool, stratovirt
 * and alioth have none that microvm.nix opens: of them nothing is known but that their process runs.
 */
import type { VmmName } from "../../../microvm/index.ts";
import type { GuestMetrics } from "../../../ports/guest-verbs.ts";
import type { PortForward } from "../../../ports/hypervisor.ts";
import type { ProcessIdentity } from "../../guard/process-identity.ts";
import { StartRefusal, VerbError } from "../../instances/machine-driver.ts";
import { readProcessUsage } from "../../instances/process-usage.ts";
import { QmpClient } from "../../qemu/qmp-client.ts";
import { QmpControl } from "../../qemu/qmp-control.ts";
import { CloudHypervisorClient } from "./cloud-hypervisor-client.ts";
import { FirecrackerClient } from "./firecracker-client.ts";

export interface VmmControl {
  pause(): Promise<void>;
  /** Nothing happens to a guest that runs. */
  resume(): Promise<void>;
  /** Asks the guest to give memory back until it has `memoryMiB`. @throws {VerbError} where it has no balloon. */
  setBalloon(memoryMiB: number): Promise<void>;
  readMetrics(): Promise<GuestMetrics>;
  /** Publishes a guest's port on the host. @throws {StartRefusal} */
  forward(userInterface: string, port: PortForward): Promise<void>;
  /** Why it ended, as far as it said. */
  readonly lastWord: string | undefined;
  close(): void;
}

export interface VmmControlOptions {
  readonly hypervisor: VmmName;
  readonly child: ProcessIdentity;
  /** What the guest was started with. */
  readonly memoryMiB: number;
  /** Path of the control socket, at most 107 bytes long. */
  readonly socket: () => string;
}

const MIB = 1024 * 1024;

/** Hypervisors whose control socket is understood here. */
export function hasControl(hypervisor: VmmName): boolean {
  return hypervisor === "qemu" || hypervisor === "firecracker" || hypervisor === "cloud-hypervisor";
}

/** Connects once. @throws while nobody answers yet. */
export async function connectVmm(options: VmmControlOptions): Promise<VmmControl> {
  if (options.hypervisor === "qemu") return QemuControl.connect(options);
  if (options.hypervisor === "firecracker") {
    const client = new FirecrackerClient(options.socket);
    await client.info();
    return new FirecrackerControl(client, options);
  }
  const client = new CloudHypervisorClient(options.socket);
  await client.info();
  return new CloudHypervisorControl(client, options);
}

class QemuControl implements VmmControl {
  readonly #qmp: QmpClient;
  readonly #control: QmpControl;
  lastWord: string | undefined;

  private constructor(qmp: QmpClient, child: ProcessIdentity) {
    this.#qmp = qmp;
    this.#control = new QmpControl({ connected: async () => qmp, child });
  }

  static async connect({ socket, child }: VmmControlOptions): Promise<QemuControl> {
    const said: { control?: QemuControl } = {};
    const qmp = await QmpClient.connect({
      path: socket(),
      onEvent: ({ event, data }) => {
        if (event === "SHUTDOWN" && said.control !== undefined) said.control.lastWord = String(data["reason"]);
      },
      onClose: () => undefined,
    });
    said.control = new QemuControl(qmp, child);
    return said.control;
  }

  async pause(): Promise<void> {
    await this.#control.pause();
  }

  async resume(): Promise<void> {
    await this.#control.resume();
  }

  async setBalloon(memoryMiB: number): Promise<void> {
    await this.#control.setBalloon(memoryMiB);
  }

  async readMetrics(): Promise<GuestMetrics> {
    return this.#control.readMetrics();
  }

  async forward(userInterface: string, { name, hostAddress, hostPort, guestPort }: PortForward): Promise<void> {
    const rule = `tcp:${hostAddress}:${hostPort}-:${guestPort}`;
    // QMP has no command of its own for it. The monitor says nothing when it has worked.
    const words = { "command-line": `hostfwd_add ${userInterface} ${rule}` };
    const text = String(await this.#control.askAny("human-monitor-command", words)).trim();
    if (text === "") return;
    if (text.includes("could not set up host forwarding")) {
      throw new StartRefusal("port-in-use", `port "${name}": ${hostAddress}:${hostPort} is in use by another program`);
    }
    throw new StartRefusal("failed", `port "${name}": QEMU does not forward it: ${text}`);
  }

  close(): void {
    this.#qmp.close();
  }
}

/** What hypervisors with HTTP have in common: a connection a request, so nothing is open between two. */
abstract class HttpControl {
  readonly lastWord = undefined;
  protected readonly options: VmmControlOptions;

  constructor(options: VmmControlOptions) {
    this.options = options;
  }

  async forward(_userInterface: string, port: PortForward): Promise<void> {
    throw new StartRefusal("unsupported", `port "${port.name}": only qemu publishes ports of its guests`);
  }

  close(): void {
    // Nothing is open.
  }
}

class FirecrackerControl extends HttpControl implements VmmControl {
  readonly #client: FirecrackerClient;

  constructor(client: FirecrackerClient, options: VmmControlOptions) {
    super(options);
    this.#client = client;
  }

  async pause(): Promise<void> {
    await this.#client.pause();
  }

  async resume(): Promise<void> {
    await this.#client.resume();
  }

  async setBalloon(): Promise<void> {
    throw new VerbError("unsupported", "microvm.nix gives guests of firecracker no balloon");
  }

  async readMetrics(): Promise<GuestMetrics> {
    return readProcessUsage([this.options.child.pid]);
  }
}

class CloudHypervisorControl extends HttpControl implements VmmControl {
  readonly #client: CloudHypervisorClient;

  constructor(client: CloudHypervisorClient, options: VmmControlOptions) {
    super(options);
    this.#client = client;
  }

  async pause(): Promise<void> {
    // What stands still already is no error of the port's, but one of Cloud Hypervisor's.
    if ((await this.#client.info()).state !== "Paused") await this.#client.pause();
  }

  async resume(): Promise<void> {
    if ((await this.#client.info()).state === "Paused") await this.#client.resume();
  }

  async setBalloon(memoryMiB: number): Promise<void> {
    const { memoryMiB: sizeMiB } = this.options;
    if (!Number.isSafeInteger(memoryMiB) || memoryMiB < 1 || memoryMiB > sizeMiB) {
      const why = `it was started with ${sizeMiB} MiB, so it can have 1 to ${sizeMiB}, not ${memoryMiB}`;
      throw new VerbError("failed", why);
    }
    const { hasBalloon } = await this.#client.info();
    if (!hasBalloon) throw new VerbError("unsupported", "it was started without a balloon");
    await this.#client.setBalloon((sizeMiB - memoryMiB) * MIB);
  }

  async readMetrics(): Promise<GuestMetrics> {
    const { hasBalloon, memoryBytes } = await this.#client.info();
    const usage = readProcessUsage([this.options.child.pid]);
    return hasBalloon && memoryBytes !== undefined ? { ...usage, balloonBytes: memoryBytes } : usage;
  }
}
