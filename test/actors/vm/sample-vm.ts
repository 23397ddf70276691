/** A VM as the map would hold it, placed on node n1. */
import { API_VERSION, type Vm, type VmSpec } from "../../../actors/index.ts";

const SAMPLE_SPEC: VmSpec = {
  running: true,
  vcpus: 1,
  memoryMiB: 128,
  image: "base",
  command: [],
  env: {},
  files: [],
  ports: [{ name: "http", guest: 80, host: 8080 }],
  restart: "always",
  stopGraceMs: 5000,
  nodeSelector: {},
};

export function sampleVm(
  change: { readonly spec?: Partial<VmSpec>; readonly epoch?: number; readonly instance?: string } = {},
): Vm {
  return {
    apiVersion: API_VERSION,
    kind: "Vm",
    metadata: { name: "web", uid: "web-1", version: 9, generation: 1, createdAtMs: 0, labels: {} },
    spec: { ...SAMPLE_SPEC, ...change.spec },
    status: {
      phase: "Starting",
      health: "unknown",
      instance: {
        id: change.instance ?? "web-7",
        node: "n1",
        epoch: change.epoch ?? 5,
        generation: 1,
        stopping: false,
        claim: { vcpus: 1, memoryMiB: 128, hostPorts: [8080] },
      },
      lastInstance: null,
      addresses: [],
      restarts: 0,
      message: "",
      sinceMs: 0,
    },
  };
}
