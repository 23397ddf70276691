/** Routers: behaviours that spread messages over others. See README.md. */
export { groupRouter, type GroupList, type GroupRouter, type GroupRouterOptions } from "./group-router.ts";
export { poolRouter, resizePool, type PoolRouter, type PoolRouterOptions, type ResizePool } from "./pool-router.ts";
export { consistentHash, type ConsistentHash, type ConsistentHashOptions, type Routing } from "./routing.ts";
