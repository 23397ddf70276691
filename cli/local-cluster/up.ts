/**
 * `blixard up`, step by step:
 *
 *   read manifests → claim the state folder → end what a crashed `up` left → prepare the host → check ports
 *   → start the nodes → leader → apply → healthy → show → follow events, or check → stop everything
 *
 * Whatever ends it, an error or Ctrl-C, everything that it started is stopped before it returns.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { ApiClient } from "../../api/index.ts";
import type { VmManifest } from "../../actors/index.ts";
import { applyManifest } from "../apply-manifest.ts";
import type { CliContext } from "../cli-context.ts";
import { cacheFolder, stateFolder } from "../folders.ts";
import type { Interrupts } from "../interrupts.ts";
import { loadManifests } from "../manifest/load-manifests.ts";
import { formatSeconds } from "../output/duration.ts";
import { usageError } from "../cli-error.ts";
import type { DriverChoice } from "../node-settings.ts";
import { readNixFile } from "../node/read-nix-settings.ts";
import { abortable } from "../pause.ts";
import { Progress } from "../progress.ts";
import { WAIT_DEFAULT_MS, waitUntilUp } from "../wait-for-vm.ts";
import { checkCluster } from "./check-cluster.ts";
import { ClusterHome, type ClusterRecord } from "./cluster-record.ts";
import { followCluster } from "./follow-cluster.ts";
import { startNodes } from "./local-cluster.ts";
import { claimCluster, endCrashedCluster } from "./one-cluster.ts";
import { planNodes, refuseOtherMembers, refuseTakenPorts, type NodePlan } from "./plan-nodes.ts";
import { prepareHost, type PreparedHost } from "./prepare-host.ts";
import { showCluster } from "./show-cluster.ts";
import { resumeVms, stopCluster } from "./stop-cluster.ts";
import { waitForLeader } from "./wait-for-leader.ts";

/** The flags of the command, with its defaults. */
export interface UpFlags {
  readonly nodes: number;
  readonly apply?: string;
  readonly check?: boolean;
  readonly detach?: boolean;
  readonly driver: DriverChoice;
  /** Settings of Nix, for the driver microvm-nix. */
  readonly nix?: string;
  /** Names, with commas. */
  readonly bridges?: string;
  readonly portBase: number;
  readonly data?: string;
  readonly install: boolean;
}

/** What a step took, for the summary of `--check`. */
interface Timing {
  readonly name: string;
  readonly elapsedMs: number;
}

/** @throws CliError before anything is started. */
export async function up(context: CliContext, flags: UpFlags): Promise<void> {
  if (flags.driver === "microvm-nix") {
    if (flags.nix === undefined)
      throw usageError('The driver "microvm-nix" needs the settings of Nix.', "Give --nix FILE.");
    readNixFile(flags.nix, stateFolder(context.env));
  }
  const manifests = flags.apply === undefined ? [] : await loadManifests(flags.apply, context);
  const home = new ClusterHome(stateFolder(context.env));
  using interrupts = context.takeInterrupts();
  using _ = claimCluster(home);
  await new Up({ context, flags, home, interrupts }).run(manifests);
}

interface UpOptions {
  readonly context: CliContext;
  readonly flags: UpFlags;
  readonly home: ClusterHome;
  readonly interrupts: Interrupts;
}

class Up {
  readonly #options: UpOptions;
  readonly #progress: Progress;
  readonly #timings: Timing[] = [];
  #client: ApiClient | undefined;

  constructor(options: UpOptions) {
    this.#options = options;
    this.#progress = new Progress(options.context.terminal.err);
  }

