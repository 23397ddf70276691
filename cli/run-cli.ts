/** Runs one command line to its end. */
import type { CliContext } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { GuestExit } from "./guest-exit.ts";
import { buildProgram } from "./program.ts";
import { reportError } from "./report-error.ts";

/** `args`: what follows the program's name. Never throws: what goes wrong is on standard error, and in the exit code. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  try {
    await (await buildProgram(context, args)).parseAsync([...args], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof GuestExit) return error.status;
    return reportError(error, context.terminal.err, { debug: Boolean(context.env.BLIXARD_DEBUG) });
  }
}
