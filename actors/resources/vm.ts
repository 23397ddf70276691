/** The `Vm` resource: `VmSpec` is what was asked for, `VmStatus` what is observed; the two share no type. */
import Type, { type Static } from "typebox";
import { Labels, Metadata, Name } from "./metadata.ts";
import { API_VERSION } from "./api-version.ts";
import { VmCloudInit, VmDisks } from "./vm-disks.ts";
import { VmHealth } from "./vm-health.ts";
import { VmMicrovm } from "./vm-microvm.ts";
import { VmNetworks } from "./vm-networks.ts";
import { LastMigration, Migration } from "./migration.ts";

const strict = { additionalProperties: false };
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

export const VmPort = Type.Object(
  {
    name: Name,
    guest: Port,
    /** Fixed port on the node; without it the node picks a free one. */
    host: Type.Optional(Port),
  },
  strict,
);
export type VmPort = Static<typeof VmPort>;

export const VmFile = Type.Object(
  {
    path: Type.String({ pattern: "^/[^\\u0000]{1,1023}$", description: "absolute path in the guest" }),
    content: Type.String({ maxLength: 262_144 }),
    mode: Type.String({ pattern: "^0?[0-7]{3}$", default: "0644", description: 'octal, for example "0755"' }),
  },
  strict,
);
export type VmFile = Static<typeof VmFile>;

/** VMs that one VM names: more than a person oversees, few enough that a chain of them costs nothing to follow. */
const DEPENDENCIES_MAX = 64;

export const VmSpec = Type.Object(
  {
    /** Whether the VM should run. */
    running: Type.Boolean({ default: true }),
    vcpus: Type.Integer({ minimum: 1, maximum: 256, default: 1 }),
    memoryMiB: Type.Integer({ minimum: 32, maximum: 16_777_216, default: 128 }),
    /** With a balloon, by which memory can be taken from it while it runs. With one it shares no memory with the checkpoint that it is started from. */
    balloon: Type.Optional(Type.Boolean()),
    image: Type.String({
      pattern: "^[a-z0-9][a-z0-9._-]{0,127}$",
      default: "base",
      description: "guest image on the nodes",
    }),
    /** A NixOS configuration, in place of an image; only nodes with the driver `microvm-nix` run it. */
    microvm: Type.Optional(VmMicrovm),
    /**
     * A checkpoint that the guest goes on from, at each of its starts, in place of booting: one of this VM, or of another, of which it is then a clone
     * with an identity of its own. It runs on the node that has it.
     */
    checkpoint: Type.Optional(Name),
    /** Disks of the guest; only nodes with the driver `qemu` have them. */
    disks: Type.Optional(VmDisks),
    /** Its network cards. Absent: one, QEMU's own network. Only nodes with the driver `qemu` give a guest others. */
    networks: Type.Optional(VmNetworks),
    /** What cloud-init tells the guest, by a disk labelled "cidata"; only nodes with the driver `qemu` have it. */
    cloudInit: Type.Optional(VmCloudInit),
    /** What the guest runs as its service; without it, what the image runs by itself. */
    command: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), { maxItems: 64, default: [] }),
    env: Type.Record(Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]{0,127}$" }), Type.String({ maxLength: 4096 }), {
      default: {},
    }),
    files: Type.Array(VmFile, { maxItems: 256, default: [] }),
    ports: Type.Array(VmPort, { maxItems: 64, default: [] }),
    health: Type.Optional(VmHealth),
    /** VMs that run before this one starts; one that its user has stopped, or that has run to its end, is not waited for. */
    after: Type.Optional(Type.Array(Name, { maxItems: DEPENDENCIES_MAX })),
    /** VMs that serve before this one starts: healthy, or running where they have no health check. They stop after it. */
    requires: Type.Optional(Type.Array(Name, { maxItems: DEPENDENCIES_MAX })),
    /** What to do when the guest ends by itself. */
    restart: Type.Union([Type.Literal("always"), Type.Literal("on-failure"), Type.Literal("never")], {
      default: "always",
    }),
    /** How long a guest may take to shut down before it is ended. */
    stopGraceMs: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 5000 }),
    /** Labels that a node must carry. */
    nodeSelector: Type.Record(Type.String(), Type.String(), { default: {} }),
  },
  strict,
);
export type VmSpec = Static<typeof VmSpec>;

