/** The command line as a whole: every command, and what they have in common. */
import { Command } from "commander";
import { nearestWord } from "../actors/resources/nearest-word.ts";
import type { CliContext } from "./cli-context.ts";
import { addApplyCommand } from "./commands/apply-command.ts";
import { addCheckpointCommand } from "./commands/checkpoint-command.ts";
import { addClusterCommand } from "./commands/cluster-command.ts";
import { addCompletionCommand } from "./commands/completion-command.ts";
import { addDownCommand } from "./commands/down-command.ts";
import { addEventsCommand } from "./commands/events-command.ts";
import { addGetCommand } from "./commands/get-command.ts";
import { addNodeCommand } from "./commands/node-command.ts";
import { addSimCommand } from "./commands/sim-command.ts";
import { addUpCommand } from "./commands/up-command.ts";
import { addVersionCommand } from "./commands/version-command.ts";
import { addVmCommand } from "./commands/vm-command.ts";
import { blixardVersion } from "./version.ts";

const AFTER = `
Examples:
  blixard up --apply examples/web      a cluster of three nodes on this host, with a page to look at
  blixard get vms
  blixard vm create hello --port http=80 --health http:80

Exit codes: 0 done · 1 failed · 2 wrong usage · 3 not found · 4 conflict · 5 no node or no leader answers ·
6 waited long enough, or no node has room · 130 interrupted`;

export function buildProgram(context: CliContext): Command {
  const { out, err } = context.terminal;
  const program = new Command("blixard")
    .description("Runs microVMs on a cluster of nodes.")
    .version(blixardVersion(), "-V, --version", "print the version")
    .option("--server <url>", 'the cluster\'s API; several with commas (BLIXARD_SERVER; default: the cluster of "up")')
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show the help of a command")
    .addHelpText("after", AFTER)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      outputError: (text, write) =>
        write(
          text.replace(/^error: (.)/, (_, first: string) => `${err.paint("red", "Error:")} ${first.toUpperCase()}`),
        ),
    });
  addUpCommand(program, context);
  addDownCommand(program, context);
  addClusterCommand(program, context);
  addVmCommand(program, context);
  addCheckpointCommand(program, context);
  addApplyCommand(program, context);
  addGetCommand(program, context);
  addEventsCommand(program, context);
  addNodeCommand(program, context);
  addSimCommand(program, context);
  addVersionCommand(program, context);
  addCompletionCommand(program, context);
  program.on("command:*", ([word = ""]: readonly string[]) => refuseCommand(program, word));
  pointToHelp(program, program.name());
  return program;
}

/** Users of kubectl and nomad look for the verbs of VMs here. */
function refuseCommand(program: Command, word: string): never {
  const named = (commands: readonly Command[]): readonly string[] =>
    commands.flatMap((command) => [command.name(), ...command.aliases()]);
  const verbs = named(program.commands.find((command) => command.name() === "vm")?.commands ?? []);
  const meant = verbs.includes(word) ? `vm ${word}` : nearestWord(word, named(program.commands));
  return program.error(`error: unknown command '${word}'${meant === undefined ? "" : `\n(Did you mean ${meant}?)`}`);
}

/** A mistake in the flags of a command is explained by the help of that command, not by that of the program. */
function pointToHelp(command: Command, path: string): void {
  command.showHelpAfterError(`See "${path} --help".`);
  for (const child of command.commands) pointToHelp(child, `${path} ${child.name()}`);
}
