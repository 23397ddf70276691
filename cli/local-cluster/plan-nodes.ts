/** Decides how the nodes of a local cluster are started, and refuses what cannot work before anything starts. */
import { readdirSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { CliError, usageError } from "../cli-error.ts";
import { formatEndpoint, type Endpoint } from "../endpoint.ts";
import { EXIT } from "../exit-codes.ts";
import type { DriverChoice } from "../node-settings.ts";
import { portOwner, whyNotListen } from "./listening-port.ts";

export interface NodePlan {
  readonly name: string;
  readonly listen: Endpoint;
  readonly api: Endpoint;
  readonly dataDir: string;
}

const LOOPBACK = "127.0.0.1";

/** Node 1 listens on the base + 1 and serves its API on the base + 101. */
export const PORT_BASE_DEFAULT = 7100;
const API_OFFSET = 100;

/** Between the two rows of ports; a cluster on one host is for trying things. */
export const NODES_MAX = 9;
const PORT_MAX = 65_535;

/** Names of all clusters that `up` starts: their secrets tell them apart. */
export const LOCAL_CLUSTER_ID = "local";

/** What is left of the host's memory for the host, the nodes themselves and the monitors around the guests. */
const MEMORY_SHARE_FOR_VMS = 0.75;
const MEBIBYTE = 1_048_576;

export function planNodes(count: number, portBase: number, dataDir: string): readonly NodePlan[] {
  if (portBase < 1024 || portBase + API_OFFSET + count > PORT_MAX) {
    const message = `Cannot start ${count} nodes from port ${portBase}: ports from 1024 to ${PORT_MAX} can be used.`;
    throw usageError(message, `The default is --port-base ${PORT_BASE_DEFAULT}.`);
  }
  return Array.from({ length: count }, (_, at) => {
    const number = at + 1;
    const name = `n${number}`;
    return {
      name,
      listen: { host: LOOPBACK, port: portBase + number },
      api: { host: LOOPBACK, port: portBase + API_OFFSET + number },
      dataDir: join(dataDir, name),
    };
  });
}

/** @throws CliError that names the first port that is taken, and who has it. */
export async function refuseTakenPorts(plans: readonly NodePlan[]): Promise<void> {
  for (const { name, listen, api } of plans) {
    for (const endpoint of [listen, api]) {
      const why = await whyNotListen(endpoint);
      if (why === undefined) continue;
      const owner = why === "EADDRINUSE" ? portOwner(endpoint.port) : undefined;
      const reason = owner === undefined ? `in use (${why})` : `in use by "${owner.program}", process ${owner.pid}`;
      throw new CliError(EXIT.conflict, `Cannot start node "${name}": ${formatEndpoint(endpoint)} is ${reason}.`, {
        hint: "Stop that process, or choose other ports, for example --port-base 17100.",
      });
    }
  }
}

/** Data that is kept belongs to the members that wrote it. @throws CliError when those are others than `plans`. */
export function refuseOtherMembers(plans: readonly NodePlan[], dataDir: string): void {
  const found = readFolders(dataDir).filter((name) => /^n[1-9]$/.test(name));
  if (found.length === 0 || found.length === plans.length) return;
  const message = `Cannot start ${plans.length} nodes on the data in ${dataDir}: it belongs to a cluster of ${found.length}.`;
  throw usageError(message, `Use --nodes ${found.length}, or another --data folder.`);
}

function readFolders(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export function apiUrlOf({ api }: NodePlan): string {
  return `http://${formatEndpoint(api)}`;
}

export interface NodeFlagsOptions {
  readonly driver: DriverChoice;
  readonly imagesDir?: string;
  /** Settings of Nix. */
  readonly nixFile?: string;
  /** Names, with commas. Default: BLIXARD_BRIDGES, which each node reads itself. */
  readonly bridges?: string;
  /** For VMs, of each node. Default: its part of the host's memory, and as many CPUs as the host has. */
  readonly room?: { readonly vcpus: number; readonly memoryMiB: number };
}

/** The flags of `blixard node` for one of `plans`. All nodes share one host, so each takes its part of the memory. */
export function nodeFlags(
  plan: NodePlan,
  plans: readonly NodePlan[],
  { driver, imagesDir, nixFile, bridges, room }: NodeFlagsOptions,
): readonly string[] {
  const memoryMiB = room?.memoryMiB ?? Math.floor((totalmem() * MEMORY_SHARE_FOR_VMS) / MEBIBYTE / plans.length);
  return [
    ["--name", plan.name],
    ["--cluster-id", LOCAL_CLUSTER_ID],
    ["--data", plan.dataDir],
    ...(imagesDir === undefined ? [] : [["--images", imagesDir]]),
    ["--listen", formatEndpoint(plan.listen)],
    ["--api", formatEndpoint(plan.api)],
    ["--peers", plans.map(({ name, listen }) => `${name}=${formatEndpoint(listen)}`).join(",")],
    ["--driver", driver],
    ...(nixFile === undefined ? [] : [["--nix", nixFile]]),
    ...(bridges === undefined ? [] : [["--bridges", bridges]]),
    ["--address", LOOPBACK],
    ["--memory-mib", String(memoryMiB)],
    ...(room === undefined ? [] : [["--vcpus", String(room.vcpus)]]),
  ].flat();
}
