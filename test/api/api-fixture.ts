/** A served API for a test: a real server on a free port of 127.0.0.1 in front of the stand-in replica. */
import { onTestFinished } from "vitest";
import { API_VERSION, type Event, type Node, type Vm } from "../../actors/index.ts";
import { createApiServer, type ApiServerOptions } from "../../api/index.ts";
import {
  ActorSystem,
  createRandom,
  type GuestMetrics,
  type LogRequest,
  type Ref,
  type Remoting,
  type StreamListener,
  type StreamRequest,
  type VerbResult,
} from "../../runtime/index.ts";
import { createNodeDispatcher, nodeClock } from "../../runtime/node/index.ts";
import { createStandIn, type ReplicaMessage, type StandIn } from "./replica-stand-in.ts";

export interface ServedApi {
  readonly url: string;
  readonly port: number;
  readonly node: string;
  readonly replica: StandIn;
  readonly system: ActorSystem;
  readonly ref: Ref<ReplicaMessage>;
  /** What was logged at level error. */
  readonly errors: readonly string[];
  /** Log requests that are open, to be fed by the test. */
  readonly logRequests: readonly OpenLog[];
  /** Streams that are open, to be played by the test. */
  readonly streams: readonly OpenStream[];
  /** How the node's driver answers for an instance; not at all for one that it has no entry of. */
  readonly readings: Map<string, VerbResult<{ readonly metrics: GuestMetrics }>>;
  /** What its host says of a checkpoint, by its id; nothing of any other. */
  readonly checks: Map<string, VerbResult>;
  readonly close: () => Promise<void>;
}

export interface OpenLog {
  readonly request: LogRequest;
  cancelled: boolean;
}

export interface OpenStream {
  readonly request: StreamRequest;
  readonly listener: StreamListener;
  /** What the client did, in words: "send abc", "grant 5", "cancel". */
  readonly calls: string[];
}

export interface ServeOptions extends Partial<
  Pick<ApiServerOptions, "node" | "listen" | "limits" | "token" | "hostNames" | "links">
> {
  /** The way to other nodes; the system then has the node's own name, which no other test may use. */
  readonly remoting?: Remoting;
}

/** Closed by itself when the test ends. */
export async function serveApi(options: ServeOptions = {}): Promise<ServedApi> {
  const node = options.node ?? "n1";
  const system = ActorSystem.create({
    // Systems of one process differ in name, and tests of one file may overlap.
    node: options.remoting === undefined ? `${node}-${crypto.randomUUID()}` : node,
    world: {
      clock: nodeClock,
      random: createRandom(1),
      dispatcher: createNodeDispatcher(),
      ...(options.remoting && { remoting: options.remoting }),
    },
  });
  const replica = createStandIn(node);
  const ref = system.spawn(replica.behavior, { name: "replica" });
  const errors: string[] = [];
  const logRequests: OpenLog[] = [];
  const streams: OpenStream[] = [];
  const readings: ServedApi["readings"] = new Map();
  const checks: ServedApi["checks"] = new Map();
  const server = createApiServer({
    listen: { host: "127.0.0.1", port: 0 },
    ...options,
    system,
    replica: ref,
    node,
    clock: nodeClock,
    version: "0.0.0-test",
    logger: {
      log: (level, message, fields) =>
        void (level === "error" && errors.push(`${message} ${String(fields?.["cause"])}`)),
    },
    logs: {
      readLogs: (request) => {
        const open = { request, cancelled: false };
        logRequests.push(open);
        return { cancel: () => void (open.cancelled = true) };
      },
    },
    guests: {
      readMetrics: (instance, done) => {
        const reading = readings.get(instance);
        if (reading !== undefined) queueMicrotask(() => done(reading));
      },
      checkCheckpoint: (id, done) => {
        const found = checks.get(id);
        if (found !== undefined) queueMicrotask(() => done(found));
      },
      openStream: (request, listener) => {
        const calls: string[] = [];
        streams.push({ request, listener, calls });
        return {
          send: (bytes) => void calls.push(`send ${Buffer.from(bytes).toString()}`),
          finish: () => void calls.push("finish"),
          grant: (bytes) => void calls.push(`grant ${bytes}`),
          resize: ({ columns, rows }) => void calls.push(`resize ${columns} ${rows}`),
          signal: (number) => void calls.push(`signal ${number}`),
          cancel: () => void calls.push("cancel"),
        };
      },
    },
  });
  const close = async (): Promise<void> => {
    await server.close();
    system.stop();
  };
  onTestFinished(close);
  const { url } = await server.start();
  return {
    url,
    port: Number(new URL(url).port),
    node,
    replica,
    system,
    ref,
    errors,
    logRequests,
    streams,
    readings,
    checks,
    close,
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test looks into whatever came
  readonly body: any;
}

/** One request, its answer read as JSON where there is any. */
export async function send(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = text !== "" && response.headers.get("content-type")?.startsWith("application/json") === true;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

export function manifest(
  name: string,
  spec: object = {},
): Pick<Vm, "apiVersion" | "kind"> & { metadata: object; spec: object } {
  return { apiVersion: API_VERSION, kind: "Vm", metadata: { name }, spec };
}

export function nodeResource(name: string, apiUrl: string, phase: "Ready" | "Lost" = "Ready"): Node {
  return {
    apiVersion: API_VERSION,
    kind: "Node",
    metadata: { name, uid: `node-${name}`, version: 1, generation: 1, createdAtMs: 1, labels: {} },
    spec: {
      incarnation: "i",
      address: "127.0.0.1",
      apiUrl,
      driver: "process",
      vcpus: 4,
      memoryMiB: 4096,
      labels: {},
      version: "0.0.0-test",
    },
    status: { phase, epoch: phase === "Ready" ? 1 : 0, renewedAt: 1, sinceMs: 1 },
  };
}

export function eventResource(name: string): Event {
  return {
    apiVersion: API_VERSION,
    kind: "Event",
    metadata: { name, uid: `event-${name}`, version: 1, generation: 1, createdAtMs: 1, labels: {} },
    spec: {
      type: "Normal",
      reason: "Scheduled",
      message: "VM is placed",
      regarding: { kind: "Vm", name: "web" },
      atMs: 1,
    },
  };
}

/** Waits until something holds, a macrotask at a time; fails by the test's own time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}
