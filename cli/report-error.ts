/** The one place where an error becomes words on standard error and an exit code. */
import { CommanderError } from "commander";
import { ApiError } from "../api/api-error.ts";
import { CliError } from "./cli-error.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Stream } from "./terminal.ts";

/** What each code of the API means for a script; the others are plain failures. */
const EXIT_BY_API_CODE: Readonly<Record<string, ExitCode>> = {
  "not-found": EXIT.notFound,
  "already-exists": EXIT.conflict,
  conflict: EXIT.conflict,
  "no-instance": EXIT.conflict,
  "not-a-member": EXIT.notFound,
  "already-a-member": EXIT.conflict,
  "ambiguous-member": EXIT.conflict,
  "change-under-way": EXIT.conflict,
  "not-caught-up": EXIT.conflict,
  "not-a-voter": EXIT.conflict,
  "last-voter": EXIT.conflict,
  "quorum-at-risk": EXIT.conflict,
  "transfer-under-way": EXIT.conflict,
  "snapshot-under-way": EXIT.conflict,
  "nothing-to-snapshot": EXIT.conflict,
  invalid: EXIT.usage,
  "invalid-parameter": EXIT.usage,
  "too-large": EXIT.usage,
  unreachable: EXIT.unreachable,
  "node-unreachable": EXIT.unreachable,
  "no-leader": EXIT.unreachable,
  "no-answer": EXIT.unreachable,
  "not-ready": EXIT.unreachable,
  "outcome-unknown": EXIT.unreachable,
  overloaded: EXIT.unreachable,
  "read-only": EXIT.unreachable,
  closing: EXIT.unreachable,
};

const HINT_BY_API_CODE: Readonly<Record<string, string>> = {
  unreachable: 'Is the cluster running? "blixard up" starts one here; --server names another.',
  "no-leader": 'A majority of the nodes has to run: see "blixard cluster status".',
  "outcome-unknown": "It may have been carried out or not: look before you repeat it.",
  unauthorized: "Put the cluster's secret into BLIXARD_TOKEN.",
};

const FAULT_HINT =
  "This looks like a fault of Blixard itself: please report it, with what you did and what BLIXARD_DEBUG=1 adds to this.";

/** Prints what went wrong. `debug`: the stack of a bug too. @returns the exit code that says so. */
export function reportError(error: unknown, err: Stream, { debug }: { readonly debug: boolean }): ExitCode {
  // commander has printed its own: a mistake of the command line, or help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    print(err, error.message, error.hint);
    return error.exitCode;
  }
  if (error instanceof ApiError) {
    const problems = (error.details.problems ?? []).map(({ message }) => message);
    // The message itself may hold them all.
    const untold = problems.every((problem) => error.message.includes(problem)) ? [] : problems;
    print(
      err,
      `${asSentence(error.message)}${untold.map((problem) => `\n  - ${problem}`).join("")}`,
      HINT_BY_API_CODE[error.code],
    );
    return EXIT_BY_API_CODE[error.code] ?? EXIT.failed;
  }
  print(err, error instanceof Error ? error.message : String(error), FAULT_HINT);
  if (debug && error instanceof Error) err.write(`${error.stack}\n`);
  return EXIT.failed;
}

function print(err: Stream, message: string, hint: string | undefined): void {
  err.write(`${err.paint("red", "Error:")} ${message}\n`);
  if (hint !== undefined) err.write(`${hint}\n`);
}

function asSentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
