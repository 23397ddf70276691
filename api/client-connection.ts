/**
 * One request of the client, over as many servers as it takes and is safe.
 *
 * Every node serves every request, so a read that failed at one server is asked of the next. A write is only sent again
 * when the first surely did not carry it out: nobody listened there, or the server said so (`fate: not-applied`). Whatever
 * else goes wrong with a write is reported as `outcome-unknown`: it may have happened, and only the caller can tell whether
 * doing it twice is harmless.
 */
import { ApiError, type ErrorBody } from "./api-error.ts";

export interface ConnectionOptions {
  /** Base URLs of the nodes' APIs, tried in order from the one that answered last. */
  readonly urls: readonly string[];
  readonly fetch: typeof fetch;
  /** Time for one server to answer. */
  readonly timeoutMs: number;
  readonly token: string | undefined;
}

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below `/api/v1`, for example `/vms`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Time for a server to answer, where it takes longer than others. Default: the connection's. */
  readonly timeoutMs?: number;
  /** Ends the request and what is read of its answer. */
  readonly signal?: AbortSignal;
}

/** What the platform calls a connection that was never made, so that nothing can have been sent. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Answers after which another node may do better. */
const TRY_ELSEWHERE: ReadonlySet<number> = new Set([429, 502, 503]);

export class Connection {
  readonly #options: ConnectionOptions;
  /** Position of the server that answered last. */
  #current = 0;

  /** @throws {TypeError} when there is no URL, or one that cannot be read. */
  constructor(options: ConnectionOptions) {
    if (options.urls.length === 0) throw new TypeError("Cannot make an API client: it needs at least one URL");
    for (const url of options.urls) {
      if (/^https?:$/.test(URL.parse(url)?.protocol ?? "")) continue;
      throw new TypeError(`Cannot make an API client: "${url}" is not an http URL`);
    }
    this.#options = options;
  }

  /** The next request begins at another server: the current one failed while its answer was read. */
  leave(): void {
    this.#current = (this.#current + 1) % this.#options.urls.length;
  }

  /** A successful answer, its body unread. @throws {ApiError} */
  async send(request: ApiRequest): Promise<Response> {
    const { urls } = this.#options;
    let failure: ApiError | undefined;
    for (let tried = 0; tried < urls.length; tried++) {
      try {
        return await this.#sendTo(urls[this.#current] ?? "", request);
      } catch (error) {
        if (request.signal?.aborted === true || !(error instanceof ApiError)) throw error;
        // The first server's refusal says more than that the others are not there either.
        if (failure === undefined || failure.code === "unreachable") failure = error;
        if (!mayTryElsewhere(request, error)) throw error;
        this.leave();
      }
    }
    throw failure ?? new ApiError(0, "unreachable", "No API was asked");
  }

  async #sendTo(url: string, request: ApiRequest): Promise<Response> {
    const late = new AbortController();
    const { timeoutMs = this.#options.timeoutMs } = request;
    const timer = setTimeout(() => late.abort(), timeoutMs);
    let response: Response;
    try {
      response = await this.#options.fetch(urlOf(url, request), {
        method: request.method,
        redirect: "error",
        signal: request.signal === undefined ? late.signal : AbortSignal.any([request.signal, late.signal]),
        headers: this.#headersOf(request),
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      });
    } catch (error) {
      if (request.signal?.aborted === true) throw error;
      throw failedSend(url, request, late.signal.aborted ? `no answer within ${timeoutMs} ms` : error);
    } finally {
      clearTimeout(timer);
    }
    if (!response.ok) throw await refusalOf(url, response);
    return response;
  }

  #headersOf({ headers, body }: ApiRequest): Record<string, string> {
    const { token } = this.#options;
    return {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    };
  }
}

/** An answer's JSON. @throws {ApiError} `bad-answer`. */
export async function jsonOf<Body>(response: Response): Promise<Body> {
  try {
    return (await response.json()) as Body;
  } catch (error) {
    throw new ApiError(0, "bad-answer", `Cannot read the answer of ${response.url}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function mayTryElsewhere({ method }: ApiRequest, error: ApiError): boolean {
  // The leader is overloaded, not that node: by way of another one it would be asked for as much.
  if (error.details.retryAfterMs !== undefined) return false;
  if (error.code === "unreachable" || error.details.fate === "not-applied") return true;
  return method === "GET" && (error.status === 0 || TRY_ELSEWHERE.has(error.status));
}

function failedSend(url: string, { method, path }: ApiRequest, error: unknown): ApiError {
  const codes = causeCodes(error);
  const why = typeof error === "string" ? error : (codes[0] ?? (error as Error).message);
  if (codes.length > 0 && codes.every((code) => NEVER_CONNECTED.has(code))) {
    return new ApiError(0, "unreachable", `Cannot reach the API at ${url}: ${why}`, { cause: error });
  }
  if (method === "GET") {
    return new ApiError(0, "bad-answer", `Cannot read ${path} from ${url}: ${why}`, { cause: error });
  }
  const message = `Cannot tell whether ${method} ${path} was carried out: ${url} was asked, then ${why}`;
  return new ApiError(0, "outcome-unknown", message, { details: { fate: "unknown" }, cause: error });
}

/** The system's codes behind fetch's "fetch failed"; a name with several addresses has one for each. */
function causeCodes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  if (error instanceof AggregateError) return error.errors.flatMap(causeCodes);
  if ("code" in error && typeof error.code === "string") return [error.code];
  return causeCodes(error.cause);
}

function urlOf(base: string, { path, query = {} }: ApiRequest): URL {
  const url = new URL(`${base.replace(/\/+$/, "")}/api/v1${path}`);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

async function refusalOf(url: string, response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { code, message, details = {} } = (JSON.parse(text) as ErrorBody).error;
    return new ApiError(response.status, code, message, { details });
  } catch (error) {
    const message = `${url} answered ${response.status}, but not as a Blixard API does`;
    return new ApiError(response.status, "bad-answer", message, { cause: error });
  }
}
