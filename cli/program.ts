/**
 * The command line as a whole: every command, and what they have in common.
 *
 * A command's file is loaded when the command line names it, and all of them where a list of them is asked for; what a command needs beyond the API's client
 * and tables (schemas, YAML, the simulator, hypervisors) it loads itself when it runs. `test/cli/program.test.ts` watches over what is loaded: with everything,
 * each start took 0.7 s of a processor.
 */
import { Command } from "commander";
import { nearestWord } from "../actors/resources/nearest-word.ts";
import type { CliContext } from "./cli-context.ts";
import { blixardVersion } from "./version.ts";

const AFTER = `
Examples:
  blixard up --apply examples/web      a cluster of three nodes on this host, with a page to look at
  blixard get vms
  blixard vm create hello --port http=80 --health http:80

Exit codes: 0 done · 1 failed · 2 wrong usage · 3 not found · 4 conflict · 5 no node or no leader answers ·
6 waited long enough, or no node has room · 130 interrupted`;

type Add = (program: Command, context: CliContext) => void;

interface CommandFile {
  /** Its name and aliases; several where a file has several commands. */
  readonly words: readonly string[];
  readonly load: () => Promise<Add>;
}

/** In the order of the help. */
const COMMAND_FILES: readonly CommandFile[] = [
  { words: ["up"], load: async () => (await import("./commands/up-command.ts")).addUpCommand },
  { words: ["down"], load: async () => (await import("./commands/down-command.ts")).addDownCommand },
  { words: ["cluster"], load: async () => (await import("./commands/cluster-command.ts")).addClusterCommand },
  { words: ["vm", "vms"], load: async () => (await import("./commands/vm-command.ts")).addVmCommand },
  {
    words: ["checkpoint", "checkpoints"],
    load: async () => (await import("./commands/checkpoint-command.ts")).addCheckpointCommand,
  },
  { words: ["apply"], load: async () => (await import("./commands/apply-command.ts")).addApplyCommand },
  { words: ["get"], load: async () => (await import("./commands/get-command.ts")).addGetCommand },
  { words: ["events", "event"], load: async () => (await import("./commands/events-command.ts")).addEventsCommand },
  { words: ["node"], load: async () => (await import("./commands/node-command.ts")).addNodeCommand },
  { words: ["sim"], load: async () => (await import("./commands/sim-command.ts")).addSimCommand },
  { words: ["version"], load: async () => (await import("./commands/version-command.ts")).addVersionCommand },
  { words: ["completion"], load: async () => (await import("./commands/completion-command.ts")).addCompletionCommand },
];

/** With the command that the first of `args` names; with all of them where it names none, as in `--help` or a mistake. */
export async function buildProgram(context: CliContext, [asked = ""]: readonly string[]): Promise<Command> {
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
  const wanted = COMMAND_FILES.filter(({ words }) => words.includes(asked));
  const files = wanted.length === 0 ? COMMAND_FILES : wanted;
  for (const add of await Promise.all(files.map(async ({ load }) => load()))) add(program, context);
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
