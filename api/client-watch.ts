/**
 * A watch that does not end: it resumes where it was when a connection breaks, at another server if need be, and begins
 * again with the whole selection when its place was forgotten.
 */
import type { Resource } from "../actors/index.ts";
import { ApiError } from "./api-error.ts";
import type { Connection } from "./client-connection.ts";
import { readLines } from "./read-lines.ts";
import type { WatchLine } from "./wire.ts";

export interface WatchOptions {
  /** Only the resource of that name. */
  readonly name?: string;
  /** Only what came after this version, without the whole selection first. */
  readonly since?: number;
  /** Ends the watch: the iterator is done, without an error. */
  readonly signal?: AbortSignal;
  /** Told each time the watch has to reconnect, and why; it goes on by itself. */
  onTrouble?(error: ApiError): void;
}

/** What a watch gives out. After `synced` what was known before is void: `resources` is all there is. */
export type WatchEvent<Of extends Resource> = Exclude<WatchLine<Of>, { readonly type: "compacted" | "error" }>;

/** Waits between attempts: from the first to the last, doubling. An election is over within two seconds. */
const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 2_000;

/** Servers send a bookmark every 5 s; after three of them missing, the connection is taken to be dead. */
const SILENCE_MS = 16_000;

/** @throws {ApiError} when asking again would not help: no such route, not allowed, a name that is none. */
export async function* watchForever<Of extends Resource>(
  connection: Connection,
  path: string,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<Of>, void> {
  const { signal } = options;
  const isOver = (): boolean => signal?.aborted === true;
  let since = options.since;
  let waitMs = RETRY_FIRST_MS;
  while (!isOver()) {
    try {
      for await (const line of watchOnce<Of>(connection, path, { since, signal })) {
        waitMs = RETRY_FIRST_MS;
        if (line.type === "compacted") throw new ApiError(410, "compacted", "The watch's place was forgotten");
        if (line.type === "error") throw new ApiError(503, line.error.code, line.error.message);
        yield line;
        since = line.version;
      }
      throw new ApiError(0, "unreachable", "The server ended the watch");
    } catch (error) {
      if (isOver()) return;
      const trouble = asTrouble(error);
      options.onTrouble?.(trouble);
      if (trouble.code === "compacted") since = undefined;
      else connection.leave();
    }
    await pause(waitMs, signal);
    waitMs = Math.min(RETRY_LAST_MS, waitMs * 2);
  }
}

interface Attempt {
  readonly since: number | undefined;
  readonly signal: AbortSignal | undefined;
}

async function* watchOnce<Of extends Resource>(
  connection: Connection,
  path: string,
  { since, signal }: Attempt,
): AsyncGenerator<WatchLine<Of>, void> {
  const end = new AbortController();
  let silence = setTimeout(() => end.abort(), SILENCE_MS);
  try {
    const response = await connection.send({
      method: "GET",
      path,
      query: { watch: true, since },
      headers: { accept: "application/x-ndjson, application/json" },
      signal: signal === undefined ? end.signal : AbortSignal.any([signal, end.signal]),
    });
    if (response.body === null) return;
    for await (const line of readLines(response.body)) {
      clearTimeout(silence);
      yield JSON.parse(line) as WatchLine<Of>;
      silence = setTimeout(() => end.abort(), SILENCE_MS);
    }
  } finally {
    clearTimeout(silence);
    end.abort();
  }
}

/** What the watch survives. @throws what it does not. */
function asTrouble(error: unknown): ApiError {
  if (!(error instanceof ApiError)) {
    return new ApiError(0, "unreachable", `The watch broke: ${(error as Error).message}`, { cause: error });
  }
  const isOurs = error.status >= 400 && error.status < 500 && error.status !== 410 && error.status !== 429;
  if (isOurs) throw error;
  return error;
}

function pause(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, durationMs);
  const stop = (): void => {
    clearTimeout(timer);
    resolve();
  };
  signal?.addEventListener("abort", stop, { once: true });
  return promise.finally(() => signal?.removeEventListener("abort", stop));
}
