/** The status of a Raft actor, put together from its core and its host. */
import { allMembers, EMPTY_CONFIGURATION, isVoter, type Configuration } from "./core/configuration.ts";
import { Refusals as CoreRefusals } from "./core/refusals.ts";
import type { RaftStatus } from "./core/ready.ts";
import { incarnationOf, nodeOf } from "./member-id.ts";
import type { RaftActorStatus, RaftMembership, RaftMemberStatus } from "./raft-actor-status.ts";

/** A member that is so far behind takes a moment to catch up; fewer entries are under way at any time under load. */
const BEHIND_MAX = 1000;

export interface HostFacts extends Pick<
  RaftActorStatus,
  | "node"
  | "cluster"
  | "membership"
  | "waiting"
  | "preferences"
  | "readOnly"
  | "snapshotIndex"
  | "snapshotBytes"
  | "refused"
> {
  readonly nowMs: number;
  /** A member that the leader has not heard for so long is silent. */
  readonly silentMs: number;
}

export function hostStatus(status: RaftStatus, { nowMs, silentMs, ...facts }: HostFacts): RaftActorStatus {
  const { configuration } = status.configuration;
  const { voters } = configuration;
  const order = [...voters, ...allMembers(configuration).filter((member) => !voters.includes(member))];
  return {
    ...status,
    ...facts,
    leaderNode: status.leader === null ? null : nodeOf(status.leader),
    refused: refusedBy(status.refusals, facts.refused),
    members: order.map((id) => memberStatus(id, status, { nowMs, silentMs })),
  };
}

/** A message is refused by the core or before it, never by both; some reasons both have. */
function refusedBy(core: RaftStatus["refusals"], host: RaftActorStatus["refused"]): RaftActorStatus["refused"] {
  const sums = new Map<string, number>();
  for (const [reason, count] of [...Object.entries(core), ...Object.entries(host)]) {
    if (count > 0) sums.set(reason, (sums.get(reason) ?? 0) + count);
  }
  return Object.fromEntries(sums);
}

/** Of a node that belongs to no cluster yet, whose log is empty. */
export function formingStatus({
  self,
  node,
  membership,
  preferences,
  readOnly,
}: Pick<RaftActorStatus, "self" | "node" | "membership" | "preferences" | "readOnly">): RaftActorStatus {
  return {
    ...{ self, node, membership, preferences, readOnly, cluster: null, leader: null, leaderNode: null },
    ...{ term: 0, role: "follower", vote: null, applied: 0, commit: 0, durable: 0, lastIndex: 0, lastTerm: 0, base: 0 },
    ...{ voters: [], members: [], peers: [], waiting: [], recovering: false, transferringTo: null },
    configuration: { configuration: EMPTY_CONFIGURATION, index: 0, committed: false },
    refusals: new CoreRefusals().counts,
    ...{ refused: {}, snapshotIndex: 0, snapshotBytes: 0 },
  };
}

/** What a member is by its configuration; null when that does not name it. */
export function membershipIn(configuration: Configuration, self: string): RaftMembership | null {
  if (isVoter(configuration, self)) return "member";
  return configuration.learners.includes(self) ? "learner" : null;
}

function memberStatus(
  id: string,
  status: RaftStatus,
  { nowMs, silentMs }: { readonly nowMs: number; readonly silentMs: number },
): RaftMemberStatus {
  const { configuration } = status.configuration;
  const isSelf = id === status.self;
  const peer = status.peers.find(({ node }) => node === id);
  const heardMsAgo = peer ? Math.max(0, nowMs - peer.heardAtMs) : null;
  const match = isSelf ? status.durable : (peer?.match ?? null);
  const health = (): RaftMemberStatus["health"] => {
    if (status.role !== "leader" || (!isSelf && !peer)) return "unknown";
    if (heardMsAgo !== null && heardMsAgo > silentMs) return "silent";
    return peer?.state === "snapshot" || status.lastIndex - (match ?? 0) > BEHIND_MAX ? "behind" : "ok";
  };
  return {
    id,
    node: nodeOf(id),
    incarnation: incarnationOf(id),
    votes: configuration.voters.includes(id) ? "voter" : isVoter(configuration, id) ? "leaving" : "learner",
    isLeader: id === status.leader,
    address: configuration.addresses[id] ?? "",
    match,
    state: peer?.state ?? null,
    heardMsAgo,
    health: health(),
  };
}
