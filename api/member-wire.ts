/**
 * What goes over HTTP about who belongs to the cluster: the schemas of `/api/v1/cluster/members` and its neighbours.
 *
 * Like those of `wire.ts` they are the types, the documentation and, in the tests, the check of every answer.
 */
import { Type, type Static } from "@fastify/type-provider-typebox";
import { Name } from "../actors/index.ts";

const strict = { additionalProperties: false };

const MEMBER_ID = "NAME@INCARNATION; a disk that is lost takes the incarnation with it";

const Role = Type.Union([Type.Literal("voter"), Type.Literal("learner"), Type.Literal("leaving")], {
  description: "leaving: votes until the change that is under way is done",
});

const Progress = Type.Object(
  {
    match: Type.Integer({ description: "last index that is known to be on its disk" }),
    next: Type.Integer({ description: "first index to be sent" }),
    state: Type.Union([Type.Literal("probe"), Type.Literal("replicate"), Type.Literal("snapshot")]),
    heardAgoMs: Type.Number({ description: "since the leader last heard of it" }),
  },
  strict,
);

/** One member in a node's own configuration; what the leader knows of it, at the leader. */
export const MemberEntry = Type.Object(
  {
    member: Type.String({ description: MEMBER_ID }),
    node: Type.String(),
    role: Role,
    address: Type.Union([Type.String(), Type.Null()], { description: "where it is reached, if it was added later" }),
    progress: Type.Union([Progress, Type.Null()], { description: "null but at the leader" }),
  },
  strict,
);

export const ConfigurationEntry = Type.Object(
  {
    index: Type.Integer({ description: "of the log entry that holds it" }),
    committed: Type.Boolean(),
    joint: Type.Boolean({ description: "a change is under way: two majorities are needed" }),
  },
  strict,
);

export const Membership = Type.Union(
  [
    Type.Literal("forming"),
    Type.Literal("member"),
    Type.Literal("learner"),
    Type.Literal("not-a-member"),
    Type.Literal("disk-lost"),
    Type.Literal("removed"),
  ],
  { description: "what the node is to its cluster" },
);

const MemberState = Type.Union(
  [
    Type.Literal("leading"),
    Type.Literal("replicate"),
    Type.Literal("probe"),
    Type.Literal("snapshot"),
    Type.Literal("following"),
    Type.Literal("recovering"),
    Type.Literal("read-only"),
    Type.Literal("failed"),
    Type.Literal("lost"),
    Type.Literal("unreachable"),
  ],
  { description: "of what is wrong with it the worst, else how entries go to it" },
);

/** What a member was started with. */
export const Preferences = Type.Object(
  {
    priority: Type.Integer({ description: "who had better lead: -10 to 10" }),
    leaseReads: Type.Boolean({ description: "it keeps leases under which reads take no round of heartbeats" }),
  },
  { ...strict, description: "what its member was started with; null when it did not say" },
);

/** One member as the cluster sees it, and what it says of itself. */
export const MemberView = Type.Object(
  {
    member: Type.String({ description: MEMBER_ID }),
    node: Type.String(),
    role: Role,
    state: MemberState,
    message: Type.String({ description: "what is wrong with it and what helps; empty when nothing is" }),
    match: Type.Union([Type.Integer(), Type.Null()], { description: "last index known to be on its disk" }),
    lag: Type.Union([Type.Integer(), Type.Null()], { description: "entries that it lacks" }),
    heardAgoMs: Type.Union([Type.Integer(), Type.Null()]),
    base: Type.Union([Type.Integer(), Type.Null()], { description: "its log holds what comes after this index" }),
    preferences: Type.Union([Preferences, Type.Null()]),
    address: Type.Union([Type.String(), Type.Null()]),
  },
  strict,
);
export type MemberView = Static<typeof MemberView>;

export const MemberList = Type.Object(
  {
    leader: Type.Union([Type.String(), Type.Null()]),
    term: Type.Integer(),
    lastIndex: Type.Integer(),
    configuration: Type.Union([ConfigurationEntry, Type.Null()]),
    quorum: Type.Object(
      {
        voters: Type.Integer(),
        needed: Type.Integer({ description: "a majority" }),
        serving: Type.Integer({ description: "voters that answer and keep what they are told" }),
        spare: Type.Integer({ description: "how many more may be lost; below 0 nothing can be decided" }),
      },
      strict,
    ),
    items: Type.Array(MemberView),
  },
  strict,
);
export type MemberList = Static<typeof MemberList>;

const Address = Type.String({
  pattern: "^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$",
  maxLength: 260,
  description: "HOST:PORT where its node listens for the others; needed for a node that they have not in --peers",
});

export const AddMember = Type.Object({ name: Name, address: Type.Optional(Address) }, strict);
export type AddMember = Static<typeof AddMember>;

export const MemberParams = Type.Object(
  {
    member: Type.String({
      pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(@[A-Za-z0-9._-]{1,64})?$",
      description: "NAME, or NAME@INCARNATION where a node has two members",
    }),
  },
  strict,
);

export const RemoveQuery = Type.Object(
  {
    force: Type.Boolean({ default: false, description: "also where too few of the voters that are left answer" }),
  },
  strict,
);

/** A change of membership that was taken on. */
export const MembershipChanged = Type.Object(
  {
    change: Type.Union([
      Type.Literal("add-learner"),
      Type.Literal("promote"),
      Type.Literal("demote"),
      Type.Literal("remove"),
    ]),
    member: Type.String({ description: MEMBER_ID }),
    index: Type.Integer({ description: "of its entry in the log" }),
    done: Type.Boolean({ description: "committed, and no two majorities are needed any more; else it goes on" }),
  },
  strict,
);
export type MembershipChanged = Static<typeof MembershipChanged>;

export const TransferOrder = Type.Object(
  {
    to: Type.Optional(Type.String({ description: "a node's name or a member's id; default: whoever is the furthest" })),
    force: Type.Boolean({ default: false, description: "does not wait until it has caught up" }),
  },
  strict,
);

export const Transferred = Type.Object(
  {
    from: Type.Union([Type.String(), Type.Null()]),
    to: Type.String(),
    done: Type.Boolean({ description: "it leads now; else it may still come to" }),
  },
  strict,
);
export type Transferred = Static<typeof Transferred>;

export const SnapshotOrder = Type.Object(
  { node: Type.Optional(Type.String({ description: "whose; default: the node that is asked" })) },
  strict,
);

export const SnapshotMade = Type.Object(
  {
    node: Type.String(),
    index: Type.Integer({ description: "the last entry whose effect is in it" }),
    sizeBytes: Type.Integer(),
    base: Type.Integer({ description: "the log holds what comes after this index" }),
    freedEntries: Type.Integer({ description: "entries that the log has given up" }),
  },
  strict,
);
export type SnapshotMade = Static<typeof SnapshotMade>;
