/**
 * A real cluster to measure and to break: node processes on loopback, in a temporary folder, whose members can be killed
 * and started again one by one. Built from the same parts as `blixard up`.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiClient, type ApiClient } from "../api/index.ts";
import type { ClusterStatus } from "../api/index.ts";
import { cacheFolder } from "../cli/folders.ts";
import { ClusterHome, type ClusterRecord, type NodeRecord } from "../cli/local-cluster/cluster-record.ts";
import { endProcesses, signalNode, startNodes } from "../cli/local-cluster/local-cluster.ts";
import { startNodeProcess } from "../cli/local-cluster/node-process.ts";
import {
  nodeFlags,
  planNodes,
  refuseTakenPorts,
  type NodeFlagsOptions,
  type NodePlan,
} from "../cli/local-cluster/plan-nodes.ts";
import { prepareHost } from "../cli/local-cluster/prepare-host.ts";
import { waitForLeader } from "../cli/local-cluster/wait-for-leader.ts";
import { poll } from "../cli/pause.ts";
import { Progress } from "../cli/progress.ts";
import { isRunning } from "../runtime/node/guard/process-identity.ts";

export interface MeasuredClusterOptions {
  readonly nodes: number;
  readonly driver: "qemu" | "process";
  /** Apart from what `up` takes by default, and from other clusters of the same moment. */
  readonly portBase: number;
  /** For VMs, of each node; default: what `up` gives. */
  readonly room?: NonNullable<NodeFlagsOptions["room"]>;
  readonly onProgress?: (line: string) => void;
}

const READY_MS = 60_000;
const READY_POLL_MS = 50;
const GONE_MS = 5000;
const POLL_MS = 5;
const LEVEL_MS = 60_000;
const LEVEL_POLL_MS = 100;

export class MeasuredCluster {
  readonly client: ApiClient;
  readonly #home: ClusterHome;
  readonly #plans: readonly NodePlan[];
  readonly #flags: NodeFlagsOptions;
  #record: ClusterRecord;

  /** Starts the nodes and waits until all are ready. The caller stops it, whatever happens. */
  static async start(options: MeasuredClusterOptions): Promise<MeasuredCluster> {
    const folder = mkdtempSync(join(tmpdir(), "blixard-cluster-"));
    const home = new ClusterHome(folder);
    const write = (text: string): void => options.onProgress?.(text.trimEnd());
    const stream = {
      interactive: false,
      columns: 120,
      rows: 40,
      write,
      paint: (_style: unknown, text: string): string => text,
    };
    const progress = new Progress(stream);
    const prepared = await prepareHost({
      driver: options.driver,
      install: true,
      cacheDir: cacheFolder(process.env),
      progress,
    });
    const plans = planNodes(options.nodes, options.portBase, home.dataDir);
    await refuseTakenPorts(plans);
    const flags: NodeFlagsOptions = {
      driver: prepared.driver,
      ...(prepared.imagesDir === undefined ? {} : { imagesDir: prepared.imagesDir }),
      ...(options.room === undefined ? {} : { room: options.room }),
    };
    const { dataDir } = home;
    const record = await startNodes({
      ...{ home, plans, dataDir, ...flags },
      keepData: false,
      detached: true,
      env: process.env,
    });
    const cluster = new MeasuredCluster({ home, plans, flags, record });
    try {
      await cluster.ready();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  private constructor(parts: {
    readonly home: ClusterHome;
    readonly plans: readonly NodePlan[];
    readonly flags: NodeFlagsOptions;
    readonly record: ClusterRecord;
  }) {
    this.#home = parts.home;
    this.#plans = parts.plans;
    this.#flags = parts.flags;
    this.#record = parts.record;
    this.client = createApiClient({ urls: parts.record.nodes.map(({ apiUrl }) => apiUrl) });
  }

  get record(): ClusterRecord {
    return this.#record;
  }

  /** Waits until every node serves and knows the same leader, and holds a lease. @returns the leader. */
  async ready(): Promise<string> {
    const signal = AbortSignal.timeout(READY_MS);
    const leader = await poll(
      async () => {
        const known = await waitForLeader(this.#record, this.client, signal);
        // A node that was killed keeps its lease for a while, so the map alone does not say that it serves.
        return (await this.#believed(known)) ? known : undefined;
      },
      { everyMs: READY_POLL_MS, timeoutMs: READY_MS },
    );
    if (leader === undefined) throw new Error(`The nodes do not agree on a leader after ${READY_MS / 1000} s`);
    return leader;
  }

  async #believed(leader: string): Promise<boolean> {
    const views = this.#record.nodes.map(async ({ name }) => (await this.status(name)).replica.leader === leader);
    return (await Promise.allSettled(views)).every((view) => view.status === "fulfilled" && view.value);
  }

  /** Waits until the leader has raised the cluster to a level of commands; migrations and checkpoints are of level 3. */
  async atLevel(level: number): Promise<void> {
    const raised = await poll(
      async () => ((await this.client.clusterStatus()).replica.level >= level ? true : undefined),
      { everyMs: LEVEL_POLL_MS, timeoutMs: LEVEL_MS },
    );
    if (raised === undefined) throw new Error(`The cluster is not at level ${level} after ${LEVEL_MS / 1000} s`);
  }

  node(name: string): NodeRecord {
    const node = this.#record.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`The cluster has no node "${name}"`);
    return node;
  }

  /** A client that asks this node alone. */
  clientOf(name: string): ApiClient {
    return createApiClient({ urls: [this.node(name).apiUrl] });
  }

  async status(name: string): Promise<ClusterStatus> {
    return this.clientOf(name).clusterStatus();
  }

  /** `kill -9`; returns when the process is gone. */
  async kill(name: string): Promise<void> {
    const node = this.node(name);
    signalNode(node, "SIGKILL");
    const gone = await poll(() => (node.process === null || !isRunning(node.process) ? true : undefined), {
      everyMs: POLL_MS,
      timeoutMs: GONE_MS,
    });
    if (gone === undefined) throw new Error(`Node "${name}" was killed and is still there`);
  }

  /** Starts a node that was killed, on what its disk holds. Does not wait for it. */
  async restart(name: string): Promise<void> {
    const plan = this.#plans.find((candidate) => candidate.name === name);
    if (plan === undefined) throw new Error(`The cluster has no node "${name}"`);
    const token = readFileSync(join(this.#home.folder, "token"), "utf8").trim();
    const identity = await startNodeProcess({
      name,
      flags: nodeFlags(plan, this.#plans, this.#flags),
      env: { ...process.env, BLIXARD_TOKEN: token },
      logFile: this.#home.logFile(name),
    });
    const nodes = this.#record.nodes.map((node) => (node.name === name ? { ...node, process: identity } : node));
    this.#record = { ...this.#record, nodes };
    // Whoever comes after a crash of ours ends this one, too.
    this.#home.write(this.#record);
  }

  /** Ends every process of it and removes its folder. @throws when something could not be ended. */
  async stop(): Promise<void> {
    const left = await endProcesses(this.#record);
    rmSync(this.#home.folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`Still running: ${left.join(", ")}`);
  }
}