export const VmPhase = Type.Union([
  /** No node yet; `message` says why. */
  Type.Literal("Pending"),
  /** A node has it and is starting it. */
  Type.Literal("Starting"),
  Type.Literal("Running"),
  /** Its processors stand still, because a user wants that; its memory and its lease stay. */
  Type.Literal("Paused"),
  Type.Literal("Stopping"),
  Type.Literal("Stopped"),
  /** It ended by itself or could not start; the node tries again after a backoff. */
  Type.Literal("Crashed"),
  /** It ended and its restart policy says that this is the end. */
  Type.Literal("Completed"),
]);
export type VmPhase = Static<typeof VmPhase>;

export const VmAddress = Type.Object({ name: Name, guest: Port, address: Type.String(), port: Port }, strict);
export type VmAddress = Static<typeof VmAddress>;

/** What an instance holds of its node from its placement to its release, also when its VM's spec has changed since. */
export const Claim = Type.Object(
  {
    vcpus: Type.Integer(),
    memoryMiB: Type.Integer(),
    /** Fixed ports on the node. */
    hostPorts: Type.Array(Port),
  },
  strict,
);
export type Claim = Static<typeof Claim>;

/** The checkpoint that an instance's guest is started from, each time. */
export const InstanceOrigin = Type.Object(
  {
    checkpoint: Name,
    /** What its node calls it. */
    id: Type.String(),
    node: Name,
    /** `fresh`: a clone, with an identity of its own before it can send anything. */
    identity: Type.Union([Type.Literal("same"), Type.Literal("fresh")]),
  },
  strict,
);
export type InstanceOrigin = Static<typeof InstanceOrigin>;

/** One running copy, or the right to be it. Ids are never reused. */
export const Instance = Type.Object(
  {
    id: Type.String(),
    node: Name,
    /** The node's lease epoch under which it was placed. */
    epoch: Type.Integer(),
    /** The VM's generation it was made from. */
    generation: Type.Integer(),
    /** The cluster wants it gone; only its node's word, or the end of its lease, removes it. */
    stopping: Type.Boolean(),
    /** Its processors are to stand still. Goes with the instance: one that is started elsewhere runs. Absent: no. */
    paused: Type.Optional(Type.Boolean()),
    /** What its balloon is to leave its guest; goes with the instance too. Absent: nobody has asked for anything. */
    balloonMiB: Type.Optional(Type.Integer()),
    claim: Claim,
    /** Absent: its guest boots. */
    from: Type.Optional(InstanceOrigin),
    /** The checkpoint that is being made of it; until that is over it stands still at any moment, and neither moves nor is paused. */
    checkpointing: Type.Optional(Name),
  },
  strict,
);
export type Instance = Static<typeof Instance>;

export const VmStatus = Type.Object(
  {
    phase: VmPhase,
    health: Type.Union([Type.Literal("unknown"), Type.Literal("healthy"), Type.Literal("unhealthy")]),
    instance: Type.Union([Instance, Type.Null()]),
    /** The instance that ended last; its node keeps its log for a while. */
    lastInstance: Type.Union([Type.Object({ id: Type.String(), node: Name }, strict), Type.Null()]),
    addresses: Type.Array(VmAddress),
    /** Nodes that could not start it since it last ran, the latest last; others are tried first. */
    failedOn: Type.Optional(Type.Array(Type.Object({ node: Name, message: Type.String() }, strict))),
    /** Under way from the instance's node to another. */
    migration: Type.Optional(Migration),
    /** What came of the one before. */
    lastMigration: Type.Optional(LastMigration),
    /** Starts of this instance after the first. */
    restarts: Type.Integer(),
    /** For people: why it is in this phase. Empty when there is nothing to say. */
    message: Type.String(),
    /** Wall-clock milliseconds of the last change of phase or health, by the proposer's clock. */
    sinceMs: Type.Integer(),
  },
  strict,
);
export type VmStatus = Static<typeof VmStatus>;

export const Vm = Type.Object(
  {
    apiVersion: Type.Literal(API_VERSION),
    kind: Type.Literal("Vm"),
    metadata: Metadata,
    spec: VmSpec,
    status: VmStatus,
  },
  strict,
);
export type Vm = Static<typeof Vm>;

/** What a user writes: every default may be left out. */
export const VmManifest = Type.Object(
  {
    apiVersion: Type.Literal(API_VERSION),
    kind: Type.Literal("Vm"),
    metadata: Type.Object({ name: Name, labels: Type.Optional(Labels) }, strict),
    spec: VmSpec,
  },
  strict,
);
export type VmManifest = Static<typeof VmManifest>;
