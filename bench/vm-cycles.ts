/**
 * A thousand lives of VMs on one node process with QEMU, by its API, and what they leave behind: processes, open files, sockets, files, interfaces,
 * memory. The node is looked at from outside while it has no VM: behind the first ones, behind two hundred, and behind all.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { NodeRecord } from "../cli/local-cluster/cluster-record.ts";
import type { Bench, Row } from "./bench.ts";
import { MeasuredCluster } from "./measured-cluster.ts";
import { liveAndEnd } from "./vms/life-cycles.ts";
import { type Holdings, leftOf, settledHoldings, type Sizes, sizesOf } from "./vms/node-holdings.ts";

const PORT_BASE = 26_300;
/** What is loaded and opened once has been by then. */
const FIRST = 8;
/** Behind so many its events and V8's heap are about as large as they get. */
const WARM = 200;
const ALL = 1000;
const QUICK = { warm: 20, all: 60 };
const BOOTS_EVERY = 25;
const TOLD_EVERY = 50;
/** Resident memory goes up and down by itself: the least of so many looks counts. */
const LOOKS = 20;
const LOOK_MS = 250;
const KIB = 1024;
const MIB = KIB * KIB;

interface Seen {
  readonly holdings: Holdings;
  readonly sizes: Sizes;
}

export const vmCyclesBench: Bench = {
  name: "vm-cycles",
  summary: "what 1,000 lives of VMs leave behind on a node",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const { warm, all } = quick ? QUICK : { warm: WARM, all: ALL };
    const cluster = await MeasuredCluster.start({
      nodes: 1,
      driver: "qemu",
      portBase: PORT_BASE,
      onProgress: progress,
    });
    try {
      const node = cluster.node("n1");
      const live = async (first: number, last: number): Promise<void> => {
        const onEnded = (number: number): void => {
          if (number % TOLD_EVERY === 0)
            progress(`${number} of ${all}: ${mib(sizesOf(node).residentBytes)} MiB resident`);
        };
        const { client } = cluster;
        await liveAndEnd({ client, first, count: last - first + 1, bootsEvery: BOOTS_EVERY, onEnded });
      };
      await live(1, FIRST);
      const before = await look(node);
      const startMs = performance.now();
      await live(FIRST + 1, warm);
      const between = await look(node, before);
      await live(warm + 1, all);
      const minutes = (performance.now() - startMs) / 60_000;
      const after = await look(node, before);
      const vms = (await cluster.client.vms.list()).items.length;
      const perMinute = ((all - FIRST) / minutes).toFixed(0);
      const note = `created, started, running, stopped, deleted; one in ${BOOTS_EVERY} boots; ${perMinute} a minute`;
      return [
        { measure: "lives that ended as they should", value: all, unit: "", note },
        { measure: "VMs left", value: vms, unit: "", note: "none" },
        ...holdingRows(before.holdings, after.holdings),
        ...sizeRows(
          [before, between, after].map(({ sizes }) => sizes),
          { warm, all },
        ),
      ];
    } finally {
      await cluster.stop();
    }
  },
};

async function look(node: NodeRecord, before?: Seen): Promise<Seen> {
  const holdings = await settledHoldings(node, before?.holdings);
  let sizes = sizesOf(node);
  for (let at = 1; at < LOOKS; at++) {
    await delay(LOOK_MS);
    const { residentBytes, ...others } = sizesOf(node);
    sizes = { ...others, residentBytes: Math.min(sizes.residentBytes, residentBytes) };
  }
  return { holdings, sizes };
}

const KINDS: Readonly<Record<keyof Holdings, string>> = {
  processes: "processes of instances",
  children: "children of the node",
  openFiles: "open files of the node",
  sockets: "sockets of the node",
  watches: "file watches of the node",
  files: "files of the node",
  endedInstances: "ended instances beyond those kept",
  interfaces: "network interfaces of the host",
};

function holdingRows(before: Holdings, after: Holdings): readonly Row[] {
  const left = leftOf(before, after);
  return (Object.keys(KINDS) as (keyof Holdings)[]).map((kind) => {
    const note = `${after[kind]} there, ${before[kind]} behind the first ${FIRST}`;
    return { measure: `${KINDS[kind]} left`, value: left[kind] ?? 0, unit: "", note };
  });
}

function sizeRows(
  seen: readonly Sizes[],
  { warm, all }: { readonly warm: number; readonly all: number },
): readonly Row[] {
  const [before, between, after] = seen;
  if (before === undefined || between === undefined || after === undefined) return [];
  const row = (measure: string, of: (sizes: Sizes) => number): Row => {
    const [first, second, third] = [before, between, after].map(of);
    const grown = ((third ?? 0) - (second ?? 0)) / (all - warm) / KIB;
    const note = `MiB ${mib(first)}, ${mib(second)}, ${mib(third)} behind ${FIRST}, ${warm} and ${all}`;
    return { measure: `${measure}, growth a life behind ${warm}`, value: Number(grown.toFixed(2)), unit: "KiB", note };
  };
  return [
    row("resident memory", ({ residentBytes }) => residentBytes),
    row("data on disk", ({ dataBytes }) => dataBytes),
    row("node's log", ({ logBytes }) => logBytes),
  ];
}

function mib(bytes = 0): string {
  return (bytes / MIB).toFixed(1);
}
