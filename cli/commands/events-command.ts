/** `blixard events`: what happened, the newest last. */
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { addOutputOptions, showResources, type GetOptions } from "./get-command.ts";

const EXAMPLES = `
Examples:
  blixard events
  blixard events --watch -o json | jq .resource.spec.message`;

export function addEventsCommand(program: Command, context: CliContext): void {
  const command = program
    .command("events")
    .alias("event")
    .description("show what happened in the cluster")
    .addHelpText("after", EXAMPLES);
  addOutputOptions(command).action(async () => {
    await showResources(context, { kind: "Event" }, command.optsWithGlobals<GetOptions>());
  });
}
