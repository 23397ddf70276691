/**
 * Cloud Hypervisor's API: what of it a running VM needs.
 *
 * Source: Cloud Hypervisor, vmm/src/api/openapi/cloud-hypervisor.yaml at 00f6822 (API 0.3.0); errors: vmm/src/api/http/mod.rs at 025e782,
 * a JSON list from the outermost cause to the innermost.
 */
import { askOverSocket, type HttpAnswer, type HttpRequest, isSuccess } from "./unix-http.ts";

export interface CloudHypervisorInfo {
  readonly state: "Created" | "Running" | "Shutdown" | "Paused" | "BreakPoint";
  /** Memory that the guest has after what the balloon took, where the version says so. */
  readonly memoryBytes: number | undefined;
  readonly hasBalloon: boolean;
}

const ROOT = "/api/v1";
const SNAPSHOT_MS = 600_000;

export class CloudHypervisorClient {
  readonly #socket: () => string;

  /** @param socket the path, at most 107 bytes long; asked for before each call. */
  constructor(socket: () => string) {
    this.#socket = socket;
  }

  async info(): Promise<CloudHypervisorInfo> {
    const answer = await this.#ask({ method: "GET", path: "/vm.info" });
    const body = answer.body as {
      readonly state: CloudHypervisorInfo["state"];
      readonly memory_actual_size?: number;
      readonly config?: { readonly balloon?: object | null };
    };
    const hasBalloon = typeof body.config?.balloon === "object" && body.config.balloon !== null;
    return { state: body.state, memoryBytes: body.memory_actual_size, hasBalloon };
  }

  async version(): Promise<string> {
    const { body } = await this.#ask({ method: "GET", path: "/vmm.ping" });
    return (body as { readonly version?: string }).version ?? "";
  }

  async pause(): Promise<void> {
    await this.#put("/vm.pause");
  }

  async resume(): Promise<void> {
    await this.#put("/vm.resume");
  }

  async pressPowerButton(): Promise<void> {
    await this.#put("/vm.power-button");
  }

  /** @param folder absolute and there; Cloud Hypervisor writes its files into it. The VM has to be paused. */
  async createSnapshot(folder: string): Promise<void> {
    await this.#put("/vm.snapshot", { destination_url: `file://${folder}` }, SNAPSHOT_MS);
  }

  /** Into a Cloud Hypervisor that was started with an API socket only; the VM is paused after it. */
  async restoreSnapshot(folder: string): Promise<void> {
    await this.#put("/vm.restore", { source_url: `file://${folder}` }, SNAPSHOT_MS);
  }

  async setBalloon(balloonBytes: number): Promise<void> {
    await this.#put("/vm.resize", { desired_balloon: balloonBytes });
  }

  async #put(path: string, body?: unknown, timeoutMs?: number): Promise<void> {
    await this.#ask({
      method: "PUT",
      path,
      ...(body === undefined ? {} : { body }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  async #ask(asked: HttpRequest): Promise<HttpAnswer> {
    const answer = await askOverSocket(this.#socket(), { ...asked, path: `${ROOT}${asked.path}` });
    if (isSuccess(answer)) return answer;
    const { body, status } = answer;
    const why = Array.isArray(body) && body.length > 0 ? body.map(String).join(": ") : `status ${status}`;
    throw new Error(`Cloud Hypervisor refused ${asked.method} ${asked.path}: ${why}`);
  }
}
