/** How an event-sourced actor crashes: why its state cannot be made, or may no longer be trusted. */

export type PersistenceErrorCode =
  /** The state cannot be made of what the journal has: it failed, or an event cannot be read, or events are missing. */
  | "recovery-failed"
  /** A write failed, so nobody knows what is kept; a restart finds out, nothing else does. */
  | "persist-failed"
  /** An event cannot be written: the codec or a limit refuses it. Nothing has changed. */
  | "persist-rejected"
  /** Neither the behaviour nor the world names a journal. */
  | "no-journal";

/** The crash of an event-sourced actor, with a stable `code`; the list with what to do is in docs/errors.md. */
export class PersistenceError extends Error {
  override readonly name = "PersistenceError";
  readonly code: PersistenceErrorCode;
  readonly stream: string;

  constructor(code: PersistenceErrorCode, details: { message: string; stream: string; cause?: unknown }) {
    super(details.message, { cause: details.cause });
    this.code = code;
    this.stream = details.stream;
  }
}

/** What an error says, as the end of a sentence. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
