/**
 * The typed client of the REST API: what the command line uses, and who embeds Blixard.
 *
 * Fails over between servers (`client-connection.ts` says when), turns every refusal into an `ApiError`, and resumes
 * watches (`client-watch.ts`). It does not retry what may have happened, and it does not wait for a VM to be anything.
 */
import type { Checkpoint, DrainLimits, Event, Node, Resource, Vm, VmManifest } from "../actors/index.ts";
import type { GuestStream, StreamListener } from "../runtime/index.ts";
import { ApiError } from "./api-error.ts";
import { checkpointWrites, type CheckpointWrites } from "./client-checkpoints.ts";
import { Connection, jsonOf, type ApiRequest } from "./client-connection.ts";
import type { DrainPlan } from "./drain-wire.ts";
import type { MemberList, MembershipChanged, SnapshotMade, Transferred } from "./member-wire.ts";
import { watchForever, type WatchEvent, type WatchOptions } from "./client-watch.ts";
import type { StreamOpening } from "./stream-opening.ts";
import { readLines } from "./read-lines.ts";
import type { ClusterMetrics, VmMetrics } from "./metric-wire.ts";
import type { ClusterStatus, LogLine, MigrateBody, MigrationPlan, ResourceList } from "./wire.ts";

export interface ApiClientOptions {
  /** Base URLs of the nodes' APIs, for example `http://127.0.0.1:7201`. At least one. */
  readonly urls: readonly string[];
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
  /** Time for one server to answer. Default: 15,000, more than a server's own limit for a write. */
  readonly timeoutMs?: number;
  /** The cluster's token, for servers on other hosts. */
  readonly token?: string;
}

export interface ReadOptions {
  /** Default `linearizable`: sees every write that was answered before. `local` may be stale and needs no leader. */
  readonly consistency?: "linearizable" | "local";
}

