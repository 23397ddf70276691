/**
 * What goes over HTTP beside the resources themselves: lists, stream lines, status, errors.
 *
 * These schemas are the types, the documentation (`/api/v1/openapi.json`) and, in the tests, the check of every answer.
 */
import { Type, type Static, type TSchema } from "@fastify/type-provider-typebox";
import {
  API_VERSION,
  Checkpoint,
  CheckpointRequest,
  Event,
  MigrationLimits,
  Name,
  Node,
  Vm,
  type Kind,
  type Resource,
} from "../actors/index.ts";
import {
  ConfigurationEntry,
  MemberEntry,
  MemberList,
  Membership,
  Preferences,
  MembershipChanged,
  MemberView,
  SnapshotMade,
  Transferred,
} from "./member-wire.ts";
import { CheckpointCheck } from "./checkpoint-wire.ts";
import { DrainPlan } from "./drain-wire.ts";
import { LOG_TAIL_MAX } from "./limits.ts";
import { ClusterMetrics, NodeMetrics, VmMetrics } from "./metric-wire.ts";

const strict = { additionalProperties: false };

const LOG_TAIL_DEFAULT = 1_000;

/** The schemas that stand in the OpenAPI document under a name of their own. */
export type SchemaName =
  | "Vm"
  | "Node"
  | "Checkpoint"
  | "Event"
  | "VmList"
  | "NodeList"
  | "CheckpointList"
  | "EventList"
  | "WatchLine"
  | "LogLine"
  | "NodeView"
  | "ClusterStatus"
  | "MemberView"
  | "MemberList"
  | "MembershipChanged"
  | "Transferred"
  | "SnapshotMade"
  | "MigrationPlan"
  | "DrainPlan"
  | "VmMetrics"
  | "NodeMetrics"
  | "ClusterMetrics"
  | "CheckpointCheck"
  | "Error";

/** A reference to a named schema. */
export function schemaRef(name: SchemaName): TSchema {
  return Type.Unsafe<unknown>({ $ref: `${name}#` });
}

const ReplicaView = Type.Object(
  {
    node: Type.String(),
    role: Type.Union([
      Type.Literal("leader"),
      Type.Literal("follower"),
      Type.Literal("candidate"),
      Type.Literal("pre-candidate"),
    ]),
    leader: Type.Union([Type.String(), Type.Null()]),
    term: Type.Integer(),
    commit: Type.Integer(),
    applied: Type.Integer(),
    lastIndex: Type.Integer(),
    storeError: Type.String({ description: "empty when the store works" }),
    member: Type.String({ description: "id of this node's member, NAME@INCARNATION" }),
    members: Type.Array(MemberEntry, { description: "who belongs to the cluster, as this node knows it" }),
    configuration: Type.Union([ConfigurationEntry, Type.Null()]),
    readOnly: Type.Boolean({ description: "its disk has no room: writes wait" }),
    level: Type.Integer({ description: "of the cluster: what all its members can follow" }),
    softwareLevel: Type.Optional(
      Type.Integer({ description: "which this node's software could follow; older software does not say" }),
    ),
    recovering: Type.Boolean({ description: "damage was found on its disk: it does not vote until it is refilled" }),
    base: Type.Integer({ description: "its log holds what comes after this index" }),
    transferringTo: Type.Union([Type.String(), Type.Null()]),
    cluster: Type.Union([Type.String(), Type.Null()], {
      description: "id of the Raft cluster, minted when it was formed",
    }),
    membership: Membership,
    preferences: Type.Union([Preferences, Type.Null()]),
    waiting: Type.Array(Type.String(), { description: "nodes without a cluster that asked here: they may be added" }),
    snapshotIndex: Type.Integer({ description: "of the newest snapshot; 0 without one" }),
    snapshotBytes: Type.Integer(),
  },
  strict,
);

