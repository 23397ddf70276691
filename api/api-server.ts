/**
 * The REST server of one node: fastify in front of the node's replica actor.
 *
 * Every node serves every request: what is read and written goes through the replica, which finds the leader; logs are
 * fetched from the node that has them. Nothing is decided here; a route checks what came, asks an actor, and says what it
 * answered. Who may ask is in `access.ts`, what a client may cost in `limits.ts`.
 */
import swagger from "@fastify/swagger";
import type { TSchema, TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import { fastify, type FastifySchemaCompiler } from "fastify";
import type { AddressInfo } from "node:net";
import { checkSchema, convertStrings, fillDefaults, type ReplicaRequest } from "../actors/index.ts";
import type { ActorSystem, Clock, Logger, Ref } from "../runtime/index.ts";
import { Access } from "./access.ts";
import type { Api, ApiContext, GuestAccess, LogReader } from "./api-context.ts";
import { apiError } from "./api-error.ts";
import { ClusterMembers, type ClusterLinks } from "./cluster-members.ts";
import { registerCluster } from "./cluster-routes.ts";
import { registerCheckpoints } from "./checkpoint-routes.ts";
import { EVENTS, registerCollection } from "./collection-routes.ts";
import { DEFAULT_API_LIMITS, LATENESS_CHECK_MS, type ApiLimits } from "./limits.ts";
import { assertListenable, format, toListenError, type ListenAddress } from "./listen-error.ts";
import { registerLogs } from "./log-routes.ts";
import { registerMetrics } from "./metric-routes.ts";
import { registerPrometheus } from "./prometheus-routes.ts";
import { registerNodes } from "./node-routes.ts";
import { openapiOptions } from "./openapi.ts";
import { OpenStreams } from "./open-streams.ts";
import { PeerApi } from "./peer-api.ts";
import { refuseSocket, sendRefusal } from "./refusals.ts";
import { ReplicaGateway } from "./replica-gateway.ts";
import { SilentConnections } from "./silent-connections.ts";
import { registerStreams } from "./stream-routes.ts";
import { registerClusterStatus, registerProbes } from "./status-routes.ts";
import { isOurUpgrade, serveUpgrades } from "./upgrades.ts";
import { invalidBody, registerVms } from "./vm-routes.ts";
import { NAMED_SCHEMAS } from "./wire.ts";

export interface ApiServerOptions {
  readonly system: ActorSystem;
  /** This node's replica actor. */
  readonly replica: Ref<ReplicaRequest>;
  /** This node's name, as in the cluster's map. */
  readonly node: string;
  /** Reads the logs of this node's instances: the node's hypervisor driver. */
  readonly logs: LogReader;
  /** Reaches into the guests of this node's instances: the `verbs` of its hypervisor driver. */
  readonly guests: GuestAccess;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly listen: ListenAddress;
  /** Version of the software. */
  readonly version: string;
  /** The cluster's token. Without it the server only listens on loopback addresses. */
  readonly token?: string;
  /** The links of the node's transport. Default: none, and only nodes that are linked already can be added to the cluster. */
  readonly links?: ClusterLinks;
  /** Names besides IP addresses and `localhost` under which clients reach this server. Default: none. */
  readonly hostNames?: readonly string[];
  /** Default: `DEFAULT_API_LIMITS`. */
  readonly limits?: Partial<ApiLimits>;
}

export interface ApiServer {
  /** Listens. @throws {ListenError} naming the address and the way out. */
  start(): Promise<{ readonly url: string }>;
  /** Ends the streams, lets requests end for a moment, closes every connection. */
  close(): Promise<void>;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const limits = { ...DEFAULT_API_LIMITS, ...options.limits };
  const context = createContext(options, limits);
  const api = createApi(context);
  serveUpgrades(api);
  const silent = new SilentConnections(api.server);
  guard(api, new Access({ token: options.token, hostNames: options.hostNames ?? [] }));
  registerRoutes(api, context);

  return {
    async start() {
      assertListenable(options.listen, options.token);
      try {
        await api.listen({ host: options.listen.host, port: options.listen.port });
      } catch (error) {
        throw toListenError(options.listen, error as NodeJS.ErrnoException);
      }
      const { port } = api.server.address() as AddressInfo;
      const url = `http://${format({ host: options.listen.host, port })}`;
      context.logger.log("info", `Serving the API on ${url}`);
      return { url };
    },
    async close() {
      context.streams.closeAll();
      silent.close();
      const late = setTimeout(() => api.server.closeAllConnections(), limits.closeMs);
      await api.close();
      clearTimeout(late);
    },
  };
}

function createContext(options: ApiServerOptions, limits: ApiLimits): ApiContext {
  const { system, node, logs, guests, logger, clock, version, token, links } = options;
  const replica = new ReplicaGateway(system, options.replica, limits);
  return {
    node,
    version,
    system,
    replica,
    members: new ClusterMembers({ node, system, replica, clock, limits, links }),
    peers: new PeerApi({ node, token, timeoutMs: limits.peerMs }),
    logs,
    guests,
    streams: new OpenStreams(limits.streamsMax),
    clock,
    logger,
    limits,
  };
}

function createApi({ limits, logger }: ApiContext): Api {
  const refusal = { limits, logger };
  const api = fastify({
    bodyLimit: limits.bodyMaxBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    http: {
      headersTimeout: limits.headersMs,
      maxHeaderSize: limits.headersMaxBytes,
      connectionsCheckingInterval: LATENESS_CHECK_MS,
      keepAlive: true,
      shouldUpgradeCallback: isOurUpgrade,
    },
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    clientErrorHandler: refuseSocket,
    frameworkErrors: (error, request, reply) => sendRefusal(error, request, reply, refusal),
  }).withTypeProvider<TypeBoxTypeProvider>();
  api.server.maxConnections = limits.connectionsMax;
  api.setValidatorCompiler(compileCheck);
  // Nothing is dropped or bent on its way out, as fastify's own serializer would; the tests check answers by their schema.
  api.setSerializerCompiler(() => (value) => JSON.stringify(value));
  api.setErrorHandler((error, request, reply) => sendRefusal(error, request, reply, refusal));
  api.setNotFoundHandler(({ method, url }, reply) => {
    const [path] = url.split("?");
    const error = apiError("no-such-route", `There is no ${method} ${path}; /api/v1/openapi.json lists what there is`);
    return sendRefusal(error, reply.request, reply, refusal);
  });
  readOnlyJson(api);
  return api;
}

/** The body parser: JSON alone, so that no web form or plain text is ever taken for a command. */
function readOnlyJson(api: Api): void {
  api.removeAllContentTypeParsers();
  api.addContentTypeParser("application/json", { parseAs: "string" }, (_, text, done) => {
    if (text === "") {
      done(null);
      return;
    }
    try {
      done(null, JSON.parse(text as string));
    } catch (error) {
      done(apiError("malformed-json", `The request body is not valid JSON: ${(error as Error).message}`));
    }
  });
}

/** Checks with the same function, and so in the same words, as the command line checks manifests. */
const compileCheck: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  if (httpPart === "body") {
    return (body: unknown) => {
      const value = fillDefaults(schema, body ?? undefined);
      const problems = checkSchema(schema, value);
      return problems.length === 0 ? { value } : { error: invalidBody(problems) };
    };
  }
  return (strings: unknown) => {
    const value = fillDefaults(schema, convertStrings(schema, strings));
    const problems = checkSchema(schema, value);
    if (problems.length === 0) return { value };
    const message = `Cannot read the request's ${httpPart ?? "head"}: ${problems.map((problem) => problem.message).join("; ")}`;
    return { error: apiError("invalid-parameter", message, { problems }) };
  };
};

function guard(api: Api, access: Access): void {
  api.addHook("onRequest", (request, reply, done) => {
    reply.header("x-content-type-options", "nosniff");
    reply.header("cache-control", "no-store");
    access.checkOrigin(request.raw);
    if (request.routeOptions.config.public !== true) access.checkToken(request.raw);
    done();
  });
}

function registerRoutes(api: Api, context: ApiContext): void {
  for (const [name, schema] of Object.entries(NAMED_SCHEMAS)) api.addSchema({ ...schema, $id: name });
  api.register(swagger, openapiOptions(context.version));
  api.register(
    (v1: Api, _, done) => {
      registerVms(v1, context);
      registerLogs(v1, context);
      registerMetrics(v1, context);
      registerStreams(v1, context);
      registerNodes(v1, context);
      registerCheckpoints(v1, context);
      registerCollection(v1, context, EVENTS);
      registerClusterStatus(v1, context);
      registerCluster(v1, context);
      registerProbes(v1, context);
      v1.get("/openapi.json", { config: { public: true }, schema: { hide: true } }, () => api.swagger());
      done();
    },
    { prefix: "/api/v1" },
  );
  api.register((root: Api, _, done) => {
    registerProbes(root, context);
    registerPrometheus(root, context);
    done();
  });
}
