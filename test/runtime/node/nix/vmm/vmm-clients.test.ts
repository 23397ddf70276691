/** The clients of Firecracker and Cloud Hypervisor against fakes that speak their recorded protocol (fake-vmm.ts). */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bootId } from "../../../../../runtime/node/guard/host-uptime.ts";
import { CloudHypervisorClient } from "../../../../../runtime/node/nix/vmm/cloud-hypervisor-client.ts";
import { FirecrackerClient } from "../../../../../runtime/node/nix/vmm/firecracker-client.ts";
import { askOverSocket } from "../../../../../runtime/node/nix/vmm/unix-http.ts";
import { connectVmm } from "../../../../../runtime/node/nix/vmm/vmm-control.ts";
import { fakeCloudHypervisor, fakeFirecracker, type FakeVmm } from "./fake-vmm.ts";

const MIB = 1024 * 1024;
let folder: string;
let socket: string;
let vmm: FakeVmm | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-vmm-"));
  socket = join(folder, "vmm.sock");
});

afterEach(async () => {
  await vmm?.close();
  vmm = undefined;
  rmSync(folder, { recursive: true });
});

const control = (hypervisor: "firecracker" | "cloud-hypervisor"): ReturnType<typeof connectVmm> =>
  connectVmm({
    hypervisor,
    memoryMiB: 512,
    socket: () => socket,
    child: { pid: process.pid, start: "0", boot: bootId() },
  });

test("FirecrackerClient pauses, snapshots and resumes in Firecracker's words", async () => {
  vmm = await fakeFirecracker(socket);
  const client = new FirecrackerClient(() => socket);
  expect(await client.info()).toEqual({ state: "Running", version: "1.17.0-dev" });
  await client.pause();
  expect((await client.info()).state).toBe("Paused");
  await client.createSnapshot({ state: "state", memory: "memory" });
  await client.resume();
  await client.sendCtrlAltDel();
  expect(vmm.heard.filter((line) => !line.startsWith("GET"))).toEqual([
    'PATCH /vm {"state":"Paused"}',
    'PUT /snapshot/create {"snapshot_type":"Full","snapshot_path":"state","mem_file_path":"memory"}',
    'PATCH /vm {"state":"Resumed"}',
    'PUT /actions {"action_type":"SendCtrlAltDel"}',
  ]);
});

test("FirecrackerClient loads a snapshot into a fresh Firecracker only", async () => {
  vmm = await fakeFirecracker(socket);
  const client = new FirecrackerClient(() => socket);
  const files = { state: "state", memory: "memory", resume: true };
  await expect(client.loadSnapshot(files)).rejects.toThrow(
    "Firecracker refused PUT /snapshot/load: Loading a microVM snapshot not allowed",
  );
  vmm.state = "Not started";
  await client.loadSnapshot(files);
  expect((await client.info()).state).toBe("Running");
  expect(vmm.heard).toContain(
    'PUT /snapshot/load {"snapshot_path":"state","mem_backend":{"backend_type":"File","backend_path":"memory"},"resume_vm":true}',
  );
});

test("FirecrackerClient gives Firecracker's reason for a refusal", async () => {
  vmm = await fakeFirecracker(socket);
  const client = new FirecrackerClient(() => socket);
  await expect(client.createSnapshot({ state: "s", memory: "m" })).rejects.toThrow("the microVM is not paused");
  await expect(client.setBalloon(10)).rejects.toThrow("No balloon device found.");
});

test("CloudHypervisorClient pauses, snapshots, restores and presses the button", async () => {
  vmm = await fakeCloudHypervisor(socket, { balloon: false });
  const client = new CloudHypervisorClient(() => socket);
  expect(await client.version()).toBe("51.0");
  expect(await client.info()).toEqual({ state: "Running", memoryBytes: 512 * MIB, hasBalloon: false });
  await client.pause();
  await client.createSnapshot("/var/checkpoints/c-1");
  await client.resume();
  await client.pressPowerButton();
  vmm.state = "";
  await client.restoreSnapshot("/var/checkpoints/c-1");
  expect((await client.info()).state).toBe("Paused");
  expect(vmm.heard.filter((line) => line.startsWith("PUT"))).toEqual([
    "PUT /api/v1/vm.pause",
    'PUT /api/v1/vm.snapshot {"destination_url":"file:///var/checkpoints/c-1"}',
    "PUT /api/v1/vm.resume",
    "PUT /api/v1/vm.power-button",
    'PUT /api/v1/vm.restore {"source_url":"file:///var/checkpoints/c-1"}',
  ]);
});

test("CloudHypervisorClient gives the whole chain of causes of a refusal", async () => {
  vmm = await fakeCloudHypervisor(socket, { balloon: false });
  const client = new CloudHypervisorClient(() => socket);
  await client.pause();
  await expect(client.pause()).rejects.toThrow(
    "Cloud Hypervisor refused PUT /vm.pause: Error from API: The VM could not be paused: Invalid transition",
  );
});

test("askOverSocket() says who did not answer, and for how long it waited", async () => {
  await expect(askOverSocket(socket, { method: "GET", path: "/" })).rejects.toThrow(/GET \/: .*ENOENT/);
  const deaf = createServer((connection) => connection.resume());
  await new Promise<void>((resolve) => deaf.listen(socket, resolve));
  try {
    const asked = askOverSocket(socket, { method: "GET", path: "/", timeoutMs: 30 });
    await expect(asked).rejects.toThrow("GET /: no answer in 30 ms");
  } finally {
    await new Promise((resolve) => deaf.close(resolve));
  }
});

test("connectVmm() of firecracker pauses twice, measures, and has neither balloon nor ports", async () => {
  vmm = await fakeFirecracker(socket);
  const found = await control("firecracker");
  await found.pause();
  await found.pause();
  await found.resume();
  expect(vmm.state).toBe("Running");
  expect((await found.readMetrics()).cpuMs).toBeGreaterThan(0);
  await expect(found.setBalloon(64)).rejects.toMatchObject({ code: "unsupported" });
  const port = { name: "web", guestPort: 80, hostAddress: "127.0.0.1", hostPort: 8080 };
  await expect(found.forward("eth0", port)).rejects.toMatchObject({ code: "unsupported" });
});

test("connectVmm() of cloud-hypervisor makes repeated words harmless, and sets a balloon within the guest's memory", async () => {
  vmm = await fakeCloudHypervisor(socket, { balloon: true });
  const found = await control("cloud-hypervisor");
  await found.pause();
  await found.pause();
  await found.resume();
  await found.resume();
  await found.setBalloon(384);
  expect(vmm.heard).toContain(`PUT /api/v1/vm.resize {"desired_balloon":${128 * MIB}}`);
  expect((await found.readMetrics()).balloonBytes).toBe(384 * MIB);
  await expect(found.setBalloon(1024)).rejects.toThrow("started with 512 MiB");
});

test("connectVmm() of cloud-hypervisor without a balloon refuses to set one", async () => {
  vmm = await fakeCloudHypervisor(socket, { balloon: false });
  const found = await control("cloud-hypervisor");
  await expect(found.setBalloon(64)).rejects.toMatchObject({ code: "unsupported" });
  expect(await found.readMetrics()).not.toHaveProperty("balloonBytes");
});
