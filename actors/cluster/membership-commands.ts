/**
 * What the cluster notes of itself: who belongs to it, told to people by Events, and how much time has gone by.
 *
 * Members are changed by Raft alone; the leader only says here what has come of it, once a configuration is committed and simple.
 */
import { nodeOf } from "../raft/member-id.ts";
import type { ChangeSet } from "./change-set.ts";
import type { CommandOf, RecoveryNote } from "./commands.ts";

/** The configuration that was noted last. */
export interface NotedMembers {
  /** Of the log entry that held it. */
  readonly index: number;
  /** Ids of members, sorted. */
  readonly voters: readonly string[];
  readonly learners: readonly string[];
}

/**
 * Records an Event for each member that came, went or changed since the configuration before; none for the first one, and one for a
 * recovery.
 */
export function noteMembers(
  set: ChangeSet,
  command: CommandOf<"note-members">,
  before: NotedMembers | null,
): NotedMembers {
  const { by, index, voters, learners, recovery } = command;
  if (recovery !== undefined) {
    recordRecovery(set, voters, recovery);
  } else if (before !== null) {
    const all = new Set([...before.voters, ...before.learners, ...voters, ...learners]);
    for (const member of [...all].toSorted()) {
      const change = changeOf(roleIn(before, member), roleIn(command, member));
      if (change === null) continue;
      const who = by === "" ? "" : `, asked for by "${by}"`;
      const message = `Member "${member}" ${change.text}${who}`;
      set.record({ reason: change.reason, message, regarding: { kind: "Node", name: nodeOf(member) } });
    }
  }
  return { index, voters, learners };
}

/** One Event for all of it: what was given up is no change that the members have agreed on. */
function recordRecovery(set: ChangeSet, [member = ""]: readonly string[], recovery: RecoveryNote): void {
  const { formerCluster, cluster, givenUp } = recovery;
  const lost = givenUp.length === 0 ? "nobody" : givenUp.map((id) => `"${id}"`).join(", ");
  const message =
    `Cluster ${formerCluster} was recovered by force from the disk of "${member}", as cluster ${cluster}; ` +
    `given up, with all that only they had: ${lost}`;
  set.record({
    type: "Warning",
    reason: "ClusterRecovered",
    message,
    regarding: { kind: "Node", name: nodeOf(member) },
  });
}

type Role = "voter" | "learner" | "none";

function roleIn({ voters, learners }: Pick<NotedMembers, "voters" | "learners">, member: string): Role {
  if (voters.includes(member)) return "voter";
  return learners.includes(member) ? "learner" : "none";
}

function changeOf(before: Role, after: Role): { readonly reason: string; readonly text: string } | null {
  if (before === after) return null;
  if (after === "none") return { reason: "MemberRemoved", text: "was removed from the cluster" };
  if (before === "none") return { reason: "MemberAdded", text: `was added to the cluster as a ${after}` };
  if (after === "voter") return { reason: "MemberPromoted", text: "votes from now on" };
  return { reason: "MemberDemoted", text: "votes no more; it still gets the log" };
}
