/**
 * Fakes of Firecracker's and Cloud Hypervisor's API: the routes, bodies, states and refusals of their descriptions, on a unix socket.
 *
 * Recorded from: Firecracker, src/firecracker/swagger/firecracker.yaml at 004d935 (API 1.17.0-dev), refusals as of src/vmm/src/rpc_interface.rs;
 * Cloud Hypervisor, vmm/src/api/openapi/cloud-hypervisor.yaml at 00f6822 (API 0.3.0), refusals as of vmm/src/api/http/mod.rs at 025e782.
 * Like micro_http they answer 400 to what they do not know, and want a body's length.
 */
import { createServer, type IncomingMessage } from "node:http";

export interface FakeVmm {
  /** Requests so far: "PATCH /vm {"state":"Paused"}". */
  readonly heard: readonly string[];
  state: string;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

type Answering = (vmm: { state: string }, asked: { key: string; body: Record<string, unknown> }) => Answer | undefined;

const OK: Answer = { status: 204 };

function fault(message: string): Answer {
  return { status: 400, body: { fault_message: message } };
}

/** @param onEnd called when the guest is asked to end. */
export async function fakeFirecracker(path: string, onEnd: () => void = () => undefined): Promise<FakeVmm> {
  return serve(path, "Running", (vmm, { key, body }) => {
    switch (key) {
      case "GET /":
        return {
          status: 200,
          body: { app_name: "Firecracker", id: "web", state: vmm.state, vmm_version: "1.17.0-dev" },
        };
      case "PATCH /vm":
        if (body["state"] !== "Paused" && body["state"] !== "Resumed") return fault("unknown variant");
        vmm.state = body["state"] === "Paused" ? "Paused" : "Running";
        return OK;
      case "PUT /actions":
        if (body["action_type"] !== "SendCtrlAltDel") return fault("The requested operation is not supported");
        onEnd();
        return OK;
      case "PUT /snapshot/create":
        if (vmm.state !== "Paused") return fault("Cannot create snapshot: the microVM is not paused");
        return typeof body["snapshot_path"] === "string" && typeof body["mem_file_path"] === "string"
          ? OK
          : fault("missing field");
      case "PUT /snapshot/load": {
        const { backend_type: type, backend_path: file } = (body["mem_backend"] ?? {}) as Record<string, unknown>;
        if (vmm.state !== "Not started")
          return fault("Loading a microVM snapshot not allowed after configuring boot-specific resources.");
        if (type !== "File" || typeof file !== "string") return fault("missing field `mem_backend`");
        vmm.state = body["resume_vm"] === true ? "Running" : "Paused";
        return OK;
      }
      case "PATCH /balloon":
        return fault("No balloon device found.");
      default:
        return undefined;
    }
  });
}

export async function fakeCloudHypervisor(
  path: string,
  options: { balloon: boolean; onEnd?: () => void },
): Promise<FakeVmm> {
  const wrong = (...causes: string[]): Answer => ({ status: 500, body: ["Error from API", ...causes] });
  let balloonBytes = 0;
  return serve(path, "Running", (vmm, { key, body }) => {
    switch (key) {
      case "GET /api/v1/vmm.ping":
        return { status: 200, body: { build_version: "v51.0", version: "51.0", pid: 1, features: [] } };
      case "GET /api/v1/vm.info": {
        const config = { payload: {}, balloon: options.balloon ? { size: 0 } : null };
        return {
          status: 200,
          body: { config, state: vmm.state, memory_actual_size: 512 * 1024 * 1024 - balloonBytes },
        };
      }
      case "PUT /api/v1/vm.pause":
        if (vmm.state !== "Running")
          return wrong("The VM could not be paused", "Invalid transition: from Paused to Paused");
        vmm.state = "Paused";
        return OK;
      case "PUT /api/v1/vm.resume":
        if (vmm.state !== "Paused") return wrong("The VM could not be resumed");
        vmm.state = "Running";
        return OK;
      case "PUT /api/v1/vm.power-button":
        options.onEnd?.();
        return OK;
      case "PUT /api/v1/vm.snapshot":
        if (vmm.state !== "Paused") return wrong("The VM could not be snapshotted");
        return String(body["destination_url"]).startsWith("file:///") ? OK : wrong("Invalid URL");
      case "PUT /api/v1/vm.restore":
        if (vmm.state !== "") return { status: 404, body: ["Error from API", "The VM is already created"] };
        vmm.state = "Paused";
        return String(body["source_url"]).startsWith("file:///") ? OK : wrong("Invalid URL");
      case "PUT /api/v1/vm.resize":
        balloonBytes = Number(body["desired_balloon"]);
        return OK;
      default:
        return undefined;
    }
  });
}

async function serve(path: string, state: string, answering: Answering): Promise<FakeVmm> {
  const heard: string[] = [];
  const vmm = { state };
  const server = createServer((request, response) => {
    void read(request).then((text) => {
      const key = `${request.method} ${request.url}`;
      heard.push(text === "" ? key : `${key} ${text}`);
      const isChunked = request.headers["transfer-encoding"] !== undefined;
      const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
      const { status, body: said } = (isChunked ? undefined : answering(vmm, { key, body })) ?? { status: 400 };
      response.writeHead(status, { "Content-Type": "application/json", Connection: "close" });
      response.end(said === undefined ? undefined : JSON.stringify(said));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    heard,
    get state() {
      return vmm.state;
    },
    set state(value) {
      vmm.state = value;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
