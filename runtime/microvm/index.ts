/** What a VM may ask of microvm.nix, and which hypervisor can do it. Pure; the driver is in `runtime/node/nix/`. */
export type { MicrovmConfig, MicrovmInterface, MicrovmVolume, VmmName } from "./microvm-config.ts";
export { VMM_NAMES } from "./hypervisor-matrix.ts";
export { checkMicrovm, type MicrovmProblem, type MicrovmSurroundings } from "./check-microvm.ts";
