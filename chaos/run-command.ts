/** Runs a short program of the host and waits for it. */
import { spawnSync } from "node:child_process";

/** @throws {Error} with what the program says, when it fails. */
export function runCommand(command: readonly string[]): void {
  const failure = whyItFails(command);
  if (failure !== null) throw new Error(`Cannot run "${command.join(" ")}": ${failure}`);
}

/** Null when it succeeds. */
export function whyItFails([program = "", ...args]: readonly string[]): string | null {
  const { status, signal, stderr, error } = spawnSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  if (error !== undefined) return error.message;
  if (status === 0) return null;
  return String(stderr).trim() || `it ended with ${signal ?? `code ${status}`}`;
}
