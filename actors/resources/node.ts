/** The `Node` resource: a member of the cluster. It registers itself; nobody applies it. */
import Type, { type Static } from "typebox";
import { Metadata } from "./metadata.ts";
import { API_VERSION } from "./api-version.ts";
import { NodeDrain } from "./node-drain.ts";

const strict = { additionalProperties: false };

/** What two hosts must have alike for a guest of one to go on at the other, and what a host lacks. */
const HypervisorBuild = Type.Object(
  {
    /** Of the program that runs guests, as it says itself: "7.2.22". */
    version: Type.String(),
    /** Machine type with its options. */
    machine: Type.String(),
    /** Processor model that guests see. */
    cpu: Type.String(),
    /** Verbs that it cannot carry out and what it cannot give guests, and why. */
    lacks: Type.Record(Type.String(), Type.String()),
  },
  strict,
);

export const NodeSpec = Type.Object(
  {
    /** Minted when the node's data folder was first used; tells a node from another one of the same name. */
    incarnation: Type.String(),
    /** Where the node's VMs publish their ports. */
    address: Type.String(),
    /** Base URL of its REST API. */
    apiUrl: Type.String(),
    driver: Type.Union([
      Type.Literal("qemu"),
      Type.Literal("microvm-nix"),
      Type.Literal("process"),
      Type.Literal("simulated"),
    ]),
    vcpus: Type.Integer({ minimum: 1 }),
    memoryMiB: Type.Integer({ minimum: 1 }),
    labels: Type.Record(Type.String(), Type.String()),
    /** Version of the software. */
    version: Type.String(),
    /** Bridges of its host that cards of its VMs may be ports of. Absent: none. */
    bridges: Type.Optional(Type.Array(Type.String())),
    /** Absent: software of before there were verbs, or a driver that does not say; it lacks them all. */
    hypervisor: Type.Optional(HypervisorBuild),
  },
  strict,
);
export type NodeSpec = Static<typeof NodeSpec>;

export const NodeStatus = Type.Object(
  {
    /** `Ready`: holds a lease. `Lost`: its lease ended; its instances are taken to be gone. */
    phase: Type.Union([Type.Literal("Ready"), Type.Literal("Lost")]),
    /** Index of the registration that opened the lease; 0 when lost. Fences everything said under an earlier one. */
    epoch: Type.Integer(),
    /** Index of the last renewal. */
    renewedAt: Type.Integer(),
    sinceMs: Type.Integer(),
    /** It takes nothing new, and is being emptied. Absent: it is open. */
    drain: Type.Optional(NodeDrain),
  },
  strict,
);
export type NodeStatus = Static<typeof NodeStatus>;

export const Node = Type.Object(
  {
    apiVersion: Type.Literal(API_VERSION),
    kind: Type.Literal("Node"),
    metadata: Metadata,
    spec: NodeSpec,
    status: NodeStatus,
  },
  strict,
);
export type Node = Static<typeof Node>;
