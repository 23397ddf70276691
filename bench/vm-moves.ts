/**
 * Live migration between node processes of a cluster of three: a guest that writes memory and a line on its console each 10 ms moves from node to
 * node. How long it is away is told by its lines (vms/line-watch.ts); in that time lie its last pages, and the commit by which the cluster makes it the
 * other node's.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../cli/cli-error.ts";
import { waitUntilMoved } from "../cli/wait-for-move.ts";
import { waitUntilUp } from "../cli/wait-for-vm.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";
import { MeasuredCluster } from "./measured-cluster.ts";
import { COUNTING, LineWatch } from "./vms/line-watch.ts";

const PORT_BASE = 26_100;
const NAME = "mover";
const MOVES = 20;
const MOVES_QUICK = 3;
const LIMITS = { bandwidthBytesPerSecond: 1_000_000_000, downtimeMs: 40 };
/** Before each move, to see how far apart lines are without one. */
const QUIET_MS = 1000;
const WAIT_MS = 60_000;

interface Move {
  readonly blackoutMs: number;
  readonly usualMs: number;
  readonly lastPagesMs: number;
  readonly takeOverMs: number;
  readonly totalMs: number;
}

export const vmMovesBench: Bench = {
  name: "vm-moves",
  summary: "live migration between node processes: how long a guest is away by its own counter",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const cluster = await MeasuredCluster.start({
      nodes: 3,
      driver: "qemu",
      portBase: PORT_BASE,
      onProgress: progress,
    });
    try {
      await cluster.atLevel(3);
      const spec = { memoryMiB: 128, command: ["/bin/sh", "-c", COUNTING] };
      await cluster.client.vms.apply({ apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name: NAME }, spec });
      await waitUntilUp(cluster.client, NAME, { timeoutMs: WAIT_MS });
      return rowsOf(await moves(cluster, quick ? MOVES_QUICK : MOVES, progress), quick ? MOVES_QUICK : MOVES);
    } finally {
      await cluster.stop();
    }
  },
};

async function moves(
  cluster: MeasuredCluster,
  count: number,
  progress: (line: string) => void,
): Promise<readonly Move[]> {
  const made: Move[] = [];
  for (let at = 1; at <= count; at++) {
    try {
      const one = await move(cluster);
      made.push(one);
      progress(
        `move ${at} of ${count}: away for ${one.blackoutMs.toFixed(0)} ms, of it last pages ${one.lastPagesMs}, take-over ${one.takeOverMs}`,
      );
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      progress(`move ${at} of ${count}: ${error.message}`);
    }
  }
  if (made.length === 0) throw new Error("No move succeeded");
  return made;
}

/** To the next node in turn, so that each is source, target and leader of some. */
async function move(cluster: MeasuredCluster): Promise<Move> {
  const { instance } = (await cluster.client.vms.get(NAME)).status;
  const { nodes } = cluster.record;
  const from = nodes.findIndex(({ name }) => name === instance?.node);
  const [source, target] = [nodes[from], nodes[(from + 1) % nodes.length]];
  if (source === undefined || target === undefined || instance === null) throw new Error(`VM "${NAME}" runs nowhere`);
  const consoleOn = (dataDir: string): string => join(dataDir, "instances", instance.id, "console.log");
  const watch = new LineWatch({ from: consoleOn(source.dataDir), to: consoleOn(target.dataDir) });
  try {
    await delay(QUIET_MS);
    const usualMs = watch.longestGapMs;
    const startMs = performance.now();
    const { status } = await cluster.client.vms.migrate(NAME, { to: target.name, ...LIMITS });
    const id = status.migration?.id ?? "";
    const arrived = watch.arrived(WAIT_MS).then(() => performance.now() - startMs);
    const [last, totalMs] = await Promise.all([
      waitUntilMoved(cluster.client, NAME, { timeoutMs: WAIT_MS, id }),
      arrived,
    ]);
    const { lastPagesMs = NaN, takeOverMs = NaN } = last;
    return { blackoutMs: watch.handoverMs, usualMs, lastPagesMs, takeOverMs, totalMs };
  } finally {
    watch.close();
  }
}

function rowsOf(made: readonly Move[], wanted: number): readonly Row[] {
  const row = (measure: string, of: (one: Move) => number, goal: string): Row => {
    const told = made.map(of).filter((value) => !Number.isNaN(value));
    return spreadRow(measure, told, { unit: "ms", goal });
  };
  return [
    { measure: "moves that succeeded", value: made.length, unit: `of ${wanted}`, note: "all of them" },
    row("blackout by the guest's counter", (one) => one.blackoutMs, "under 100 ms"),
    row("  of which last pages", (one) => one.lastPagesMs, "as the source saw it"),
    row("  of which take-over", (one) => one.takeOverMs, "from all there to running, with the commit"),
    row("longest gap in a second without a move", (one) => one.usualMs, "lines each 10 ms"),
    row("from the request to the first line there", (one) => one.totalMs, "128 MiB"),
  ];
}
