/** How the stores fail, the log store and the journal alike: by a stable code, docs/errors.md lists them. */

/** The disk and what stands on it (`store-…`), and what a journal refuses while it works well (the others). */
export type StoreErrorCode =
  | "store-corrupt"
  | "store-full"
  | "store-io"
  | "store-foreign"
  | "store-locked"
  | "store-version"
  | "store-busy"
  | "store-closed"
  | "fenced"
  | "wrong-sequence"
  | "events-deleted"
  | "too-large"
  | "invalid-name";

/** A failure of the disk or of what stands on it, or a refusal. Always names the file and, in `hint`, the way out. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;
  readonly path: string;
  readonly hint: string;

  constructor(code: StoreErrorCode, details: { message: string; path: string; hint: string; cause?: unknown }) {
    super(details.message, { cause: details.cause });
    this.code = code;
    this.path = details.path;
    this.hint = details.hint;
  }
}
