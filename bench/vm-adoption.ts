/**
 * A node of three that runs a hundred small VMs is killed and started again: how long until its API lists all of them as its own under its new lease, and
 * until it has spoken with each of their hypervisors. They are clones of one template, which share its memory, and must be the same processes as before.
 */
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { ApiClient } from "../api/index.ts";
import { runningInstances } from "../cli/local-cluster/instance-processes.ts";
import { poll } from "../cli/pause.ts";
import { waitUntilReady } from "../cli/wait-for-checkpoint.ts";
import { waitUntilPaused, waitUntilStopped, waitUntilUp } from "../cli/wait-for-vm.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";
import { MeasuredCluster } from "./measured-cluster.ts";
import { inLanes } from "./vms/lanes.ts";

const PORT_BASE = 26_500;
const VMS = 100;
const ROUNDS = 5;
const QUICK = { vms: 10, rounds: 2 };
const TEMPLATE = "template";
const SPEC = { memoryMiB: 96, command: ["sleep", "1000000"] };
/** More than the host has: clones share what they have not written, and do nothing. */
const ROOM = { vcpus: 64, memoryMiB: 16_384 };
const WAIT = { timeoutMs: 300_000 };
const POLL_MS = 25;
/** Each asks all of its hypervisors. */
const METRICS_POLL_MS = 250;
const UP: ReadonlySet<string> = new Set(["Running", "Paused"]);
/** For leases to be renewed and guests to calm down. */
const SETTLE_MS = 3000;
const IDLE_MS = 5000;
/** Of all cores, in percent, that guests may take so that it is the node that is measured; where idle ones take more, some are paused. */
const IDLE_SHARE_MAX = 50;

interface Adoption {
  readonly listedMs: number;
  readonly spokenMs: number;
  /** Instances that are the same process as before. */
  readonly kept: number;
}

export const vmAdoptionBench: Bench = {
  name: "vm-adoption",
  summary: "seconds until a node that was killed has its 100 running VMs again",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const { vms, rounds } = quick ? QUICK : { vms: VMS, rounds: ROUNDS };
    const cluster = await MeasuredCluster.start({
      nodes: 3,
      driver: "qemu",
      portBase: PORT_BASE,
      room: ROOM,
      onProgress: progress,
    });
    try {
      const node = await makeClones(cluster, vms, progress);
      await delay(SETTLE_MS);
      const idle = await idleShare(cluster.clientOf(node));
      progress(`${vms} idle guests take ${idle.toFixed(0)} % of a core`);
      const still = Math.ceil(vms * Math.max(0, 1 - (IDLE_SHARE_MAX * availableParallelism()) / idle));
      await inLanes(cloneNames(still), async (name) => {
        await cluster.client.vms.pause(name);
        await waitUntilPaused(cluster.client, name, WAIT);
      });
      if (still > 0) progress(`${still} of them are paused`);
      const adoptions: Adoption[] = [];
      for (let round = 1; round <= rounds; round++) {
        const adoption = await strike(cluster, node, vms);
        adoptions.push(adoption);
        const { listedMs, spokenMs, kept } = adoption;
        progress(
          `round ${round}: listed after ${listedMs.toFixed(0)} ms, spoken with after ${spokenMs.toFixed(0)}, ${kept} kept`,
        );
        await delay(SETTLE_MS);
      }
      const seconds = (of: (one: Adoption) => number): number[] => adoptions.map((one) => of(one) / 1000);
      return [
        {
          measure: "VMs that ran on",
          value: Math.min(...adoptions.map(({ kept }) => kept)),
          unit: `of ${vms}`,
          note: `the same processes, each time; ${still} of them paused`,
        },
        spreadRow(
          "node's start until all are listed as its own",
          seconds((one) => one.listedMs),
          { unit: "s", goal: "under 5 s" },
        ),
        spreadRow(
          "  until it has spoken with each",
          seconds((one) => one.spokenMs),
          { unit: "s", goal: "vm metrics of all" },
        ),
        { measure: `CPU of ${vms} idle guests`, value: Math.round(idle), unit: "%", note: "of one core, emulated" },
      ];
    } finally {
      await cluster.stop();
    }
  },
};

/** @returns the node that has them all: the one with the checkpoint. */
async function makeClones(cluster: MeasuredCluster, vms: number, progress: (line: string) => void): Promise<string> {
  const { client } = cluster;
  const apply = async (name: string, from?: string): Promise<void> => {
    const spec = from === undefined ? SPEC : { ...SPEC, checkpoint: from };
    await client.vms.apply({ apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name }, spec });
    await waitUntilUp(client, name, WAIT);
  };
  await cluster.atLevel(3);
  await apply(TEMPLATE);
  await client.checkpoints.create({ vm: TEMPLATE, name: TEMPLATE });
  const { status } = await waitUntilReady(client, TEMPLATE, WAIT);
  await client.vms.stop(TEMPLATE);
  await waitUntilStopped(client, TEMPLATE, WAIT);
  let up = 0;
  await inLanes(cloneNames(vms), async (name) => {
    await apply(name, TEMPLATE);
    up += 1;
    if (up % 10 === 0) progress(`${up} of ${vms} clones run`);
  });
  return status.node;
}

function cloneNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `clone-${at + 1}`);
}

/** Of one core, in percent. */
async function idleShare(client: ApiClient): Promise<number> {
  const cpuMs = async (): Promise<number> => {
    const { nodes } = await client.clusterMetrics();
    return nodes.flatMap(({ vms }) => vms).reduce((sum, { usage }) => sum + (usage?.cpuMs ?? 0), 0);
  };
  const before = await cpuMs();
  const startMs = performance.now();
  await delay(IDLE_MS);
  return (((await cpuMs()) - before) / (performance.now() - startMs)) * 100;
}

async function strike(cluster: MeasuredCluster, name: string, vms: number): Promise<Adoption> {
  const { dataDir } = cluster.node(name);
  const processes = (): ReadonlySet<string> =>
    new Set(runningInstances(dataDir).map(({ instance, state }) => `${instance} ${state.child?.pid}`));
  const before = processes();
  const { epoch } = (await cluster.client.nodes.get(name)).status;
  await cluster.kill(name);
  const startMs = performance.now();
  await cluster.restart(name);
  const client = cluster.clientOf(name);
  const listedMs = await since(startMs, async () => {
    const { items } = await client.vms.list();
    const own = items.filter(
      ({ status: { instance, phase } }) => UP.has(phase) && instance?.node === name && instance.epoch > epoch,
    );
    return own.length === vms;
  });
  // A busy node leaves out who has not answered in time: each needs to have once.
  const spoken = new Set<string>();
  const hasSpoken = async (): Promise<boolean> => {
    const { nodes } = await client.clusterMetrics();
    for (const { vm, usage } of nodes.flatMap((node) => node.vms)) if (usage !== undefined) spoken.add(vm);
    return spoken.size === vms;
  };
  const spokenMs = await since(startMs, hasSpoken, METRICS_POLL_MS);
  const after = processes();
  return { listedMs, spokenMs, kept: [...before].filter((one) => after.has(one)).length };
}

/** @throws when it is not so in time. */
async function since(startMs: number, isSo: () => Promise<boolean>, everyMs = POLL_MS): Promise<number> {
  const at = await poll(async () => ((await isSo().catch(() => false)) ? performance.now() : undefined), {
    everyMs,
    timeoutMs: WAIT.timeoutMs,
  });
  if (at === undefined) throw new Error(`The node has not all of its VMs after ${WAIT.timeoutMs / 1000} s`);
  return at - startMs;
}
