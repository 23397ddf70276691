/**
 * What a stopped cluster must not leave on the host, looked for without trusting what it says of itself: processes,
 * ports, sockets and mounts.
 */
import { readFileSync } from "node:fs";
import type { ClusterRecord } from "./cluster-record.ts";
import { runningNodes } from "./cluster-record.ts";
import { runningInstances } from "./instance-processes.ts";
import { portOwner } from "./listening-port.ts";

/** One sentence a thing that is left; empty when nothing is. */
export function findRemains(record: ClusterRecord): readonly string[] {
  const ports = record.nodes.flatMap((node) => node.ports);
  // With `--data` these may be disks of the user's.
  const disks = new Set([record.dataDir, ...record.nodes.map(({ dataDir }) => dataDir)]);
  return [
    ...runningNodes(record).map(({ name, process: identity }) => `node "${name}" runs as process ${identity?.pid}`),
    ...record.nodes.flatMap(({ dataDir }) =>
      runningInstances(dataDir).map(({ instance }) => `something of instance "${instance}" runs`),
    ),
    ...ports.flatMap((port) => {
      const owner = portOwner(port);
      return owner === undefined ? [] : [`port ${port} is listened on by "${owner.program}", process ${owner.pid}`];
    }),
    ...linesBelow("/proc/net/unix", record.dataDir).map((path) => `socket ${path} is open`),
    ...linesBelow("/proc/self/mounts", record.dataDir)
      .filter((path) => !disks.has(path))
      .map((path) => `${path} is mounted`),
  ];
}

/** Paths below `folder` that the lines of a kernel table name. */
function linesBelow(table: string, folder: string): readonly string[] {
  const words = readFileSync(table, "utf8").split(/\s+/);
  return words.filter((word) => word === folder || word.startsWith(`${folder}/`));
}
