/** Sees to it that a state folder has one cluster at most, and that one that crashed does not stand in the way. */
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import type { Progress } from "../progress.ts";
import { runningNodes, type ClusterHome } from "./cluster-record.ts";
import { claimHome } from "./home-claim.ts";
import { endProcesses, forgetCluster } from "./local-cluster.ts";

/** The right to start or stop the cluster of `home`, until disposed of. @throws CliError when another process has it. */
export function claimCluster(home: ClusterHome): Disposable {
  const claim = claimHome(home.folder);
  if (!("heldBy" in claim)) return { [Symbol.dispose]: () => claim.release() };
  const { pid } = claim.heldBy;
  throw new CliError(
    EXIT.conflict,
    `Cannot start or stop the cluster of ${home.folder}: process ${pid} ("blixard up" or "down") has it.`,
    {
      hint: 'Stop that cluster with "blixard down", or set BLIXARD_HOME and --port-base for a second one.',
    },
  );
}

/**
 * Ends what is left of a cluster whose `up` did not get to stop it. The claim must be held.
 * @throws CliError when the cluster was started with `--detach` and is well.
 */
export async function endCrashedCluster(home: ClusterHome, progress: Progress): Promise<void> {
  const record = home.read();
  if (record === undefined) return;
  const running = runningNodes(record);
  if (record.detached && running.length > 0) {
    const names = running.map(({ name, process }) => `${name} (process ${process?.pid})`).join(", ");
    throw new CliError(EXIT.conflict, `Cannot start a cluster: one runs already, with the nodes ${names}.`, {
      hint: 'Stop it with "blixard down", or set BLIXARD_HOME and --port-base for a second one.',
    });
  }
  const { value: left } = await progress.step("Ending what an earlier cluster left", async () => endProcesses(record));
  if (left.length > 0) {
    throw new CliError(EXIT.failed, `Cannot end what an earlier cluster left: ${left.join(", ")}.`, {
      hint: "These processes hang in the kernel, or belong to another user.",
    });
  }
  forgetCluster(home, record);
}
