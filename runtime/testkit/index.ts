/** The test kit: actors in virtual time, and one behaviour alone. See README.md. */
export type { AskedEffect, Effect, PipedEffect } from "./effect.ts";
export { runInIsolation, type Isolated, type IsolationOptions } from "./isolated.ts";
export { createManualCluster, type ManualCluster, type ManualClusterOptions } from "./manual-cluster.ts";
export { createManualWorld, type ManualWorld, type ManualWorldOptions } from "./manual-world.ts";
export { createMemoryLog, type MemoryLog, type MemoryLogOptions } from "./memory-log-store.ts";
export { createMemorySnapshots, type MemorySnapshots, type MemorySnapshotsOptions } from "./memory-snapshot-store.ts";
export { createProbe, ProbeError, type Probe, type MessageMatcher, type ProbeOptions, type Within } from "./probe.ts";
