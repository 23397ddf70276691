/** The members of a stand-in's cluster, which it leads: a list that changes as it is told, and switches to refuse. */
import type {
  ChangeMembershipReply,
  ReplicaRequest,
  ReplicaStatus,
  SnapshotReply,
  TransferReply,
} from "../../actors/index.ts";

type Member = ReplicaStatus["members"][number];
type Change = Extract<ReplicaRequest, { readonly type: "change-membership" }>["change"];

export interface StandInMembers {
  members: readonly Member[];
  /** Set: every change fails like this. */
  changeRefusal: Extract<ChangeMembershipReply, { ok: false }> | undefined;
  transferReply: TransferReply;
  snapshotReply: SnapshotReply;
  /** What else it says of itself. */
  status: Partial<ReplicaStatus>;
  /** Every change, as `type member address`. */
  readonly changes: string[];
  change(change: Change): ChangeMembershipReply;
}

/** A member as the leader has it; `lag` entries behind `lastIndex`. */
export function memberEntry(node: string, role: Member["role"], progress: Member["progress"] = null): Member {
  return { member: `${node}@1`, node, role, address: null, progress };
}

export function replicating(match: number): NonNullable<Member["progress"]> {
  return { match, next: match + 1, state: "replicate", heardAgoMs: 12 };
}

export function createStandInMembers(node: string): StandInMembers {
  let index = 0;
  const own: StandInMembers = {
    members: [memberEntry(node, "voter")],
    changeRefusal: undefined,
    transferReply: { ok: true, to: `${node}@1` },
    snapshotReply: { ok: true, index: 7, sizeBytes: 1234 },
    status: {},
    changes: [],
    change: (change) => {
      own.changes.push([change.type, change.member, "address" in change ? change.address : ""].join(" ").trim());
      if (own.changeRefusal !== undefined) return own.changeRefusal;
      own.members = changed(own.members, change);
      return { ok: true, index: ++index, term: 1 };
    },
  };
  return own;
}

function changed(members: readonly Member[], change: Change): readonly Member[] {
  const { member } = change;
  switch (change.type) {
    case "add-learner": {
      const [node = ""] = member.split("@");
      return [...members, { member, node, role: "learner", address: change.address ?? null, progress: replicating(0) }];
    }
    case "promote":
      return members.map((each) => (each.member === member ? { ...each, role: "voter" } : each));
    case "demote":
      return members.map((each) => (each.member === member ? { ...each, role: "learner" } : each));
    default:
      return members.filter((each) => each.member !== member);
  }
}
