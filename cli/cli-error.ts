/**
 * An error for a person: what was tried, on what, why not, and what would help. `main.ts` prints it without a stack
 * trace and exits with its code. Anything else that is thrown is a bug of ours and is reported as one.
 */
import { EXIT, type ExitCode } from "./exit-codes.ts";

export interface CliErrorOptions {
  /** What would help, whole sentences. */
  readonly hint?: string;
  readonly cause?: unknown;
}

export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exitCode = exitCode;
    this.hint = options.hint;
  }
}

/** The command line, a manifest or the environment is wrong. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(EXIT.usage, message, hint === undefined ? {} : { hint });
}
