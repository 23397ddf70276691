/**
 * What a node process holds of its host, read from outside: processes, open files, sockets, files on its disk, interfaces, memory. Two readings
 * of a node without VMs, before and after it had some, differ by what these have left behind.
 */
import { type Dirent, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { poll } from "../../cli/pause.ts";
import type { NodeRecord } from "../../cli/local-cluster/cluster-record.ts";
import { ENDED_MAX } from "../../runtime/node/instances/instance-store.ts";

/** Numbers that must not grow. */
export interface Holdings {
  /** Everything whose working folder is below the node's data: guards, their sleepers, virtual machine monitors. */
  readonly processes: number;
  /** The node's own children, zombies among them. */
  readonly children: number;
  /** Descriptors of the node that are not sockets. */
  readonly openFiles: number;
  /** Sockets of the node; connections of clients to its API, which stay open for a while, are not counted. */
  readonly sockets: number;
  /** File watches of the node. */
  readonly watches: number;
  /** Files and folders below its data, but for its stores' and for what is kept of instances that have ended. */
  readonly files: number;
  /** Ended instances beyond those whose logs are kept. */
  readonly endedInstances: number;
  /** Network interfaces of the host. */
  readonly interfaces: number;
}

/** Sizes, which change by themselves. */
export interface Sizes {
  readonly residentBytes: number;
  /** Of the node's data: log, snapshots, logs of instances that ended. */
  readonly dataBytes: number;
  /** What the node has written to its own log. */
  readonly logBytes: number;
}

const ENDED = "ended";
/** Raft's log and snapshots: files that are written anew, renamed and dropped while nothing happens. */
const STORES = new Set(["raft", "snapshots"]);
const ESTABLISHED = "01";
const SETTLE_MS = 1000;
const LEFT_MS = 10_000;
const SETTLE_POLL_MS = 100;

/** @throws when the node's process is not there. */
function holdingsOf(node: NodeRecord): Holdings {
  const pid = pidOf(node);
  const links = descriptorsOf(pid);
  const sockets = links.filter((link) => link.startsWith("socket:"));
  const api = new Set(clientConnections(pid, node.ports));
  const entries = entriesBelow(node.dataDir).filter((path) => !STORES.has(path.split(sep)[0] ?? ""));
  const ended = entries.filter((path) => path.startsWith(`${ENDED}${sep}`));
  const instances = new Set(ended.map((path) => path.split(sep)[1]));
  return {
    processes: processesIn(node.dataDir),
    children: childrenOf(pid),
    openFiles: links.length - sockets.length,
    sockets: sockets.filter((link) => !api.has(link.slice("socket:[".length, -1))).length,
    watches: watchesOf(pid),
    files: entries.length - ended.length,
    endedInstances: Math.max(0, instances.size - ENDED_MAX),
    interfaces: readdirSync("/sys/class/net").length,
  };
}

/** What it holds once that is no more than before, or a while has passed: what has ended goes within moments. */
export async function settledHoldings(node: NodeRecord, before?: Holdings): Promise<Holdings> {
  let now = holdingsOf(node);
  await poll(
    () => {
      now = holdingsOf(node);
      return before !== undefined && isEmpty(leftOf(before, now)) ? true : undefined;
    },
    { everyMs: SETTLE_POLL_MS, timeoutMs: before === undefined ? SETTLE_MS : LEFT_MS },
  );
  return now;
}

export function sizesOf(node: NodeRecord): Sizes {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pidOf(node)}/status`, "utf8")) ?? [];
  const dataBytes = entriesBelow(node.dataDir)
    .map((path) => statSync(join(node.dataDir, path), { throwIfNoEntry: false }))
    .reduce((sum, stat) => sum + (stat?.isFile() === true ? stat.blocks * 512 : 0), 0);
  return { residentBytes: Number(kibibytes) * 1024, dataBytes, logBytes: statSync(node.logFile).size };
}

/** What there is more of than before, by name; empty when nothing was left. */
export function leftOf(before: Holdings, after: Holdings): Readonly<Partial<Holdings>> {
  const kinds = Object.keys(before) as (keyof Holdings)[];
  const more = kinds.map((kind) => [kind, after[kind] - before[kind]] as const).filter(([, count]) => count > 0);
  return Object.fromEntries(more);
}

function isEmpty(left: Readonly<Partial<Holdings>>): boolean {
  return Object.keys(left).length === 0;
}

function pidOf({ name, process: identity }: NodeRecord): number {
  if (identity === null) throw new Error(`Node "${name}" has no process`);
  return identity.pid;
}

function descriptorsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
}

function watchesOf(pid: number): number {
  const infos = readdirSync(`/proc/${pid}/fdinfo`).map((fd) => textOf(`/proc/${pid}/fdinfo/${fd}`));
  return infos.reduce((sum, info) => sum + (info.match(/^inotify /gm)?.length ?? 0), 0);
}

/** Inodes of established connections to the ports of the node. */
function clientConnections(pid: number, ports: readonly number[]): readonly string[] {
  const lines = ["tcp", "tcp6"].flatMap((name) => textOf(`/proc/${pid}/net/${name}`).split("\n"));
  return lines.flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const port = Number.parseInt(local?.split(":")[1] ?? "", 16);
    return inode !== undefined && state === ESTABLISHED && ports.includes(port) ? [inode] : [];
  });
}

function childrenOf(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`).map((task) => textOf(`/proc/${pid}/task/${task}/children`));
  return tasks.join(" ").split(/\s+/).filter(Boolean).length;
}

function processesIn(folder: string): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => linkOf(`/proc/${pid}/cwd`)).filter((cwd) => cwd.startsWith(`${folder}${sep}`)).length;
}

/** Paths below a folder, relative to it; folders come and go while we look. */
function entriesBelow(folder: string, at = ""): readonly string[] {
  const entries = entriesOf(join(folder, at));
  return entries.flatMap((entry) => {
    const path = join(at, entry.name);
    return entry.isDirectory() ? [path, ...entriesBelow(folder, path)] : [path];
  });
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Processes, descriptors and files go while we look. */
function linkOf(path: string): readonly string[] {
  try {
    return [readlinkSync(path)];
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
