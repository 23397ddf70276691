/** What Nix could not do, in words for people: no trace, no escape sequences, no store path of our own files. */
export type NixFailure =
  /** There is no Nix. */
  | "missing"
  /** The configuration does not evaluate. */
  | "evaluation"
  /** A builder failed. */
  | "build"
  | "timeout"
  /** Anything else that Nix says no to. */
  | "refused";

export class NixError extends Error {
  override readonly name = "NixError";
  readonly failure: NixFailure;

  constructor(failure: NixFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.failure = failure;
  }
}
