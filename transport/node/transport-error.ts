/** A failure of the transport that its caller has to hear about; what happens to one connection is never one of these. */
export type TransportErrorCode =
  | "listen-port-in-use"
  | "listen-failed"
  | "transport-options"
  /** It listens already. */
  | "transport-started"
  /** It was closed: its links and what they knew are gone. */
  | "transport-closed";

/** The transport cannot start: by a stable code, which docs/errors.md lists, and what would help in `hint`. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly code: TransportErrorCode;
  /** What would help. */
  readonly hint: string;

  constructor(code: TransportErrorCode, details: { message: string; hint: string; cause?: unknown }) {
    super(details.message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}
