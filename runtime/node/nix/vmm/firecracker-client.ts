/**
 * Firecracker's API: what of it a running VM needs.
 *
 * Source: Firecracker, src/firecracker/swagger/firecracker.yaml at 004d935 (API 1.17.0-dev). Snapshots are made of a paused VM, and loaded
 * only into a Firecracker that was started without a configuration.
 */
import { askOverSocket, type HttpAnswer, type HttpRequest, isSuccess } from "./unix-http.ts";

export interface FirecrackerInfo {
  readonly state: "Not started" | "Running" | "Paused";
  readonly version: string;
}

/** Guest memory goes to disk at some 500 MB/s; a large guest takes minutes. */
const SNAPSHOT_MS = 600_000;

export class FirecrackerClient {
  readonly #socket: () => string;

  /** @param socket the path, at most 107 bytes long; asked for before each call. */
  constructor(socket: () => string) {
    this.#socket = socket;
  }

  async info(): Promise<FirecrackerInfo> {
    const body = (await this.#ask({ method: "GET", path: "/" })).body as Partial<Record<string, string>>;
    return { state: body["state"] as FirecrackerInfo["state"], version: body["vmm_version"] ?? "" };
  }

  async pause(): Promise<void> {
    await this.#ask({ method: "PATCH", path: "/vm", body: { state: "Paused" } });
  }

  async resume(): Promise<void> {
    await this.#ask({ method: "PATCH", path: "/vm", body: { state: "Resumed" } });
  }

  /** Presses Ctrl+Alt+Del, which a Linux guest takes for a restart, and Firecracker for its end. */
  async sendCtrlAltDel(): Promise<void> {
    await this.#ask({ method: "PUT", path: "/actions", body: { action_type: "SendCtrlAltDel" } });
  }

  /** Both paths are written by Firecracker, relative to its working folder. */
  async createSnapshot(files: { readonly state: string; readonly memory: string }): Promise<void> {
    const body = { snapshot_type: "Full", snapshot_path: files.state, mem_file_path: files.memory };
    await this.#ask({ method: "PUT", path: "/snapshot/create", body, timeoutMs: SNAPSHOT_MS });
  }

  /** The memory file is mapped, so it must stay as it is for as long as the VM runs. */
  async loadSnapshot(files: {
    readonly state: string;
    readonly memory: string;
    readonly resume: boolean;
  }): Promise<void> {
    const body = {
      snapshot_path: files.state,
      mem_backend: { backend_type: "File", backend_path: files.memory },
      resume_vm: files.resume,
    };
    await this.#ask({ method: "PUT", path: "/snapshot/load", body, timeoutMs: SNAPSHOT_MS });
  }

  /** Only where the VM was configured with a balloon, which microvm.nix does not do. */
  async setBalloon(balloonMiB: number): Promise<void> {
    await this.#ask({ method: "PATCH", path: "/balloon", body: { amount_mib: balloonMiB } });
  }

  async #ask(asked: HttpRequest): Promise<HttpAnswer> {
    const answer = await askOverSocket(this.#socket(), asked);
    if (isSuccess(answer)) return answer;
    const { fault_message: fault } = (answer.body ?? {}) as { readonly fault_message?: unknown };
    const why = typeof fault === "string" ? fault : `status ${answer.status}`;
    throw new Error(`Firecracker refused ${asked.method} ${asked.path}: ${why}`);
  }
}
