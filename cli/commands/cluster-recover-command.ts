/** `blixard cluster recover`: the last resort, on the disk of a node that does not run. */
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { confirm } from "../confirm.ts";
import { EXIT } from "../exit-codes.ts";
import { renderRecovery } from "../output/recovery-plan.ts";

interface RecoverFlags {
  readonly data: string;
  readonly unsafe?: boolean;
  readonly yes?: boolean;
}

const MORE = `
Examples:
  blixard cluster recover --unsafe --data /var/lib/blixard          shows the plan, then asks
  blixard cluster recover --unsafe --data /var/lib/blixard --yes

For when a majority of the voters is lost for good, disks and all. The node becomes the only voter of a new cluster, with what its own
disk holds. What was acknowledged and only the others had is lost. Choose the node whose plan shows the highest last term, then index.
Without a terminal and without --yes it only shows the plan.

Never start the others again with the data they have: they would be the old cluster. Empty their data folders, start them with --join,
and add them.`;

export function addClusterRecoverCommand(cluster: Command, context: CliContext): void {
  const command = cluster
    .command("recover")
    .description("go on with one node alone after a majority is lost for good; loses what only the others had")
    .requiredOption("--data <dir>", "data folder of the node, which must not run")
    .option("--unsafe", "yes, this may lose what was acknowledged")
    .option("-y, --yes", "do not ask")
    .addHelpText("after", MORE);
  command.action(async () => {
    const { data, unsafe, yes } = command.opts<RecoverFlags>();
    if (unsafe !== true) {
      throw usageError(
        "Cannot recover without --unsafe: what only the other voters had is lost by it, acknowledged or not.",
        'While a majority can still be started, start it instead. See "blixard cluster recover --help".',
      );
    }
    // Loaded when needed: other commands need no database.
    const { recoverNode } = await import("../node/recover-node.ts");
    const { terminal } = context;
    const { plan, done } = await recoverNode({
      dataDir: resolve(context.cwd, data),
      seed: randomUUID(),
      nowMs: context.now(),
      decide: async (found, counts) => {
        if (found.type === "impossible") {
          throw new CliError(EXIT.failed, `Cannot recover from "${data}": ${found.why}.`, {
            hint: "Look at the data folders of the other nodes.",
          });
        }
        terminal.out.write(renderRecovery(found, counts));
        if (found.type === "not-needed" || (yes !== true && context.askUser === null)) return false;
        await confirm(context, { question: `Go on as ${found.member} alone?`, yes });
        return true;
      },
    });
    if (plan.type !== "recover") return;
    if (!done) {
      terminal.err.write("Nothing was done: this was the plan. Repeat it with --yes to carry it out.\n");
      return;
    }
    terminal.out.write(
      `\nDone: ${plan.member} is the only voter of cluster ${plan.cluster}. Start the node as always.\n`,
    );
  });
}
