/** What VMs use, as it goes over HTTP: of one, and of all VMs of a node or of the cluster. */
import { Type, type Static } from "@fastify/type-provider-typebox";
import { VmPhase } from "../actors/index.ts";

const strict = { additionalProperties: false };
const Bytes = Type.Optional(Type.Integer({ minimum: 0 }));

/** As the hypervisor port's `GuestMetrics`: counters since the guest's start on this host, gauges of now; what is not known is left out, never 0. */
const Usage = Type.Object(
  {
    cpuMs: Type.Number({ description: "processor time of all its processors, in milliseconds" }),
    residentBytes: Type.Integer({ description: "memory that the host holds for it; of what is shared, its share" }),
    balloonBytes: Type.Optional(Type.Integer({ description: "memory left to the guest by its balloon" })),
    readBytes: Bytes,
    writtenBytes: Bytes,
    receivedBytes: Bytes,
    sentBytes: Bytes,
    upMs: Type.Optional(Type.Integer({ description: "since the guest's start on this host" })),
    origin: Type.Optional(
      Type.Union(
        [Type.Literal("boot"), Type.Literal("checkpoint"), Type.Literal("standby"), Type.Literal("migration")],
        { description: "how it began there; standby: from a checkpoint that had been loaded before" },
      ),
    ),
    bootMs: Type.Optional(Type.Integer({ description: "from there until it said that it is up" })),
  },
  strict,
);

export const VmMetrics = Type.Object(
  {
    vm: Type.String(),
    node: Type.String(),
    instance: Type.String(),
    phase: VmPhase,
    vcpus: Type.Integer(),
    memoryMiB: Type.Integer(),
    restarts: Type.Integer(),
    atMs: Type.Number({ description: "when it was read, by a clock of its node that only ever goes on: for rates" }),
    usage: Type.Optional(Usage),
    error: Type.String({ description: "why there is no usage; empty when there is" }),
  },
  strict,
);
export type VmMetrics = Static<typeof VmMetrics>;

export const NodeMetrics = Type.Object(
  {
    name: Type.String(),
    phase: Type.Union([Type.Literal("Ready"), Type.Literal("Lost")]),
    vms: Type.Array(VmMetrics, { description: "those that it runs, by name" }),
    error: Type.String({ description: "why it did not answer; empty when it did" }),
  },
  strict,
);
export type NodeMetrics = Static<typeof NodeMetrics>;

export const ClusterMetrics = Type.Object(
  {
    node: Type.String({ description: "the node that answers" }),
    nodes: Type.Array(NodeMetrics, { description: "this node; with all=true every node of the map, each asked once" }),
  },
  strict,
);
export type ClusterMetrics = Static<typeof ClusterMetrics>;
