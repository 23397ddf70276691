/**
 * The `Checkpoint` resource: memory, devices and disks of a guest as they were at one moment, on the disk of the node that it ran on.
 *
 * Asked for by `create-checkpoint`, made by its node, started from by every VM whose `spec.checkpoint` names it. What it means: `../cluster/checkpoint-commands.ts`.
 */
import Type, { type Static } from "typebox";
import { Labels, Metadata, Name } from "./metadata.ts";
import { API_VERSION } from "./api-version.ts";
import { VmSpec } from "./vm.ts";

const strict = { additionalProperties: false };

/** What a checkpoint is made of and what it needs, as its driver says it (`runtime/ports/guest-verbs.ts`). */
const CheckpointManifest = Type.Object(
  {
    format: Type.Literal(1),
    id: Type.String(),
    driver: Type.String(),
    /** Of the program that runs guests, machine type and processor: what a host that starts from it must have alike. */
    version: Type.String(),
    machine: Type.String(),
    cpu: Type.String(),
    vcpus: Type.Integer(),
    memoryMiB: Type.Integer(),
    /** Of kernel and root file system, hexadecimal. */
    imageSha256: Type.String(),
    parts: Type.Array(Type.Object({ name: Type.String(), sizeBytes: Type.Integer(), sha256: Type.String() }, strict)),
  },
  strict,
);

const CheckpointSpec = Type.Object(
  {
    vm: Name,
    /** Of that VM: one that was made anew under the same name is another. */
    vmUid: Type.String(),
    /** Of which it is made. */
    instance: Type.String(),
    /** What that instance was started as; a VM that is started from the checkpoint has the same vCPUs, memory and image. */
    guest: VmSpec,
  },
  strict,
);

const CheckpointPhase = Type.Union([
  /** Its node writes it. */
  Type.Literal("Making"),
  /** All of it is on the disk of its node. */
  Type.Literal("Ready"),
  /** It was not made, or cannot be used any more; `message` says why. */
  Type.Literal("Failed"),
  /** Its node, or that node's disk, is gone, and its bytes with it. */
  Type.Literal("Lost"),
  /** Its node is to remove what it has of it; the resource goes when that is done. */
  Type.Literal("Deleting"),
]);

const CheckpointStatus = Type.Object(
  {
    phase: CheckpointPhase,
    /** What its node calls it; never used twice. */
    id: Type.String(),
    node: Name,
    /** From when it is Ready on. */
    manifest: Type.Union([CheckpointManifest, Type.Null()]),
    /** Of all its parts; files have holes, so it may take less of the disk. 0 until it is Ready. */
    sizeBytes: Type.Integer(),
    /** For people: why it is in this phase. Empty when there is nothing to say. */
    message: Type.String(),
    /** Wall-clock milliseconds of the last change of phase, by the proposer's clock. */
    sinceMs: Type.Integer(),
  },
  strict,
);

export const Checkpoint = Type.Object(
  {
    apiVersion: Type.Literal(API_VERSION),
    kind: Type.Literal("Checkpoint"),
    metadata: Metadata,
    spec: CheckpointSpec,
    status: CheckpointStatus,
  },
  strict,
);
export type Checkpoint = Static<typeof Checkpoint>;

/** What a user asks for: a checkpoint of a VM, by a name of its own. */
export const CheckpointRequest = Type.Object({ name: Name, labels: Type.Optional(Labels) }, strict);
export type CheckpointRequest = Static<typeof CheckpointRequest>;
