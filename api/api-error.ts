/** An answer that is not what was asked for: one class for what the server sends and for what the client throws. */
import type { FieldProblem } from "../actors/index.ts";

/** Every code the server sends, with its HTTP status. Codes are stable; clients decide by them, not by messages. */
export const API_ERROR_STATUS = {
  /** What came is not HTTP, or an URL that cannot be read. */
  "malformed-request": 400,
  "malformed-json": 400,
  /** A path parameter, query parameter or header; `details.problems` names each. */
  "invalid-parameter": 400,
  unauthorized: 401,
  /** A web page of another origin asked. */
  "cross-origin": 403,
  "not-found": 404,
  "not-a-member": 404,
  "no-such-route": 404,
  "request-timeout": 408,
  "already-exists": 409,
  /** The expected version is not the current one, or what was asked for contradicts the present state. */
  conflict: 409,
  /** Another change of who belongs to the cluster is under way. */
  "change-under-way": 409,
  "already-a-member": 409,
  /** The name means two members of a node. */
  "ambiguous-member": 409,
  /** A learner that lacks too much of the log to vote. */
  "not-caught-up": 409,
  "not-a-voter": 409,
  "last-voter": 409,
  /** Too few of the voters that would be left serve. */
  "quorum-at-risk": 409,
  "transfer-under-way": 409,
  "snapshot-under-way": 409,
  "nothing-to-snapshot": 409,
  /** The VM has no instance whose log could be read. */
  "no-instance": 409,
  /** The version to watch from is older than what the node remembers: read again, watch from there. */
  compacted: 410,
  "too-large": 413,
  "unsupported-media-type": 415,
  /** The Host header names what this server is not: see `access.ts`. */
  "unknown-host": 421,
  /** The body; `details.problems` names each field. */
  invalid: 422,
  /** A stream between client and guest, asked for without `Upgrade`. */
  "upgrade-required": 426,
  "too-many-streams": 429,
  "headers-too-large": 431,
  internal: 500,
  /** Another node had to be asked and did not answer. */
  "node-unreachable": 502,
  /** No leader within the time limit. For a write, `details.fate` is `unknown`. */
  "no-leader": 503,
  overloaded: 503,
  "store-failed": 503,
  /** The disk of the node, or of the leader, has no room. */
  "read-only": 503,
  /** This node's replica did not answer. */
  "no-answer": 503,
  "not-ready": 503,
  closing: 503,
  /** Only within a stream: the client read too slowly. */
  "slow-client": 503,
} as const;

export type ApiErrorCode = keyof typeof API_ERROR_STATUS;

/** What the client adds; their status is 0, since no server answered. */
export type ClientErrorCode =
  /** No server could be reached; nothing was sent. */
  | "unreachable"
  /** A write was sent and no answer came: it may have been carried out or not. */
  | "outcome-unknown"
  /** Somebody answered who is not a Blixard API. */
  | "bad-answer";

export interface ApiErrorDetails {
  readonly problems?: readonly FieldProblem[];
  /** Of a write that failed: `not-applied` is certain, so repeating it is safe; `unknown` is not. */
  readonly fate?: "not-applied" | "unknown";
  /** When the same may be asked again, in milliseconds; also said, in whole seconds, as `Retry-After`. */
  readonly retryAfterMs?: number;
  /** The oldest version that can be watched from. */
  readonly oldest?: number;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status; 0 when no server answered. */
  readonly status: number;
  /** One of `ApiErrorCode` or `ClientErrorCode`; a string, since a newer server may know more. */
  readonly code: string;
  readonly details: ApiErrorDetails;

  constructor(
    status: number,
    code: string,
    message: string,
    options: { details?: ApiErrorDetails; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.status = status;
    this.code = code;
    this.details = options.details ?? {};
  }
}

export function apiError(code: ApiErrorCode, message: string, details: ApiErrorDetails = {}): ApiError {
  return new ApiError(API_ERROR_STATUS[code], code, message, { details });
}

export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly details?: ApiErrorDetails };
}

export function errorBody({ code, message, details }: ApiError): ErrorBody {
  return { error: { code, message, ...(Object.keys(details).length === 0 ? {} : { details }) } };
}
