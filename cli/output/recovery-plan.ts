/** What a recovery finds and would do, for a person who has to decide. */
import type { RecoveredCounts } from "../node/recover-node.ts";
import { votersGivenUp, type RecoveryPlan } from "../../actors/raft/recovery.ts";
import { formatBytes } from "./size.ts";

/** Whole lines. `counts`: what it holds, by kind. */
export function renderRecovery(
  plan: Exclude<RecoveryPlan, { readonly type: "impossible" }>,
  counts: RecoveredCounts,
): string {
  const { findings } = plan;
  const { member, cluster, term, last, commit, snapshot, configuration, damage } = findings;
  const { voters, votersOutgoing, learners } = configuration;
  const lines = [
    "The data folder holds",
    `  member         ${member}`,
    `  cluster        ${cluster}`,
    `  term           ${term}`,
    `  last entry     ${last.index}, of term ${last.term}; known to be committed: ${commit}`,
    `  snapshot       ${snapshot === null ? "none" : `as of index ${snapshot.index}, ${formatBytes(snapshot.sizeBytes)}`}`,
    `  voters         ${voters.join(", ")}`,
    ...(votersOutgoing.length === 0 ? [] : [`  leaving        ${votersOutgoing.join(", ")}; a change was under way`]),
    ...(learners.length === 0 ? [] : [`  learners       ${learners.join(", ")}`]),
    `  state          ${counts.map(([kind, count]) => `${count} ${kind}${count === 1 ? "" : "s"}`).join(", ")}: snapshot and log were read through`,
    ...(damage === null ? [] : [`  damage         ${damage}; what follows it is lost`]),
  ];
  if (plan.type === "not-needed") {
    return `${[...lines, "", `There is nothing to recover: ${member} is the only voter and needs nobody. Start the node.`].join("\n")}\n`;
  }
  const { givenUp, all } = votersGivenUp(plan);
  const unknown = last.index - commit;
  return [
    ...lines,
    "",
    "The plan",
    `  give up        ${plan.givenUp.join(", ") || "nobody"}`,
    `  lose           writes that only ${givenUp === 1 ? "that voter" : `those ${givenUp} of ${all} voters`} had, acknowledged or not`,
    `  keep           all ${last.index} entries; of ${unknown} nobody here knew whether they were committed`,
    `  become         another member, the only voter of a new cluster; the others are refused from then on`,
    `  write          a configuration at index ${plan.configurationIndex} in term ${plan.term}, and an Event that tells of it`,
    "",
  ].join("\n");
}