  async run(manifests: readonly VmManifest[]): Promise<void> {
    const { flags, home, interrupts } = this.#options;
    await endCrashedCluster(home, this.#progress);
    const failure = await this.#serve(manifests).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (failure === undefined && flags.detach === true) return;
    const record = home.read();
    if (record !== undefined) await this.#stop(record);
    // Stopping when it was asked to stop is success; a check that was broken off has shown nothing.
    const asked = interrupts.first.aborted && flags.check !== true;
    if (failure !== undefined && !asked) throw failure.error;
    if (flags.check === true) this.#showTimings();
  }

  async #serve(manifests: readonly VmManifest[]): Promise<void> {
    const { context, flags, home, interrupts } = this.#options;
    const signal = interrupts.first;
    const dataDir = flags.data === undefined ? home.dataDir : resolve(context.cwd, flags.data);
    const prepared = await abortable(this.#prepareHost(), signal).catch((error: unknown) => {
      // By then nobody holds signals back any more.
      if (signal.aborted) this.#progress.note("\nInterrupted: ends with the step at hand; Ctrl-C again ends at once.");
      throw error;
    });
    const plans = planNodes(flags.nodes, flags.portBase, dataDir);
    refuseOtherMembers(plans, dataDir);
    await refuseTakenPorts(plans);
    const record = await this.#startNodes(plans, prepared, dataDir);
    const client = context.connect(record.nodes.map(({ apiUrl }) => apiUrl));
    this.#client = client;
    await this.#time(
      "leader",
      "Electing a leader",
      async () => waitForLeader(record, client, signal),
      (name) => name,
    );
    const names = await this.#apply(record, client, manifests);
    if (flags.check === true) {
      const { elapsedMs } = await checkCluster({ client, record, manifests, progress: this.#progress, signal });
      this.#timings.push({ name: "fail-over", elapsedMs });
      return;
    }
    await showCluster({ context, client, record, names });
    if (flags.detach !== true) await followCluster({ context, client, record, signal });
  }

  async #prepareHost(): Promise<PreparedHost> {
    const { context, flags, interrupts } = this.#options;
    const { driver, install } = flags;
    const cacheDir = cacheFolder(context.env);
    const signal = interrupts.first;
    const prepared = await prepareHost({ driver, install, cacheDir, progress: this.#progress, signal });
    this.#timings.push(
      { name: "host packages", elapsedMs: prepared.installMs },
      { name: "guest image", elapsedMs: prepared.imageMs },
    );
    return prepared;
  }

  async #startNodes(plans: readonly NodePlan[], host: PreparedHost, dataDir: string): Promise<ClusterRecord> {
    const { context, flags, home } = this.#options;
    const { driver, imagesDir } = host;
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return this.#time(
      "node processes",
      `Starting ${plans.length} nodes`,
      async () =>
        startNodes({
          home,
          plans,
          dataDir,
          driver,
          ...(imagesDir === undefined ? {} : { imagesDir }),
          ...(flags.nix === undefined ? {} : { nixFile: resolve(flags.nix) }),
          ...(flags.bridges === undefined ? {} : { bridges: flags.bridges }),
          keepData: flags.data !== undefined,
          detached: flags.detach === true,
          env: context.env,
        }),
      ({ nodes }) => nodes.map(({ name, process }) => `${name} is process ${process?.pid}`).join(", "),
    );
  }

  async #apply(record: ClusterRecord, client: ApiClient, manifests: readonly VmManifest[]): Promise<readonly string[]> {
    const { interrupts } = this.#options;
    const resumed = await resumeVms(record, client);
    for (const manifest of manifests) this.#progress.note(`  ${await applyManifest(client, manifest)}`);
    const applied = manifests.filter(({ spec }) => spec.running).map(({ metadata }) => metadata.name);
    const names = [...new Set([...applied, ...resumed])];
    for (const name of names) {
      await this.#time(`vm/${name} healthy`, `Starting vm/${name}`, async (detail) =>
        waitUntilUp(client, name, { timeoutMs: WAIT_DEFAULT_MS, onProgress: detail, signal: interrupts.first }),
      );
    }
    return names;
  }

  async #stop(record: ClusterRecord): Promise<void> {
    const { context, home, interrupts } = this.#options;
    const client = this.#client ?? context.connect(record.nodes.map(({ apiUrl }) => apiUrl));
    const startedMs = performance.now();
    this.#progress.note("");
    await stopCluster({ home, record, client, progress: this.#progress, force: interrupts.second });
    this.#timings.push({ name: "stop", elapsedMs: performance.now() - startedMs });
  }

  /** A step that the summary lists. */
  async #time<T>(
    name: string,
    title: string,
    run: (detail: (words: string) => void) => Promise<T>,
    result?: (value: T) => string,
  ): Promise<T> {
    const { value, elapsedMs } = await this.#progress.step(title, async (step) => run(step.detail.bind(step)), result);
    this.#timings.push({ name, elapsedMs });
    return value;
  }

  #showTimings(): void {
    const { out } = this.#options.context.terminal;
    const width = Math.max(...this.#timings.map(({ name }) => name.length));
    const lines = this.#timings.map(
      ({ name, elapsedMs }) => `  ${name.padEnd(width)}  ${formatSeconds(elapsedMs).padStart(7)}\n`,
    );
    out.write(
      `\nCheck passed: the page answered, also after the loss of its node, and nothing is left.\n${lines.join("")}`,
    );
  }
}