export interface LogOptions {
  /** Lines from the end. Default: the server's, 1,000. */
  readonly tail?: number;
  /** Goes on with each new line. Default: false. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** What an apply did. */
export interface Applied {
  readonly change: "created" | "updated" | "none";
  readonly vm: Vm;
}

export interface Collection<Of extends Resource> {
  list(options?: ReadOptions): Promise<ResourceList<Of>>;
  /** @throws {ApiError} `not-found`. */
  get(name: string, options?: ReadOptions): Promise<Of>;
  /** First everything (unless `since` is given), then every change, until `signal`. */
  watch(options?: WatchOptions): AsyncGenerator<WatchEvent<Of>, void>;
}

export interface Vms extends Collection<Vm> {
  /** @throws {ApiError} `already-exists`, `invalid`. */
  create(manifest: VmManifestInput): Promise<Vm>;
  /** Makes the VM or gives it this spec; `expectedVersion` makes it conditional. @throws {ApiError} `conflict`, `invalid`. */
  apply(manifest: VmManifestInput, options?: { readonly expectedVersion?: number }): Promise<Applied>;
  /** The VM while its instance is being stopped, null when it is gone. @throws {ApiError} `not-found`. */
  delete(name: string): Promise<Vm | null>;
  start(name: string): Promise<Vm>;
  stop(name: string): Promise<Vm>;
  /** @throws {ApiError} `conflict` for one that does not run, `invalid` where its hypervisor cannot. */
  pause(name: string): Promise<Vm>;
  resume(name: string): Promise<Vm>;
  /** Ends its guest and has another one started. @throws {ApiError} `conflict` for one that runs nowhere. */
  restart(name: string): Promise<Vm>;
  /** Leaves its guest so much of its memory. @throws {ApiError} `conflict` for one that does not run, `invalid` for one without a balloon. */
  setBalloon(name: string, memoryMiB: number): Promise<Vm>;
  /** Begins to move it, live unless `how` is `cold`; `status.migration` says how far it is. @throws {ApiError} `conflict`, `invalid`, `not-found`. */
  migrate(name: string, migration: MigrationInput): Promise<Vm>;
  /** What that would be, and all that is in its way; nothing moves. @throws {ApiError} `not-found`, `conflict` for one that runs nowhere. */
  planMigration(name: string, migration: MigrationInput): Promise<MigrationPlan>;
  /** It stays where it is. @throws {ApiError} `conflict` when none goes on. */
  cancelMigration(name: string): Promise<Vm>;
  /** Has it go on from a checkpoint of its own, now and at each later start. @throws {ApiError} `conflict`, `invalid`, `not-found`. */
  restore(name: string, checkpoint: string): Promise<Vm>;
  /** What its guest uses, by its node. @throws {ApiError} `no-instance`, `invalid` where its driver cannot tell, `node-unreachable`, `no-answer`. */
  metrics(name: string, options?: ReadOptions): Promise<VmMetrics>;
  /** The lines of the VM's console. @throws {ApiError} `no-instance`, and whatever breaks it off. */
  logs(name: string, options?: LogOptions): AsyncGenerator<string, void>;
  /**
   * Runs a command in the VM's guest, copies a file, attaches to its console. Node.js only. What goes wrong once it is open is the listener's
   * `onEnd`. @throws {ApiError} `not-found`, `no-instance`.
   */
  openStream(name: string, opening: StreamOpening, listener: StreamListener): Promise<GuestStream>;
}

/** Where to, and what of the limits is not as the server has them by default. */
export type MigrationInput = Pick<MigrateBody, "to"> & Partial<MigrateBody>;

/** A manifest whose defaults may be left out; the server fills them in. */
export type VmManifestInput = Omit<VmManifest, "spec"> & { readonly spec: Partial<VmManifest["spec"]> };

/** Who belongs to the cluster. A member is named by its node, or by `NAME@INCARNATION` where a node has two. */
export interface Members {
  list(): Promise<MemberList>;
  /**
   * Adds a node as a learner. `address`: `HOST:PORT` of its `--listen`, for a node that the others have not in `--peers`.
   * @throws {ApiError} `already-a-member`, `node-unreachable`, `change-under-way`.
   */
  add(node: { readonly name: string; readonly address?: string }): Promise<MembershipChanged>;
  /** Makes a learner a voter. @throws {ApiError} `not-caught-up`, `not-a-member`, `change-under-way`. */
  promote(member: string): Promise<MembershipChanged>;
  /** Makes a voter a learner. @throws {ApiError} `last-voter`, `not-a-member`, `change-under-way`. */
  demote(member: string): Promise<MembershipChanged>;
  /** `force`: also where too few of those that are left serve. @throws {ApiError} `last-voter`, `quorum-at-risk`, `not-a-member`. */
  remove(member: string, options?: { readonly force?: boolean }): Promise<MembershipChanged>;
  /** Hands leadership to `to`, or to the furthest. @throws {ApiError} `not-a-voter`, `transfer-under-way`. */
  transfer(options?: { readonly to?: string; readonly force?: boolean }): Promise<Transferred>;
  /** A snapshot of a node's state, by default of the one that is asked. @throws {ApiError} `snapshot-under-way`. */
  snapshot(options?: { readonly node?: string }): Promise<SnapshotMade>;
  /** The same, and drops all of the log that it covers. @throws {ApiError} `snapshot-under-way`. */
  compact(options?: { readonly node?: string }): Promise<SnapshotMade>;
}

export interface ApiClient {
  readonly vms: Vms;
  readonly nodes: Collection<Node> & {
    /** Closes it and has its VMs moved away; `status.drain` says how far it is. @throws {ApiError} `not-found`. */
    drain(name: string, limits?: Partial<DrainLimits>): Promise<Node>;
    /** Opens it; what is on its way arrives. @throws {ApiError} `not-found`. */
    undrain(name: string): Promise<Node>;
    /** What becomes of its VMs, or would; `liveOnly` by default as it is drained. @throws {ApiError} `not-found`. */
    drainPlan(name: string, options?: { readonly liveOnly?: boolean }): Promise<DrainPlan>;
    /** Forgets a node that holds no lease. @throws {ApiError} `not-found`, `conflict`. */
    remove(name: string): Promise<void>;
  };
  readonly checkpoints: Collection<Checkpoint> & CheckpointWrites;
  readonly events: Collection<Event>;
  readonly members: Members;
  /** Raft as the asked node sees it; with `all` as every node does. */
  clusterStatus(options?: { readonly all?: boolean }): Promise<ClusterStatus>;
  /** What the guests of the asked node use; with `all` those of every node, and why a node did not answer. */
  clusterMetrics(options?: { readonly all?: boolean }): Promise<ClusterMetrics>;
  /** Whether the asked node can serve. @throws {ApiError} `not-ready`. */
  ready(): Promise<{ readonly node: string; readonly leader: string }>;
  version(): Promise<{ readonly version: string; readonly api: string; readonly node: string }>;
}

const TIMEOUT_MS = 15_000;

/** More than a server's own limits for a change of membership, 16 s, and for a snapshot, 61 s. */
const CHANGE_TIMEOUT_MS = 25_000;
const SNAPSHOT_TIMEOUT_MS = 75_000;

/** @throws {TypeError} when a URL cannot be read. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const connection = new Connection({
    urls: options.urls,
    fetch: options.fetch ?? fetch,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    token: options.token,
  });
  const get = async <Body>(
    path: string,
    query: Readonly<Record<string, string | boolean | undefined>> = {},
  ): Promise<Body> => jsonOf<Body>(await connection.send({ method: "GET", path, query }));

  return {
    vms: {
      ...collection<Vm>(connection, "/vms"),
      ...vmWrites(connection),
      metrics: (name, read = {}) => get(`/vms/${encodeURIComponent(name)}/metrics`, { ...read }),
      logs: (name, read) => readLogs(connection, name, read),
      openStream: async (name, opening, listener) => {
        const { openClientStream } = await import("./client-stream.ts");
        const { urls, token, timeoutMs = TIMEOUT_MS } = options;
        return openClientStream({ urls, token, timeoutMs, name, opening, listener });
      },
    },
    nodes: {
      ...collection<Node>(connection, "/nodes"),
      drain: async (name, body = {}) => jsonOf(await connection.send({ method: "POST", path: drainOf(name), body })),
      undrain: async (name) => jsonOf(await connection.send({ method: "DELETE", path: drainOf(name) })),
      drainPlan: (name, { liveOnly } = {}) => get(drainOf(name), { liveOnly }),
      remove: async (name) =>
        void (await connection.send({ method: "DELETE", path: `/nodes/${encodeURIComponent(name)}` })),
    },
    checkpoints: { ...collection<Checkpoint>(connection, "/checkpoints"), ...checkpointWrites(connection) },
    events: collection<Event>(connection, "/events"),
    members: membersOf(connection),
    clusterMetrics: (metrics = {}) => get("/cluster/metrics", { all: metrics.all }),
    clusterStatus: (status = {}) => get("/cluster/status", { all: status.all }),
    ready: () => get("/readyz"),
    version: () => get("/version"),
  };
}

function drainOf(node: string): string {
  return `/nodes/${encodeURIComponent(node)}/drain`;
}

function collection<Of extends Resource>(connection: Connection, path: string): Collection<Of> {
  return {
    list: async (read = {}) => jsonOf(await connection.send({ method: "GET", path, query: { ...read } })),
    get: async (name, read = {}) =>
      jsonOf(await connection.send({ method: "GET", path: `${path}/${encodeURIComponent(name)}`, query: { ...read } })),
    watch: (watch = {}) => {
      const at = watch.name === undefined ? path : `${path}/${encodeURIComponent(watch.name)}`;
      return watchForever<Of>(connection, at, watch);
    },
  };
}

type VmWrites = Omit<Vms, keyof Collection<Vm> | "logs" | "metrics" | "openStream">;

function vmWrites(connection: Connection): VmWrites {
  const pathOf = (name: string): string => `/vms/${encodeURIComponent(name)}`;
  const verb = async (name: string, word: string): Promise<Vm> =>
    jsonOf<Vm>(await connection.send({ method: "POST", path: `${pathOf(name)}/${word}` }));
  return {
    create: async (body) => jsonOf(await connection.send({ method: "POST", path: "/vms", body })),
    apply: async (body, { expectedVersion } = {}) => {
      const path = pathOf(body.metadata.name);
      const response = await connection.send({ method: "PUT", path, query: { expectedVersion }, body });
      const change = response.headers.get("blixard-change") as Applied["change"] | null;
      return { change: change ?? "updated", vm: await jsonOf<Vm>(response) };
    },
    delete: async (name) => {
      const response = await connection.send({ method: "DELETE", path: pathOf(name) });
      return response.status === 204 ? null : jsonOf<Vm>(response);
    },
    start: async (name) => verb(name, "start"),
    stop: async (name) => verb(name, "stop"),
    pause: async (name) => verb(name, "pause"),
    resume: async (name) => verb(name, "resume"),
    restart: async (name) => verb(name, "restart"),
    setBalloon: async (name, memoryMiB) =>
      jsonOf(await connection.send({ method: "POST", path: `${pathOf(name)}/balloon`, body: { memoryMiB } })),
    migrate: async (name, body) =>
      jsonOf(await connection.send({ method: "POST", path: `${pathOf(name)}/migrate`, body })),
    planMigration: async (name, body) =>
      jsonOf(await connection.send({ method: "POST", path: `${pathOf(name)}/migrate/plan`, body })),
    restore: async (name, checkpoint) =>
      jsonOf(await connection.send({ method: "POST", path: `${pathOf(name)}/restore`, body: { checkpoint } })),
    cancelMigration: async (name) =>
      jsonOf(await connection.send({ method: "DELETE", path: `${pathOf(name)}/migrate` })),
  };
}

function membersOf(connection: Connection): Members {
  const send = async <Body>(request: Omit<ApiRequest, "timeoutMs">, timeoutMs = CHANGE_TIMEOUT_MS): Promise<Body> =>
    jsonOf<Body>(await connection.send({ ...request, timeoutMs }));
  const pathOf = (member: string): string => `/cluster/members/${encodeURIComponent(member)}`;
  return {
    list: async () => send({ method: "GET", path: "/cluster/members" }),
    add: async (body) => send({ method: "POST", path: "/cluster/members", body }),
    promote: async (member) => send({ method: "POST", path: `${pathOf(member)}/promote` }),
    demote: async (member) => send({ method: "POST", path: `${pathOf(member)}/demote` }),
    remove: async (member, { force } = {}) => send({ method: "DELETE", path: pathOf(member), query: { force } }),
    transfer: async (body = {}) => send({ method: "POST", path: "/cluster/transfer", body }),
    snapshot: async (body = {}) => send({ method: "POST", path: "/cluster/snapshot", body }, SNAPSHOT_TIMEOUT_MS),
    compact: async (body = {}) => send({ method: "POST", path: "/cluster/compact", body }, SNAPSHOT_TIMEOUT_MS),
  };
}

async function* readLogs(connection: Connection, name: string, options: LogOptions = {}): AsyncGenerator<string, void> {
  const { tail, follow, signal } = options;
  const left = new AbortController();
  try {
    const response = await connection.send({
      method: "GET",
      path: `/vms/${encodeURIComponent(name)}/logs`,
      query: { tail, follow },
      headers: { accept: "application/x-ndjson, application/json" },
      signal: signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]),
    });
    if (response.body === null) return;
    for await (const text of readLines(response.body)) {
      const line = JSON.parse(text) as LogLine;
      if (line.type === "line") yield line.line;
      else if (line.type === "end") return;
      else if (line.type === "error") throw new ApiError(0, line.error.code, line.error.message);
    }
    throw new ApiError(0, "unreachable", `The log of VM "${name}" broke off: the server went away`);
  } catch (error) {
    if (signal?.aborted === true) return;
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, "unreachable", `The log of VM "${name}" broke off: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    left.abort();
  }
}
