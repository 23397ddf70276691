/** Entities spread over the nodes of a cluster. See README.md. */
export { startShardRegion } from "./start-shard-region.ts";
export type { Entity, ShardRegionOptions, ShardRules } from "./shard-options.ts";