/** One node as this node sees it in the map, and what it said of itself when it was asked. */
export const NodeView = Type.Object(
  {
    name: Type.String(),
    apiUrl: Type.String(),
    phase: Type.Union([Type.Literal("Ready"), Type.Literal("Lost")]),
    replica: Type.Union([ReplicaView, Type.Null()]),
    error: Type.String({ description: "why it did not answer; empty when it did" }),
  },
  strict,
);
export type NodeView = Static<typeof NodeView>;

export const ClusterStatus = Type.Object(
  {
    node: Type.String({ description: "the node that answers" }),
    version: Type.String(),
    atMs: Type.Integer({ description: "its wall clock" }),
    replica: ReplicaView,
    nodes: Type.Optional(Type.Array(NodeView, { description: "with all=true: every node of the map, each asked" })),
  },
  strict,
);

const ErrorContent = Type.Object(
  {
    code: Type.String({ description: "stable, for programs" }),
    message: Type.String({ description: "for people" }),
    details: Type.Optional(
      Type.Object(
        {
          problems: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  field: Type.String({ description: "JSON pointer into what was sent" }),
                  expected: Type.String(),
                  got: Type.String(),
                  message: Type.String(),
                },
                strict,
              ),
            ),
          ),
          fate: Type.Optional(Type.Union([Type.Literal("not-applied"), Type.Literal("unknown")])),
          oldest: Type.Optional(Type.Integer()),
          retryAfterMs: Type.Optional(Type.Integer({ description: "When there may be room again" })),
        },
        strict,
      ),
    ),
  },
  strict,
);

const MoveHow = Type.Union([Type.Literal("live"), Type.Literal("cold")], {
  default: "live",
  description: "live: memory and all, while it runs; cold: its guest is stopped, and another one started there",
});

/** What a migration would be, and all that is in its way. */
const MigrationPlan = Type.Object(
  {
    ok: Type.Boolean(),
    vm: Type.String(),
    how: MoveHow,
    from: Type.String(),
    to: Type.String(),
    memoryMiB: Type.Integer(),
    memoryFreeMiB: Type.Integer({ description: "on the target, now" }),
    firstRoundMs: Type.Integer({
      description: "live: memory gone through once at that bandwidth; a guest that writes takes more rounds",
    }),
    checks: Type.Array(
      Type.Object(
        {
          what: Type.Union([
            Type.Literal("vm"),
            Type.Literal("nodes"),
            Type.Literal("capabilities"),
            Type.Literal("cpu"),
            Type.Literal("storage"),
            Type.Literal("network"),
            Type.Literal("room"),
          ]),
          why: Type.String({ description: "what is wrong; empty where nothing is" }),
          found: Type.String(),
        },
        strict,
      ),
    ),
    message: Type.String({ description: "why not, as the refusal would say it; empty when it could" }),
    coldWould: Type.Boolean({ description: "whether it could by stop and start, where it cannot live" }),
  },
  strict,
);
export type MigrationPlan = Static<typeof MigrationPlan>;

const AnyResource = Type.Union([schemaRef("Vm"), schemaRef("Node"), schemaRef("Checkpoint"), schemaRef("Event")]);

/** One line of a watch. `version` is where to resume from (`since`) once the line has been dealt with. */
const WatchLineSchema = Type.Union([
  Type.Object({ type: Type.Literal("synced"), version: Type.Integer(), resources: Type.Array(AnyResource) }, strict),
  Type.Object({ type: Type.Literal("put"), version: Type.Integer(), resource: AnyResource }, strict),
  Type.Object({ type: Type.Literal("delete"), version: Type.Integer(), resource: AnyResource }, strict),
  Type.Object({ type: Type.Literal("bookmark"), version: Type.Integer() }, strict),
  Type.Object({ type: Type.Literal("compacted"), version: Type.Integer() }, strict),
  Type.Object({ type: Type.Literal("error"), error: ErrorContent }, strict),
]);

