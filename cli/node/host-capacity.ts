/** What a host has for VMs when the settings do not say. */
import { availableParallelism, totalmem } from "node:os";
import type { NodeConfig } from "../node-config.ts";

/** Left to the node's own process, its guards and the system, in MiB. */
const RESERVED_MIB = 512;

export function hostCapacity(config: NodeConfig): { readonly vcpus: number; readonly memoryMiB: number } {
  const totalMiB = Math.floor(totalmem() / 2 ** 20);
  return {
    vcpus: config.vcpus ?? availableParallelism(),
    memoryMiB: config.memoryMiB ?? Math.max(1, totalMiB - RESERVED_MIB),
  };
}
