/** The resources of the control plane: schemas, and the types they give. */
export { cardAddress } from "./card-address.ts";
export { checkSchema, convertStrings, fillDefaults, PROBLEMS_MAX } from "./check-schema.ts";
export { Checkpoint, CheckpointRequest } from "./checkpoint.ts";
export { Event, EventSpec } from "./event.ts";
export { describeValue, fieldKeys, fieldName, fieldUnder, type FieldProblem } from "./field-problem.ts";
export { Labels, Metadata, Name, NAME_PATTERN } from "./metadata.ts";
export { LastMigration, Migration, MigrationEndpoint, MigrationLimits, MigrationProgress } from "./migration.ts";
export { nearestWord } from "./nearest-word.ts";
export { Node, NodeSpec, NodeStatus } from "./node.ts";
export { DrainLimits, NodeDrain } from "./node-drain.ts";
export { API_VERSION } from "./api-version.ts";
export { KINDS, type Kind, type Resource } from "./resource.ts";
export {
  Claim,
  Instance,
  InstanceOrigin,
  Vm,
  VmAddress,
  VmFile,
  VmManifest,
  VmPhase,
  VmPort,
  VmSpec,
  VmStatus,
} from "./vm.ts";
export { VmCloudInit, VmDisk } from "./vm-disks.ts";
export { VmHealth } from "./vm-health.ts";
export { VmNetwork } from "./vm-networks.ts";
export { checkVmSpec, parseVmManifest, type ParsedVmManifest } from "./validate-vm.ts";
