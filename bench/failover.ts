/**
 * Fail-over of a real cluster at default settings, by `kill -9`: of the node that runs a microVM, until its page answers from
 * another node; of the leader, until another one leads and a write is answered.
 */
import { join } from "node:path";
import { checkFailOver, fetchPage } from "../cli/local-cluster/fail-over-check.ts";
import { applyManifest } from "../cli/apply-manifest.ts";
import { loadManifests } from "../cli/manifest/load-manifests.ts";
import { poll } from "../cli/pause.ts";
import { waitUntilUp } from "../cli/wait-for-vm.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";
import { MeasuredCluster } from "./measured-cluster.ts";

const REPOSITORY = join(import.meta.dirname, "..");
const VM_ROUNDS = 3;
const LEADER_ROUNDS = 5;
const PORT_BASE = 27_100;
const UP_MS = 60_000;
const LEADER_MS = 20_000;
const POLL_MS = 10;

export const failoverBench: Bench = {
  name: "failover",
  summary: "seconds until a VM is back after kill -9 of its node, and the API after kill -9 of the leader",
  async run(progress): Promise<readonly Row[]> {
    const cluster = await MeasuredCluster.start({
      nodes: 3,
      driver: "qemu",
      portBase: PORT_BASE,
      onProgress: progress,
    });
    try {
      return [...(await killVmNodes(cluster, progress)), ...(await killLeaders(cluster, progress))];
    } finally {
      await cluster.stop();
    }
  },
};

async function killVmNodes(cluster: MeasuredCluster, progress: (line: string) => void): Promise<Row[]> {
  const [manifest] = await loadManifests("examples/web", { cwd: REPOSITORY, readStdin: async () => "" });
  if (manifest === undefined) throw new Error("examples/web has no manifest");
  await applyManifest(cluster.client, manifest);
  const elapsed: number[] = [];
  const started: number[] = [];
  const gaps: number[] = [];
  for (let round = 1; round <= VM_ROUNDS; round++) {
    const vm = await waitUntilUp(cluster.client, manifest.metadata.name, { timeoutMs: UP_MS });
    const [address] = vm.status.addresses;
    const node = vm.status.instance?.node;
    if (address === undefined || node === undefined) throw new Error("The VM is up and has no address or no node");
    const pageUrl = `http://${address.address}:${address.port}/`;
    if ((await fetchPage(pageUrl))?.status !== 200) throw new Error(`${pageUrl} does not answer`);
    const signal = AbortSignal.timeout(UP_MS);
    const report = await checkFailOver({ client: cluster.client, record: cluster.record, vm, pageUrl, signal });
    progress(
      `kill -9 of ${report.from}: the page answers from ${report.to} after ${(report.elapsedMs / 1000).toFixed(2)} s`,
    );
    elapsed.push(report.elapsedMs / 1000);
    started.push(report.startedMs / 1000);
    gaps.push(report.gapMs / 1000);
    await cluster.restart(report.from);
    await cluster.ready();
  }
  return [
    spreadRow("VM's node killed, page answers again", elapsed, { unit: "s", goal: "under 15 s" }),
    spreadRow("  of which until the new guest starts", started, { unit: "s", goal: "lease 6 s and bound" }),
    spreadRow("  old guest gone before the new one starts", gaps, { unit: "s", goal: "never negative" }),
  ];
}

async function killLeaders(cluster: MeasuredCluster, progress: (line: string) => void): Promise<Row[]> {
  const elections: number[] = [];
  const writes: number[] = [];
  for (let round = 1; round <= LEADER_ROUNDS; round++) {
    const leader = await cluster.ready();
    const survivor = cluster.record.nodes.find(({ name }) => name !== leader);
    if (survivor === undefined) throw new Error("A cluster of one has no fail-over");
    const startMs = performance.now();
    await cluster.kill(leader);
    const [electionMs, writeMs] = await Promise.all([
      untilLed(cluster, survivor.name, leader, startMs),
      untilWritten(cluster, survivor.name, startMs),
    ]);
    progress(
      `kill -9 of the leader ${leader}: led after ${Math.round(electionMs)} ms, a write after ${Math.round(writeMs)} ms`,
    );
    elections.push(electionMs / 1000);
    writes.push(writeMs / 1000);
    await cluster.restart(leader);
  }
  return [
    spreadRow("leader killed, new leader", elections, { unit: "s", goal: "under 2 s" }),
    spreadRow("leader killed, write answered", writes, { unit: "s", goal: "under 2 s" }),
  ];
}

async function untilLed(cluster: MeasuredCluster, asked: string, old: string, startMs: number): Promise<number> {
  const led = await poll(
    async () => {
      const { leader } = (await cluster.status(asked)).replica;
      return leader !== null && leader !== old ? performance.now() - startMs : undefined;
    },
    { everyMs: POLL_MS, timeoutMs: LEADER_MS },
  );
  if (led === undefined) throw new Error(`No new leader ${LEADER_MS} ms after ${old} was killed`);
  return led;
}

/** One write, sent while nobody leads: a node keeps it until somebody does. */
async function untilWritten(cluster: MeasuredCluster, asked: string, startMs: number): Promise<number> {
  const name = `probe-${Math.round(startMs)}`;
  const client = cluster.clientOf(asked);
  const written = await poll(
    async () => {
      try {
        const { change } = await client.vms.apply({
          apiVersion: "blixard.dev/v1",
          kind: "Vm",
          metadata: { name },
          spec: { running: false },
        });
        return change === "created" || change === "none" ? performance.now() - startMs : undefined;
      } catch {
        return undefined;
      }
    },
    { everyMs: POLL_MS, timeoutMs: LEADER_MS },
  );
  if (written === undefined) throw new Error(`No write was answered ${LEADER_MS} ms after the leader was killed`);
  await client.vms.delete(name);
  return written;
}
