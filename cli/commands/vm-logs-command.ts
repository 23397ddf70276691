/** `blixard vm logs`: what a VM's guest wrote to its console. */
import type { Command } from "commander";
import { LOG_TAIL_MAX } from "../../api/limits.ts";
import type { CliContext } from "../cli-context.ts";
import { connect } from "./get-command.ts";
import { toVmName } from "./vm-argument.ts";
import { toCount } from "./wait-options.ts";

const TAIL_DEFAULT = 1000;

interface LogFlags {
  readonly follow?: boolean;
  readonly tail: number;
  readonly server?: string;
}

export function addVmLogsCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("logs")
    .description("print the console of a VM's instance, wherever it runs")
    .argument("<vm>", "name of a VM")
    .option("-f, --follow", "go on with each new line, until Ctrl-C")
    .option("--tail <lines>", "lines from the end", toCount(0, LOG_TAIL_MAX), TAIL_DEFAULT)
    .addHelpText("after", "\nExamples:\n  blixard vm logs web --tail 20\n  blixard vm logs web --follow");
  command.action(async (word: string) => {
    const { follow, tail, server } = command.optsWithGlobals<LogFlags>();
    const client = connect(context, server === undefined ? {} : { server });
    for await (const line of client.vms.logs(toVmName(word), { tail, follow: follow === true }))
      context.terminal.out.write(`${line}\n`);
  });
}
