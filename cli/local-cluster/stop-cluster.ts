/**
 * Stops a local cluster: its VMs through its API, so that guests shut down in good order; then its nodes; then whatever is
 * left. Ends by looking whether anything is.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ApiClient } from "../../api/index.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { Progress } from "../progress.ts";
import { waitUntilStopped, type WaitOptions } from "../wait-for-vm.ts";
import { runningNodes, type ClusterHome, type ClusterRecord } from "./cluster-record.ts";
import { endProcesses, forgetCluster } from "./local-cluster.ts";
import { findRemains } from "./remains.ts";

/** Guests that take longer are ended with their nodes. */
const VMS_STOP_MS = 20_000;

/** Beside the nodes' folders: the VMs that ran when a kept cluster was stopped, so that the next `up` starts them again. */
const RESUME_FILE = "resume.json";

export interface StopOptions {
  readonly home: ClusterHome;
  readonly record: ClusterRecord;
  readonly client: ApiClient;
  readonly progress: Progress;
  /** Aborted: end everything at once. */
  readonly force: AbortSignal;
}

/** @throws CliError that names what could not be ended. */
export async function stopCluster({ home, record, client, progress, force }: StopOptions): Promise<void> {
  if (runningNodes(record).length > 0 && !force.aborted) {
    await progress.step(
      "Stopping VMs",
      async (step) => stopVms(record, client, { onProgress: step.detail.bind(step), signal: force }),
      (stopped) => (stopped.length === 0 ? "none ran" : stopped.join(", ")),
    );
  }
  const { value: left } = await progress.step("Stopping nodes", async () => {
    const stubborn = await endProcesses(record, { force });
    return stubborn.length > 0 ? stubborn : findRemains(record);
  });
  if (left.length > 0) {
    const list = left.map((thing) => `\n  - ${thing}`).join("");
    throw new CliError(EXIT.failed, `Cannot stop the cluster completely:${list}`, {
      hint: 'Stop what "blixard up" has not started, then run "blixard down" again. What stays even so hangs in the kernel.',
    });
  }
  forgetCluster(home, record);
}

/** Starts the VMs again that ran when the cluster of this data folder was stopped. @returns their names. */
export async function resumeVms({ dataDir }: ClusterRecord, client: ApiClient): Promise<readonly string[]> {
  const file = join(dataDir, RESUME_FILE);
  let names: readonly string[];
  try {
    names = JSON.parse(readFileSync(file, "utf8")) as readonly string[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new CliError(EXIT.failed, `Cannot read "${file}", the list of VMs to start again.`, {
      hint: 'Remove it, and start the VMs with "blixard vm start".',
      cause: error,
    });
  }
  for (const name of names) await client.vms.start(name);
  rmSync(file);
  return names;
}

/** @returns the names of those it stopped. What it cannot stop, `endProcesses` ends. */
async function stopVms(
  record: ClusterRecord,
  client: ApiClient,
  options: Pick<WaitOptions, "onProgress" | "signal">,
): Promise<readonly string[]> {
  const untilMs = performance.now() + VMS_STOP_MS;
  const stopped: string[] = [];
  try {
    const vms = (await client.vms.list()).items.filter(({ spec }) => spec.running);
    const names = vms.map(({ metadata }) => metadata.name);
    if (record.keepData && names.length > 0) writeFileSync(join(record.dataDir, RESUME_FILE), JSON.stringify(names));
    for (const name of names) await client.vms.stop(name);
    for (const name of names) {
      options.onProgress?.(name);
      await waitUntilStopped(client, name, { ...options, timeoutMs: Math.max(0, untilMs - performance.now()) });
      stopped.push(name);
    }
  } catch (error) {
    // A cluster without a majority cannot stop anything; ending its processes is what remains.
    options.onProgress?.(error instanceof Error ? error.message : String(error));
  }
  return stopped;
}
