/** Runs one command line to its end. */
import type { CliContext } from "./cli-context.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { buildProgram } from "./program.ts";
import { reportError } from "./report-error.ts";

/** `args`: what follows the program's name. Never throws: what goes wrong is on standard error, and in the exit code. */
export async function runCli(args: readonly string[], context: CliContext): Promise<ExitCode> {
  try {
    await buildProgram(context).parseAsync([...args], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    return reportError(error, context.terminal.err, { debug: Boolean(context.env.BLIXARD_DEBUG) });
  }
}
