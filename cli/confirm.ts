/** Asks before something that cannot be taken back. */
import { CliError, usageError } from "./cli-error.ts";
import type { CliContext } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";

export interface Confirmation {
  /** A whole question: `Remove member "n2@a"?` */
  readonly question: string;
  /** `--yes` was given. */
  readonly yes: boolean | undefined;
}

/** Returns when it is wanted. @throws CliError when it is not, or when nobody can be asked. */
export async function confirm(context: CliContext, { question, yes }: Confirmation): Promise<void> {
  if (yes === true) return;
  if (context.askUser === null) {
    throw usageError(
      "Nothing was done: this must be confirmed, and there is no terminal to ask on.",
      "Repeat it with --yes.",
    );
  }
  const answer = await context.askUser(`${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(EXIT.failed, "Nothing was done.");
}
