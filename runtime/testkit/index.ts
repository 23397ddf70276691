/** The test kit: actors in virtual time, and one behaviour alone. See README.md. */
export { createManualCluster, type ManualCluster, type ManualClusterOptions } from "./manual-cluster.ts";
export { createManualWorld, type ManualWorld, type ManualWorldOptions } from "./manual-world.ts";
export { createProbe, Probe, ProbeError, type MessageMatcher, type ProbeOptions, type Within } from "./probe.ts";
