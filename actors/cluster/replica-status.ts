/** What a replica says of itself, from what Raft and the replica know at that moment. */
import { isJoint, type Configuration } from "../raft/core/configuration.ts";
import type { PeerStatus } from "../raft/core/ready.ts";
import { nodeOf } from "../raft/member-id.ts";
import type { RaftActorStatus } from "../raft/raft-actor-status.ts";
import { LEVEL } from "./cluster-level.ts";
import type { MemberStatus, ReplicaStatus } from "./replica-protocol.ts";

/** What the replica knows without asking Raft. */
export interface ReplicaFacts {
  readonly node: string;
  readonly applied: number;
  readonly term: number;
  readonly storeError: string;
  readonly readOnly: boolean;
  readonly level: number;
  /** The monotonic clock that `PeerStatus.heardAtMs` is of. */
  readonly nowMs: number;
}

/** Without an answer of Raft, which has no core when its log could not be loaded, says what the replica knows. */
export function replicaStatus(facts: ReplicaFacts, raft: RaftActorStatus | null): ReplicaStatus {
  const { node, applied, storeError, readOnly, level } = facts;
  if (raft === null) {
    return {
      node,
      role: "follower",
      leader: null,
      term: facts.term,
      commit: applied,
      applied,
      lastIndex: applied,
      storeError,
      level,
      softwareLevel: LEVEL,
      member: "",
      members: [],
      configuration: null,
      preferences: null,
      readOnly,
      recovering: false,
      base: 0,
      transferringTo: null,
      cluster: null,
      membership: "forming",
      waiting: [],
      snapshotIndex: 0,
      snapshotBytes: 0,
    };
  }
  const { configuration, index, committed } = raft.configuration;
  return {
    node,
    role: raft.role,
    leader: raft.leaderNode,
    term: raft.term,
    commit: raft.commit,
    applied,
    lastIndex: raft.lastIndex,
    storeError,
    level,
    softwareLevel: LEVEL,
    member: raft.self,
    members: memberStatuses(configuration, raft.peers, facts.nowMs),
    configuration: { index, committed, joint: isJoint(configuration) },
    preferences: raft.preferences,
    readOnly,
    recovering: raft.recovering,
    base: raft.base,
    transferringTo: raft.transferringTo,
    cluster: raft.cluster,
    membership: raft.membership,
    waiting: raft.waiting,
    snapshotIndex: raft.snapshotIndex,
    snapshotBytes: raft.snapshotBytes,
  };
}

function membersOf({ voters, votersOutgoing, learners }: Configuration): readonly string[] {
  return [...new Set([...voters, ...votersOutgoing, ...learners])].toSorted();
}

function memberStatuses(configuration: Configuration, peers: readonly PeerStatus[], nowMs: number): MemberStatus[] {
  return membersOf(configuration).map((member) => {
    const peer = peers.find((each) => each.node === member);
    return {
      member,
      node: nodeOf(member),
      role: configuration.voters.includes(member)
        ? "voter"
        : configuration.votersOutgoing.includes(member)
          ? "leaving"
          : "learner",
      address: configuration.addresses[member] ?? null,
      progress: peer
        ? { match: peer.match, next: peer.next, state: peer.state, heardAgoMs: Math.max(0, nowMs - peer.heardAtMs) }
        : null,
    };
  });
}
