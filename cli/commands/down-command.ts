/** `blixard down`: stops the cluster that `up` started on this host. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { isRunning, type ProcessIdentity } from "../../runtime/node/guard/process-identity.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { stateFolder } from "../folders.ts";
import { ClusterHome } from "../local-cluster/cluster-record.ts";
import { claimHolder } from "../local-cluster/home-claim.ts";
import { signalProcess } from "../local-cluster/node-process.ts";
import { claimCluster } from "../local-cluster/one-cluster.ts";
import { stopCluster } from "../local-cluster/stop-cluster.ts";
import { Progress } from "../progress.ts";

/** Longer than `up` takes to stop VMs that do not want to. */
const UP_ENDS_MS = 60_000;
const POLL_MS = 50;

export function addDownCommand(program: Command, context: CliContext): void {
  program
    .command("down")
    .description("stop the cluster that up started here, with its VMs")
    .addHelpText("after", "\nExamples:\n  blixard down\n  BLIXARD_HOME=/tmp/second blixard down")
    .action(async () => down(context));
}

async function down(context: CliContext): Promise<void> {
  const home = new ClusterHome(stateFolder(context.env));
  const progress = new Progress(context.terminal.err);
  using interrupts = context.takeInterrupts();
  const holder = claimHolder(home.folder);
  if (holder !== undefined) {
    await progress.step(`Asking "blixard up", process ${holder.pid}, to stop`, async () => stopUp(holder));
    return;
  }
  using _ = claimCluster(home);
  const record = home.read();
  if (record === undefined) {
    context.terminal.out.write(`No cluster runs here (there is no record in ${home.folder}).\n`);
    return;
  }
  const client = context.connect(record.nodes.map(({ apiUrl }) => apiUrl));
  await stopCluster({ home, record, client, progress, force: interrupts.first });
  context.terminal.out.write("The cluster is stopped.\n");
}

/** It does what Ctrl-C in its terminal would do. */
async function stopUp(holder: ProcessIdentity): Promise<void> {
  signalProcess(holder, "SIGTERM");
  const untilMs = performance.now() + UP_ENDS_MS;
  while (isRunning(holder)) {
    if (performance.now() > untilMs) {
      throw new CliError(
        EXIT.timeout,
        `Process ${holder.pid} has not stopped its cluster within ${UP_ENDS_MS / 1000} s.`,
        {
          hint: `End it with "kill -9 ${holder.pid}", then run "blixard down" again: it ends what is left.`,
        },
      );
    }
    await sleep(POLL_MS);
  }
}
