/** The resources of the control plane: schemas, and the types they give. */
export { Event, EventSpec } from "./event.ts";
export { API_VERSION, Labels, Metadata, Name, NAME_PATTERN } from "./metadata.ts";
export { Node, NodeSpec, NodeStatus } from "./node.ts";
export { KINDS, type Kind, type Resource } from "./resource.ts";
export { Claim, Instance, Vm, VmAddress, VmFile, VmHealth, VmManifest, VmPhase, VmPort, VmSpec, VmStatus } from "./vm.ts";
