/**
 * Proves a fail-over: kills the node that runs a VM, waits until its page answers from another node, and looks on whether
 * the two copies ever ran at once.
 *
 * It does not ask the cluster about overlap, it watches processes: the old guest's until it is gone, the new guest's
 * start time as the kernel has it. Both are counted on the host's uptime, in hundredths of a second.
 */
import type { Vm } from "../../actors/index.ts";
import type { ApiClient } from "../../api/index.ts";
import { uptimeHundredths } from "../../runtime/node/guard/host-uptime.ts";
import { isRunning, type ProcessIdentity } from "../../runtime/node/guard/process-identity.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { pause, poll } from "../pause.ts";
import { runningNodes, type ClusterRecord, type NodeRecord } from "./cluster-record.ts";
import { runningInstances } from "./instance-processes.ts";
import { signalNode } from "./local-cluster.ts";

/** Twice what a fail-over may take at default settings. */
const FAIL_OVER_MS = 30_000;
const WATCH_MS = 10;
const ASK_MS = 50;
const ASK_TIMEOUT_MS = 1000;

export interface FailOverReport {
  readonly from: string;
  readonly to: string;
  /** From the kill to the first answer of the new copy. */
  readonly elapsedMs: number;
  /** From the kill to the new guest's start; the rest is its boot. */
  readonly startedMs: number;
  /** Between the old guest's last sign of life and the new guest's start. */
  readonly gapMs: number;
}

export interface FailOverOptions {
  readonly client: ApiClient;
  readonly record: ClusterRecord;
  readonly vm: Vm;
  readonly pageUrl: string;
  readonly signal: AbortSignal;
}

/** @throws CliError when the page does not come back, or two copies ran at once. */
export async function checkFailOver(options: FailOverOptions): Promise<FailOverReport> {
  const { record, vm, signal } = options;
  const { name } = vm.metadata;
  const watch = new GuestWatch(record, vm);
  const killedMs = performance.now();
  const killedAt = uptimeHundredths();
  signalNode(watch.node, "SIGKILL");
  const answered = new AbortController();
  const [answeredMs] = await Promise.all([
    pageAnswer(options).finally(() => answered.abort()),
    watch.until(answered.signal),
  ]);
  signal.throwIfAborted();
  const { successor } = watch;
  if (answeredMs === undefined || successor === undefined) {
    const after = `${FAIL_OVER_MS / 1000} s after node "${watch.node.name}" was killed`;
    throw new CliError(EXIT.failed, `VM "${name}" did not come back within ${after}.`);
  }
  const gapMs = watch.gapMs(successor.guest);
  if (gapMs < 0) {
    const [first, second] = [watch.node.name, successor.node.name];
    throw new CliError(EXIT.failed, `VM "${name}" ran twice, on "${first}" and "${second}", for ${-gapMs} ms or more.`);
  }
  return {
    from: watch.node.name,
    to: successor.node.name,
    elapsedMs: answeredMs - killedMs,
    startedMs: (Number(successor.guest.start) - killedAt) * 10,
    gapMs,
  };
}

/** Watches the processes of a guest and of the one that takes its place. */
class GuestWatch {
  readonly node: NodeRecord;
  successor: { readonly node: NodeRecord; readonly guest: ProcessIdentity } | undefined;
  readonly #record: ClusterRecord;
  readonly #guest: ProcessIdentity;
  /** Those of other VMs. */
  readonly #known: ReadonlySet<string>;
  #aliveAt = uptimeHundredths();

  constructor(record: ClusterRecord, { metadata, status }: Vm) {
    const node = record.nodes.find(({ name }) => name === status.instance?.node);
    const found = node && runningInstances(node.dataDir).find(({ instance }) => instance === status.instance?.id);
    if (node === undefined || found?.state.child === undefined) {
      throw new CliError(EXIT.failed, `VM "${metadata.name}" is said to run, and no process of it can be found.`);
    }
    this.#record = record;
    this.node = node;
    this.#guest = found.state.child;
    this.#known = new Set(
      record.nodes.flatMap(({ dataDir }) => runningInstances(dataDir).map(({ instance }) => instance)),
    );
  }

  async until(end: AbortSignal): Promise<void> {
    while (!end.aborted) {
      if (isRunning(this.#guest)) this.#aliveAt = uptimeHundredths();
      this.successor ??= this.#findSuccessor();
      await pause(WATCH_MS);
    }
    if (isRunning(this.#guest)) this.#aliveAt = uptimeHundredths();
  }

  /** Negative: both ran at once. A process's start is counted in hundredths of a second of the host's uptime too. */
  gapMs(successor: ProcessIdentity): number {
    return (Number(successor.start) - this.#aliveAt) * 10;
  }

  #findSuccessor(): GuestWatch["successor"] {
    for (const node of runningNodes(this.#record)) {
      for (const { instance, state } of runningInstances(node.dataDir)) {
        if (!this.#known.has(instance) && state.child !== undefined) return { node, guest: state.child };
      }
    }
    return undefined;
  }
}

/** When the page answered from an instance that is not the one of `vm`; undefined when it did not in time. */
async function pageAnswer({ client, vm, pageUrl, signal }: FailOverOptions): Promise<number | undefined> {
  return poll(
    async () => {
      const now = await client.vms.get(vm.metadata.name).catch(() => undefined);
      const id = now?.status.instance?.id;
      if (id === undefined || id === vm.status.instance?.id) return undefined;
      return (await fetchPage(pageUrl))?.status === 200 ? performance.now() : undefined;
    },
    { everyMs: ASK_MS, timeoutMs: FAIL_OVER_MS, signal },
  );
}

export interface Page {
  readonly status: number;
  readonly body: string;
}

/** undefined: no answer. */
export async function fetchPage(url: string): Promise<Page | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    return { status: response.status, body: await response.text() };
  } catch {
    return undefined;
  }
}
