/**
 * The file part of `cluster recover --unsafe`: opens the data folder of a stopped node, and writes what `planRecovery` decided.
 *
 * The folder is locked as by a node that runs, so neither can be there with the other. What stands there is read through and applied before the plan is
 * shown: a node that cannot start on it must not become the one that all others are given up for. All goes into one write.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Proposal } from "../../actors/index.ts";
import { rehearse, type Rehearsal } from "../../actors/cluster/rehearsal.ts";
import { loadMember } from "../../actors/raft/member-start.ts";
import { planRecovery, recoveryWrite, type RecoveryPlan } from "../../actors/raft/recovery.ts";
import { createRandom, type StoreError } from "../../runtime/index.ts";
import { lockFolder, readIdentity } from "../../runtime/node/index.ts";
import { msgpackPayloadCodec } from "../../transport/node/index.ts";
import { usageError } from "../cli-error.ts";
import { explainNodeFailure } from "./explain-node-failure.ts";
import { openRaftStores } from "./open-stores.ts";

export interface RecoverOptions {
  /** Absolute path of the node's `--data`. */
  readonly dataDir: string;
  /** Where the ids of the new member and cluster are drawn from; never the same twice. */
  readonly seed: string;
  /** Wall clock, for the Event. */
  readonly nowMs: number;
  /** Shows the plan, and what there would be; whether it is to be carried out. */
  readonly decide: (plan: RecoveryPlan, counts: RecoveredCounts) => Promise<boolean>;
}

/** Of a plan that is not `impossible`: how many resources of each kind the node would serve. */
export type RecoveredCounts = Extract<Rehearsal, { readonly ok: true }>["counts"];

/** What the plan was, and whether it was carried out. @throws CliError when the folder is none, is in use, or cannot be read. */
export async function recoverNode(
  options: RecoverOptions,
): Promise<{ readonly plan: RecoveryPlan; readonly done: boolean }> {
  const { dataDir } = options;
  if (!existsSync(join(dataDir, "identity.json"))) {
    throw usageError(
      `Cannot recover from "${dataDir}": it is no data folder of a node.`,
      "Give the --data of a node that has run.",
    );
  }
  try {
    const lock = lockFolder(dataDir);
    try {
      return await recoverLocked(options);
    } finally {
      lock.release();
    }
  } catch (error) {
    throw explainNodeFailure(error, { name: readIdentity(dataDir)?.name ?? "?", dataDir });
  }
}

async function recoverLocked({ dataDir, seed, nowMs, decide }: RecoverOptions): Promise<{
  readonly plan: RecoveryPlan;
  readonly done: boolean;
}> {
  const stores = openRaftStores(dataDir);
  try {
    const { name } = readIdentity(dataDir) ?? { name: "" };
    const start = loadMember(name, stores.store, stores.snapshots);
    const planned = planRecovery(start, createRandom(seed));
    const { snapshots } = stores;
    const rehearsed = await new Promise<Rehearsal>((resolve) => {
      rehearse({ start, snapshots, codec: msgpackPayloadCodec }, resolve);
    });
    // What it plans without is named first.
    const isServed = planned.type === "impossible" || rehearsed.ok;
    const plan: RecoveryPlan = isServed ? planned : { type: "impossible", why: rehearsed.why };
    const wanted = await decide(plan, rehearsed.ok ? rehearsed.counts : []);
    if (plan.type !== "recover" || !wanted) return { plan, done: false };
    const note = msgpackPayloadCodec.encode(proposalOf(plan, nowMs));
    await new Promise<void>((resolve, reject) => {
      stores.store.append(recoveryWrite(plan, note), (error?: StoreError) => (error ? reject(error) : resolve()));
    });
    return { plan, done: true };
  } finally {
    await stores.close();
  }
}

/** The last entry of the log: found by the replica as any other command, and shown by `blixard events`. */
function proposalOf(plan: Extract<RecoveryPlan, { readonly type: "recover" }>, nowMs: number): Proposal {
  const { member, cluster, configurationIndex: index, findings, givenUp } = plan;
  return {
    session: `recovery/${member}`,
    sequence: 1,
    after: findings.last.index,
    atMs: nowMs,
    command: {
      type: "note-members",
      index,
      voters: [member],
      learners: [],
      by: "blixard cluster recover --unsafe",
      recovery: { formerCluster: findings.cluster, cluster, givenUp },
    },
  };
}
