/** The REST API: the server of a node, and the typed client. A program that is only a client imports `client.ts`. */
export { createApiServer, type ApiServer, type ApiServerOptions } from "./api-server.ts";
export type { LogReader } from "./api-context.ts";
export type { ClusterLinks } from "./cluster-members.ts";
export type { MemberList, MembershipChanged, MemberView, SnapshotMade, Transferred } from "./member-wire.ts";
export {
  API_ERROR_STATUS,
  ApiError,
  type ApiErrorCode,
  type ApiErrorDetails,
  type ClientErrorCode,
  type ErrorBody,
} from "./api-error.ts";
export type { ClusterMetrics, NodeMetrics, VmMetrics } from "./metric-wire.ts";
export { DEFAULT_API_LIMITS, type ApiLimits } from "./limits.ts";
export { ListenError, type ListenAddress, type ListenErrorCode } from "./listen-error.ts";
export type { DrainPlan } from "./drain-wire.ts";
export {
  type ClusterStatus,
  type LogLine,
  type MigrationPlan,
  type NodeView,
  type ResourceList,
  type WatchLine,
} from "./wire.ts";
export {
  createApiClient,
  type ApiClient,
  type ApiClientOptions,
  type Applied,
  type Collection,
  type LogOptions,
  type MigrationInput,
  type ReadOptions,
  type VmManifestInput,
  type Vms,
} from "./client.ts";
export type { StreamOpening } from "./stream-opening.ts";
export type { WatchEvent, WatchOptions } from "./client-watch.ts";
