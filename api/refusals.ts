/** Turns whatever goes wrong with a request into the one error body, and says nothing of the inside to anybody. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "../runtime/index.ts";
import { API_ERROR_STATUS, ApiError, apiError, errorBody, type ApiErrorCode } from "./api-error.ts";
import type { ApiLimits } from "./limits.ts";

/** An election is over within two seconds; most within one. Of what does not say itself when to ask again. */
const RETRY_AFTER_SECONDS = 1;

export interface RefusalOptions {
  readonly logger: Logger;
  readonly limits: ApiLimits;
}

/** Answers a request that failed. */
export function sendRefusal(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  options: RefusalOptions,
): void {
  const refusal = toApiError(error, options.limits);
  if (refusal.code === "internal") {
    options.logger.log("error", `Cannot answer ${request.method} ${request.url}`, { cause: error });
  }
  if (refusal.status === API_ERROR_STATUS["no-leader"]) reply.header("retry-after", retryAfterSeconds(refusal));
  if (refusal.code === "unauthorized") reply.header("www-authenticate", "Bearer");
  reply.code(refusal.status).type("application/json").send(errorBody(refusal));
}

function retryAfterSeconds({ details: { retryAfterMs } }: ApiError): number {
  return retryAfterMs === undefined ? RETRY_AFTER_SECONDS : Math.max(1, Math.ceil(retryAfterMs / 1000));
}

/** What the framework and others throw, in our words. */
function toApiError(error: unknown, limits: ApiLimits): ApiError {
  if (error instanceof ApiError) return error;
  const { code, statusCode = 500, message } = error as FastifyError;
  switch (code) {
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return apiError(
        "unsupported-media-type",
        "Cannot read the request body: send it as Content-Type: application/json",
      );
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return apiError("too-large", `Cannot read the request body: it is larger than ${limits.bodyMaxBytes} bytes`);
    default:
      if (statusCode >= 400 && statusCode < 500)
        return apiError("malformed-request", `Cannot read the request: ${message}`);
      return apiError("internal", "This node failed to answer; its log says why");
  }
}

/** Answers on a socket whose bytes are not a request, or not in time, and closes it. */
export function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code !== "ECONNRESET" && socket.writable) socket.write(rawResponse(socketError(error.code ?? "")));
  socket.destroy();
}

function socketError(code: string): ApiError {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return apiError("request-timeout", "The request did not arrive in time");
  if (code === "HPE_HEADER_OVERFLOW") return apiError("headers-too-large", "The request's head is too large");
  return apiError("malformed-request", "What arrived is not an HTTP request");
}

function rawResponse(error: ApiError): string {
  const body = JSON.stringify(errorBody(error));
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** Statuses that a route may answer with, for its documentation. */
export function statusesOf(codes: readonly ApiErrorCode[]): readonly number[] {
  return [...new Set(codes.map((code) => API_ERROR_STATUS[code]))];
}
