/** The APIs of other nodes, as this node asks them: for their status, and for logs that lie with them. */
import type { Node } from "../actors/index.ts";
import { API_ERROR_STATUS, ApiError, type ErrorBody } from "./api-error.ts";
import { readLines } from "./read-lines.ts";
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
    try {
      const response = await this.#get(peer, "/api/v1/cluster/status", AbortSignal.timeout(this.#options.timeoutMs));
      return (await response.json()) as ClusterStatus;
    } catch (error) {
      throw asApiError(peer, error);
    }
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