/** One line of a log asked for with `Accept: application/x-ndjson`. */
const LogLineSchema = Type.Union([
  Type.Object({ type: Type.Literal("line"), line: Type.String() }, strict),
  Type.Object({ type: Type.Literal("heartbeat") }, strict),
  Type.Object({ type: Type.Literal("end") }, strict),
  Type.Object({ type: Type.Literal("error"), error: ErrorContent }, strict),
]);
export type LogLine = Static<typeof LogLineSchema>;

export const NAMED_SCHEMAS: Readonly<Record<SchemaName, TSchema>> = {
  Vm,
  Node,
  Checkpoint,
  Event,
  VmList: listOf("Vm"),
  NodeList: listOf("Node"),
  CheckpointList: listOf("Checkpoint"),
  EventList: listOf("Event"),
  WatchLine: WatchLineSchema,
  LogLine: LogLineSchema,
  NodeView,
  ClusterStatus,
  MemberView,
  MemberList,
  MembershipChanged,
  Transferred,
  SnapshotMade,
  MigrationPlan,
  DrainPlan,
  VmMetrics,
  NodeMetrics,
  ClusterMetrics,
  CheckpointCheck,
  Error: Type.Object({ error: ErrorContent }, strict),
};

export const MigrateBody = Type.Object({ to: Name, how: MoveHow, ...MigrationLimits.properties }, strict);
export type MigrateBody = Static<typeof MigrateBody>;

export const CheckpointBody = CheckpointRequest;

export const RestoreBody = Type.Object({ checkpoint: Name }, strict);

export const BalloonBody = Type.Object(
  { memoryMiB: Type.Integer({ minimum: 1, description: "what the guest is to have" }) },
  strict,
);

export const NameParams = Type.Object({ name: Name }, strict);

const Consistency = Type.Union([Type.Literal("linearizable"), Type.Literal("local")], {
  default: "linearizable",
  description: "local may be stale, but is answered without a leader",
});

export const ReadQuery = Type.Object(
  {
    consistency: Consistency,
    watch: Type.Boolean({ default: false, description: "stream changes as lines of JSON" }),
    since: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "with watch: only what came after this version; without it, first everything",
      }),
    ),
  },
  strict,
);
export type ReadQuery = Static<typeof ReadQuery>;

export const LogQuery = Type.Object(
  {
    consistency: Consistency,
    tail: Type.Integer({
      minimum: 0,
      maximum: LOG_TAIL_MAX,
      default: LOG_TAIL_DEFAULT,
      description: "lines from the end",
    }),
    follow: Type.Boolean({ default: false, description: "go on with each new line" }),
  },
  strict,
);
export type LogQuery = Static<typeof LogQuery>;

export const ConsistencyQuery = Type.Object({ consistency: Consistency }, strict);

export const StatusQuery = Type.Object(
  { all: Type.Boolean({ default: false, description: "ask every node of the map too" }) },
  strict,
);

export const ApplyQuery = Type.Object(
  {
    expectedVersion: Type.Optional(
      Type.Integer({ minimum: 0, description: "apply only if metadata.version is this; If-Match says the same" }),
    ),
  },
  strict,
);

/** All resources of a kind as of `version`, the index to watch from. */
export interface ResourceList<Of extends Resource> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly version: number;
  readonly items: readonly Of[];
}

export type ClusterStatus = Static<typeof ClusterStatus>;

export type WatchLine<Of extends Resource = Resource> =
  | { readonly type: "synced"; readonly version: number; readonly resources: readonly Of[] }
  | { readonly type: "put" | "delete"; readonly version: number; readonly resource: Of }
  | { readonly type: "bookmark"; readonly version: number }
  | { readonly type: "compacted"; readonly version: number }
  | { readonly type: "error"; readonly error: { readonly code: string; readonly message: string } };

function listOf(kind: Kind): TSchema {
  return Type.Object(
    {
      apiVersion: Type.Literal(API_VERSION),
      kind: Type.Literal(`${kind}List`),
      version: Type.Integer({ description: "index as of which this is true; watch from here" }),
      items: Type.Array(schemaRef(kind)),
    },
    strict,
  );
}
