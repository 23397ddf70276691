/** The APIs of other nodes, as this node asks them: for their status, and for what lies with them: logs, streams of guests, metrics. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import type { Node } from "../actors/index.ts";
import { API_ERROR_STATUS, ApiError, type ErrorBody } from "./api-error.ts";
import { UPGRADE_PROTOCOL } from "./stream-frames.ts";
import { readLines } from "./read-lines.ts";
import type { CheckpointCheck } from "./checkpoint-wire.ts";
import type { ClusterMetrics, VmMetrics } from "./metric-wire.ts";
import type { ClusterStatus, LogLine, LogQuery } from "./wire.ts";

/** Names the node that passed a request on; such a request is never passed on again. */
export const HOP_HEADER = "blixard-hop";

export interface PeerApiOptions {
  readonly node: string;
  /** The cluster's token, which every node has. */
  readonly token: string | undefined;
  readonly timeoutMs: number;
}

export class PeerApi {
  readonly #options: PeerApiOptions;

  constructor(options: PeerApiOptions) {
    this.#options = options;
  }

  /** What a node says of itself. @throws {ApiError} */
  async status(peer: Node): Promise<ClusterStatus> {
    return this.#json(peer, "/api/v1/cluster/status");
  }

  /** What the guests of a node use. @throws {ApiError} */
  async metrics(peer: Node): Promise<ClusterMetrics> {
    return this.#json(peer, "/api/v1/cluster/metrics");
  }

  /** What a guest of a node uses. @throws {ApiError} */
  async vmMetrics(peer: Node, vm: string, consistency: string): Promise<VmMetrics> {
    return this.#json(peer, `/api/v1/vms/${vm}/metrics?consistency=${consistency}`);
  }

  /** Whether a checkpoint of a node is whole. @throws {ApiError} */
  async checkpointCheck(peer: Node, checkpoint: string): Promise<CheckpointCheck> {
    return this.#json(peer, `/api/v1/checkpoints/${checkpoint}/check`);
  }

  /** A log that lies with `peer`, line by line, until `abort`. @throws {ApiError} when it cannot begin. */
  async logs(peer: Node, vm: string, query: LogQuery, abort: AbortController): Promise<AsyncIterable<LogLine>> {
    const { timeoutMs } = this.#options;
    const late = setTimeout(() => abort.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return linesOf(await this.#get(peer, `/api/v1/vms/${vm}/logs?${searchOf(query)}`, abort.signal));
    } catch (error) {
      throw asApiError(peer, error);
    } finally {
      clearTimeout(late);
    }
  }

  /** A connection to a guest's stream at `peer`, its bytes as they come. @throws {ApiError} when it cannot begin. */
  async stream(peer: Node, path: string): Promise<{ readonly socket: Duplex; readonly head: Buffer }> {
    const { node, token, timeoutMs } = this.#options;
    const url = new URL(path, peer.spec.apiUrl);
    const headers = { [HOP_HEADER]: node, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    return upgradeAt(url, { headers, timeoutMs }).catch((error: unknown) => {
      throw asApiError(peer, error);
    });
  }

  async #json<Body>(peer: Node, path: string): Promise<Body> {
    try {
      const response = await this.#get(peer, path, AbortSignal.timeout(this.#options.timeoutMs));
      return (await response.json()) as Body;
    } catch (error) {
      throw asApiError(peer, error);
    }
  }

  async #get(peer: Node, path: string, signal: AbortSignal): Promise<Response> {
    const { node, token } = this.#options;
    const response = await fetch(new URL(path, peer.spec.apiUrl), {
      signal,
      redirect: "error",
      headers: {
        accept: "application/x-ndjson, application/json",
        [HOP_HEADER]: node,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    if (!response.ok) throw await refusalOf(response);
    return response;
  }
}

/** @throws {ApiError} what the server refuses, and anything else that the network says. */
export async function upgradeAt(
  url: URL,
  { headers, timeoutMs }: { readonly headers: Readonly<Record<string, string>>; readonly timeoutMs: number },
): Promise<{ readonly socket: Duplex; readonly head: Buffer }> {
  return new Promise((resolve, reject) => {
    const ask = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = ask(url, {
      agent: false,
      headers: { ...headers, connection: "upgrade", upgrade: UPGRADE_PROTOCOL },
    });
    const late = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    request.once("upgrade", (_, socket, head) => {
      clearTimeout(late);
      resolve({ socket, head });
    });
    request.once("response", (response) => {
      textOf(response)
        .then((body) => reject(refusalIn(body, response.statusCode ?? 0, url)))
        .catch(reject)
        .finally(() => clearTimeout(late));
    });
    request.once("error", (error) => {
      clearTimeout(late);
      reject(error);
    });
    request.end();
  });
}

function refusalIn(body: string, status: number, url: URL): ApiError {
  try {
    const { code, message, details = {} } = (JSON.parse(body) as ErrorBody).error;
    return new ApiError(status, code, message, { details });
  } catch (error) {
    return new ApiError(status, "bad-answer", `${url.origin} answered ${status}, but not as a Blixard API does`, {
      cause: error,
    });
  }
}

function searchOf({ tail, follow, consistency }: LogQuery): string {
  return new URLSearchParams({ tail: String(tail), follow: String(follow), consistency }).toString();
}

async function* linesOf(response: Response): AsyncGenerator<LogLine, void> {
  if (response.body === null) return;
  for await (const line of readLines(response.body)) yield JSON.parse(line) as LogLine;
}

async function refusalOf(response: Response): Promise<ApiError> {
  const body = (await response.json()) as ErrorBody;
  return new ApiError(response.status, body.error.code, body.error.message, { details: body.error.details ?? {} });
}

function asApiError(peer: Node, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { message, cause } = error as Error;
  const why = cause instanceof Error && cause.message !== "" ? cause.message : message;
  const text = `Cannot ask node "${peer.metadata.name}" at ${peer.spec.apiUrl}: ${why}`;
  return new ApiError(API_ERROR_STATUS["node-unreachable"], "node-unreachable", text, { cause: error });
}
