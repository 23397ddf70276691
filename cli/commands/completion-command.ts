/** `blixard completion SHELL`, and the hidden command that its scripts ask. */
import { Argument, type Command } from "commander";
import type { MemberView } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { collectionOf } from "../collection-of.ts";
import { COMPLETION_SCRIPTS, SHELLS, WORDS_COMMAND, type Shell } from "../completion/shell-scripts.ts";
import { suggest } from "../completion/suggest.ts";
import { connect } from "./get-command.ts";

const EXAMPLES = `
Examples:
  source <(blixard completion bash)
  blixard completion zsh > "\${fpath[1]}/_blixard"
  blixard completion fish > ~/.config/fish/completions/blixard.fish`;

/** By node where that is enough. */
function memberNames(items: readonly MemberView[]): readonly string[] {
  return items.map(({ member, node }) => (items.filter((other) => other.node === node).length > 1 ? member : node));
}

export function addCompletionCommand(program: Command, context: CliContext): void {
  const { out } = context.terminal;
  program
    .command("completion")
    .description("print the script that completes command lines in a shell")
    .addArgument(new Argument("<shell>", "bash, zsh or fish").choices(SHELLS))
    .addHelpText("after", EXAMPLES)
    .action((shell: Shell) => out.write(COMPLETION_SCRIPTS[shell]));
  program
    .command(WORDS_COMMAND, { hidden: true })
    .argument("[words...]")
    .action(async (words: readonly string[]) => {
      const candidates = await suggest(program, words, async (kind) => {
        try {
          const client = connect(context, {});
          if (kind === "Member") return memberNames((await client.members.list()).items);
          const { items } = await collectionOf(client, kind).list();
          return items.map(({ metadata }) => metadata.name);
        } catch {
          // A key press is no place for an error message.
          return [];
        }
      });
      out.write(candidates.map((candidate) => `${candidate}\n`).join(""));
    });
}
