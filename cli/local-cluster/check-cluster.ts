/** `up --check`: does the page of an applied VM answer, and does it come back when its node is killed? */
import type { VmManifest } from "../../actors/index.ts";
import type { ApiClient } from "../../api/index.ts";
import { CliError, usageError } from "../cli-error.ts";
import { pageUrl } from "../commands/up-summary.ts";
import { EXIT } from "../exit-codes.ts";
import { formatSeconds } from "../output/duration.ts";
import { poll } from "../pause.ts";
import type { Progress } from "../progress.ts";
import type { ClusterRecord } from "./cluster-record.ts";
import { checkFailOver, fetchPage, type FailOverReport } from "./fail-over-check.ts";

const PAGE_MS = 10_000;
const POLL_MS = 100;

export interface CheckOptions {
  readonly client: ApiClient;
  readonly record: ClusterRecord;
  readonly manifests: readonly VmManifest[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** @throws CliError that says what is wrong. */
export async function checkCluster({
  client,
  record,
  manifests,
  progress,
  signal,
}: CheckOptions): Promise<FailOverReport> {
  const manifest = manifests.find(({ spec }) => spec.running && spec.health?.type === "http");
  if (manifest === undefined) {
    throw usageError(
      "Cannot check the cluster: no VM with a health check by http is applied.",
      "Give one with --apply, for example examples/web.",
    );
  }
  const vm = await client.vms.get(manifest.metadata.name);
  const url = pageUrl(vm);
  if (url === undefined) throw new CliError(EXIT.failed, `VM "${manifest.metadata.name}" publishes no address.`);
  await progress.step(
    "Checking the page",
    async () => checkPage(url, manifest, signal),
    () => url,
  );
  const { value } = await progress.step(
    `Killing node ${vm.status.instance?.node}`,
    async () => checkFailOver({ client, record, vm, pageUrl: url, signal }),
    ({ to, elapsedMs, startedMs, gapMs }) =>
      `the page answers from ${to} after ${formatSeconds(elapsedMs)}. ` +
      `The new guest was started after ${formatSeconds(startedMs)}, ${formatSeconds(gapMs)} after the old one was gone`,
  );
  return value;
}

/** The page must be the one of the manifest, where the manifest has one. */
async function checkPage(url: string, { spec }: VmManifest, signal: AbortSignal): Promise<void> {
  const page = await poll(async () => fetchPage(url), { everyMs: POLL_MS, timeoutMs: PAGE_MS, signal });
  if (page === undefined) throw new CliError(EXIT.failed, `The page ${url} does not answer.`);
  if (page.status !== 200) throw new CliError(EXIT.failed, `The page ${url} answers with status ${page.status}.`);
  const index = spec.files.find(({ path }) => path.endsWith("/index.html"));
  if (index !== undefined && page.body !== index.content) {
    throw new CliError(EXIT.failed, `The page ${url} is not the one of the manifest: another server has that port.`);
  }
}
