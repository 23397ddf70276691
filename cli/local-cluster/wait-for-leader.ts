/** Waits until the nodes of a local cluster have a leader and are all ready for VMs. */
import { ApiError } from "../../api/api-error.ts";
import type { ApiClient } from "../../api/client.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { poll } from "../pause.ts";
import type { ClusterRecord } from "./cluster-record.ts";
import { refuseEndedNodes } from "./local-cluster.ts";

/** An election takes less than two seconds, a start of several processes on a busy host a few more. */
const LEADER_MS = 60_000;
const POLL_MS = 50;

/** The leader's name. @throws CliError when a node ends, or when it takes too long. */
export async function waitForLeader(record: ClusterRecord, client: ApiClient, signal: AbortSignal): Promise<string> {
  const leader = await poll(
    async () => {
      refuseEndedNodes(record);
      try {
        const nodes = (await client.nodes.list()).items;
        const ready = nodes.filter(({ status }) => status.phase === "Ready");
        return ready.length === record.nodes.length
          ? ((await client.clusterStatus()).replica.leader ?? undefined)
          : undefined;
      } catch (error) {
        // Until there is a leader nobody can answer.
        if (error instanceof ApiError) return undefined;
        throw error;
      }
    },
    { everyMs: POLL_MS, timeoutMs: LEADER_MS, signal },
  );
  if (leader !== undefined) return leader;
  throw new CliError(EXIT.timeout, `The nodes are not a cluster after ${LEADER_MS / 1000} s.`, {
    hint: `What they say is in ${record.nodes.map(({ logFile }) => logFile).join(", ")}.`,
  });
}
