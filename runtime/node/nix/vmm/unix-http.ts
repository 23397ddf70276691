/**
 * HTTP over a unix socket, as Firecracker and Cloud Hypervisor serve it: one request a connection, JSON in both directions.
 *
 * Both have small servers of their own (micro_http) that know no chunks, so a body goes with its length.
 */
import { request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  /** Parsed, if there was JSON; the text otherwise. */
  readonly body: unknown;
}

export interface HttpRequest {
  readonly method: "GET" | "PUT" | "PATCH";
  readonly path: string;
  readonly body?: unknown;
  /** Default: 5,000 ms; what writes memory to disk needs more. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
const ANSWER_BYTES_MAX = 1024 * 1024;

/** @param socketPath at most 107 bytes long. @throws when nobody answers. */
export async function askOverSocket(socketPath: string, asked: HttpRequest): Promise<HttpAnswer> {
  const { method, path, body, timeoutMs = TIMEOUT_MS } = asked;
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    Accept: "application/json",
    Connection: "close",
    ...(payload === undefined
      ? {}
      : { "Content-Type": "application/json", "Content-Length": String(Buffer.byteLength(payload)) }),
  };
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, headers, signal: AbortSignal.timeout(timeoutMs) });
    call.once("error", (error) => {
      const why =
        error.name === "TimeoutError" || error.name === "AbortError" ? `no answer in ${timeoutMs} ms` : error.message;
      reject(new Error(`${method} ${path}: ${why}`, { cause: error }));
    });
    call.once("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) call.destroy(new Error(`an answer of over ${ANSWER_BYTES_MAX} bytes`));
        else chunks.push(chunk);
      });
      response.once("error", (error) => call.destroy(error));
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, body: parse(text) });
      });
    });
    call.end(payload);
  });
}

export function isSuccess({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
