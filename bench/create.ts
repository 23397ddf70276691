/**
 * From `vm create` to healthy on a cluster of three, beside the bare boot of the same guest: started by the same driver in
 * the same minute, without a cluster, until its page answers. The difference is what the control plane adds.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { VmManifest } from "../actors/index.ts";
import { cacheFolder } from "../cli/folders.ts";
import { fetchPage } from "../cli/local-cluster/fail-over-check.ts";
import { loadManifests } from "../cli/manifest/load-manifests.ts";
import { poll } from "../cli/pause.ts";
import { waitUntilGone, waitUntilUp } from "../cli/wait-for-vm.ts";
import { ensureGuestImage } from "../guest/index.ts";
import type { InstanceLaunch } from "../runtime/index.ts";
import { createPinoLogger, createQemuHypervisor, nodeClock } from "../runtime/node/index.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";
import { MeasuredCluster } from "./measured-cluster.ts";

const REPOSITORY = join(import.meta.dirname, "..");
const ROUNDS = 5;
const PORT_BASE = 27_700;
const PAGE_PORT = 27_690;
const WAIT_MS = 60_000;
const POLL_MS = 10;
const SETTLE_MS = 500;

export const createBench: Bench = {
  name: "create",
  summary: "seconds from vm create to healthy, beside the bare boot of the same guest",
  async run(progress): Promise<readonly Row[]> {
    const [example] = await loadManifests("examples/web", { cwd: REPOSITORY, readStdin: async () => "" });
    if (example === undefined) throw new Error("examples/web has no manifest");
    const manifest = { ...example, spec: { ...example.spec, ports: [{ name: "http", guest: 80, host: PAGE_PORT }] } };
    const cluster = await MeasuredCluster.start({
      nodes: 3,
      driver: "qemu",
      portBase: PORT_BASE,
      onProgress: progress,
    });
    const boots: number[] = [];
    const creates: number[] = [];
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        boots.push(await bareBoot(manifest));
        creates.push(await create(cluster, manifest));
        progress(
          `round ${round} of ${ROUNDS}: boot ${boots.at(-1)?.toFixed(2)} s, create ${creates.at(-1)?.toFixed(2)} s`,
        );
        await delay(SETTLE_MS);
      }
    } finally {
      await cluster.stop();
    }
    const added = creates.map((seconds, round) => seconds - (boots[round] ?? 0));
    return [
      spreadRow("bare boot until the page answers", boots, { unit: "s", goal: "same driver, no cluster" }),
      spreadRow("vm create until healthy", creates, { unit: "s", goal: "three nodes" }),
      spreadRow("  difference", added, { unit: "s", goal: "under 5 s" }),
    ];
  },
};

async function create(cluster: MeasuredCluster, manifest: VmManifest): Promise<number> {
  const { name } = manifest.metadata;
  const startMs = performance.now();
  await cluster.client.vms.create(manifest);
  await waitUntilUp(cluster.client, name, { timeoutMs: WAIT_MS });
  const elapsedMs = performance.now() - startMs;
  await cluster.client.vms.delete(name);
  await waitUntilGone(cluster.client, name, { timeoutMs: WAIT_MS });
  return elapsedMs / 1000;
}

async function bareBoot(manifest: VmManifest): Promise<number> {
  const stateDir = mkdtempSync(join(tmpdir(), "blixard-boot-"));
  const { imagesDir } = await ensureGuestImage({ cacheDir: cacheFolder(process.env), onProgress: () => {} });
  const logger = createPinoLogger({ level: "error", base: {} });
  const hypervisor = createQemuHypervisor({ stateDir, imagesDir, clock: nodeClock, logger, acceleration: "tcg" });
  const launch = launchOf(manifest);
  const booted = new Promise<void>((done) => {
    hypervisor.onEvent(({ type }) => {
      if (type === "booted") done();
    });
  });
  try {
    const startMs = performance.now();
    const started = await new Promise<{ readonly ok: boolean }>((done) => hypervisor.start(launch, done));
    if (!started.ok) throw new Error(`The bare guest did not start: ${JSON.stringify(started)}`);
    // QEMU accepts connections before the guest can answer, and such a one is late: ask only when the guest is up.
    await booted;
    const url = `http://127.0.0.1:${PAGE_PORT}/`;
    const answered = await poll(async () => ((await fetchPage(url))?.status === 200 ? performance.now() : undefined), {
      everyMs: POLL_MS,
      timeoutMs: WAIT_MS,
    });
    if (answered === undefined) throw new Error("The bare guest's page did not answer");
    return (answered - startMs) / 1000;
  } finally {
    await new Promise<unknown>((done) => hypervisor.stop(launch.instance, 0, done));
    hypervisor.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

function launchOf({ metadata, spec }: VmManifest): InstanceLaunch {
  return {
    instance: `${metadata.name}-bare`,
    vm: metadata.name,
    node: "bench",
    vcpus: spec.vcpus,
    memoryMiB: spec.memoryMiB,
    image: spec.image,
    command: spec.command,
    env: spec.env,
    files: spec.files,
    ports: [{ name: "http", guestPort: 80, hostAddress: "127.0.0.1", hostPort: PAGE_PORT }],
    leaseUntilMs: nodeClock.monotonicMs() + WAIT_MS,
  };
}
