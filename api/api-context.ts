/** What every route needs of its server. */
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ActorSystem, Clock, GuestVerbs, Hypervisor, Logger } from "../runtime/index.ts";
import type { ClusterMembers } from "./cluster-members.ts";
import type { ApiLimits } from "./limits.ts";
import type { OpenStreams } from "./open-streams.ts";
import type { PeerApi } from "./peer-api.ts";
import type { ReplicaGateway } from "./replica-gateway.ts";

/** Reads the logs of this node's instances. */
export type LogReader = Pick<Hypervisor, "readLogs">;

/** Opens streams to the guests of this node's instances, and reads what they use; reads checkpoints. */
export type GuestAccess = Pick<GuestVerbs, "openStream" | "readMetrics" | "checkCheckpoint">;

export interface ApiContext {
  readonly node: string;
  /** Version of the software. */
  readonly version: string;
  readonly system: ActorSystem;
  readonly replica: ReplicaGateway;
  readonly members: ClusterMembers;
  readonly peers: PeerApi;
  readonly logs: LogReader;
  readonly guests: GuestAccess;
  readonly streams: OpenStreams;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ApiLimits;
}

/** A fastify server whose schemas are TypeBox. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered without a token: what probes and newcomers ask. */
    readonly public?: boolean;
  }
}
