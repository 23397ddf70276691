/**
 * The processes of a cluster on this host: starts them, and ends them so that nothing stays behind.
 *
 * Starting records each process at once, so that whoever comes after a crash can end it. Ending first asks the nodes,
 * then ends them, then ends what their guards still hold: a guest survives its node on purpose.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { poll } from "../pause.ts";
import { runningNodes, type ClusterHome, type ClusterRecord, type NodeRecord } from "./cluster-record.ts";
import { killInstances, runningInstances } from "./instance-processes.ts";
import { lastWords, signalProcess, startNodeProcess } from "./node-process.ts";
import { apiUrlOf, LOCAL_CLUSTER_ID, nodeFlags, type NodeFlagsOptions, type NodePlan } from "./plan-nodes.ts";

/** As long as a node takes to answer its open requests and close its log. */
const NODE_GRACE_MS = 5000;
/** What was killed is gone within milliseconds, unless it hangs in the kernel. */
const KILL_WAIT_MS = 5000;
const POLL_MS = 20;

const TOKEN_BYTES = 32;

const LOG_LINES_SHOWN = 5;

export interface StartOptions extends NodeFlagsOptions {
  readonly home: ClusterHome;
  readonly plans: readonly NodePlan[];
  readonly dataDir: string;
  readonly keepData: boolean;
  readonly detached: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Starts every node. They are not yet a cluster when this returns. @throws when a process cannot be started. */
export async function startNodes(options: StartOptions): Promise<ClusterRecord> {
  const { home, plans, dataDir, keepData, detached } = options;
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  rmSync(home.logsDir, { recursive: true, force: true });
  if (!keepData) rmSync(dataDir, { recursive: true, force: true });
  home.writeToken(token);
  const nodes = plans.map((plan): NodeRecord => {
    const { name, listen, api, dataDir: folder } = plan;
    const ports = [listen.port, api.port];
    return { name, process: null, apiUrl: apiUrlOf(plan), ports, dataDir: folder, logFile: home.logFile(name) };
  });
  const record: ClusterRecord = { format: 1, clusterId: LOCAL_CLUSTER_ID, detached, dataDir, keepData, nodes };
  home.write(record);
  for (const [at, plan] of plans.entries()) {
    mkdirSync(plan.dataDir, { recursive: true, mode: 0o700 });
    const identity = await startNodeProcess({
      name: plan.name,
      flags: nodeFlags(plan, plans, options),
      // Its words go to a log, where a stack is welcome.
      env: { ...options.env, BLIXARD_TOKEN: token, BLIXARD_DEBUG: "1" },
      logFile: home.logFile(plan.name),
    });
    nodes[at] = { ...nodes[at]!, process: identity };
    home.write(record);
  }
  return record;
}

/** @throws CliError with the end of its log when a node has ended by itself. */
export function refuseEndedNodes(record: ClusterRecord): void {
  const running = new Set(runningNodes(record));
  const ended = record.nodes.find((node) => !running.has(node));
  if (ended === undefined) return;
  const words = lastWords(ended.logFile, LOG_LINES_SHOWN).map((line) => `\n  ${line}`);
  throw new CliError(EXIT.failed, `Node "${ended.name}" ended by itself.${words.join("")}`, {
    hint: `All it said is in ${ended.logFile}.`,
  });
}

export interface EndOptions {
  /** Aborted: ask nobody any more, end everything at once. */
  readonly force?: AbortSignal;
}

/** Ends every process of the cluster. @returns what could not be ended, for people; empty when nothing is left. */
export async function endProcesses(record: ClusterRecord, { force }: EndOptions = {}): Promise<readonly string[]> {
  for (const node of runningNodes(record)) signalNode(node, "SIGTERM");
  await poll(() => (runningNodes(record).length === 0 || force?.aborted === true ? true : undefined), {
    everyMs: POLL_MS,
    timeoutMs: NODE_GRACE_MS,
  });
  for (const node of runningNodes(record)) signalNode(node, "SIGKILL");
  await poll(() => (endLeftovers(record) ? true : undefined), { everyMs: POLL_MS, timeoutMs: KILL_WAIT_MS });
  return [
    ...runningNodes(record).map(({ name, process: identity }) => `node "${name}", process ${identity?.pid}`),
    ...record.nodes.flatMap(({ dataDir }) =>
      runningInstances(dataDir).map(({ instance, state }) => `instance "${instance}", process ${state.child?.pid}`),
    ),
  ];
}

/** Removes what the cluster wrote; its logs stay until the next one starts. */
export function forgetCluster(home: ClusterHome, record: ClusterRecord): void {
  if (!record.keepData) rmSync(record.dataDir, { recursive: true, force: true });
  home.remove();
}

export function signalNode({ process: identity }: NodeRecord, signal: NodeJS.Signals): void {
  if (identity !== null) signalProcess(identity, signal);
}

function endLeftovers(record: ClusterRecord): boolean {
  const instances = record.nodes.flatMap(({ dataDir }) => runningInstances(dataDir));
  killInstances(instances);
  return instances.length === 0 && runningNodes(record).length === 0;
}
