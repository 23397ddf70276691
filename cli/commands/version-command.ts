/** `blixard version` */
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { blixardVersion } from "../version.ts";

export function addVersionCommand(program: Command, { terminal }: CliContext): void {
  program
    .command("version")
    .description("print the version of this program and of its Node.js")
    .action(() => terminal.out.write(`blixard ${blixardVersion()} (Node.js ${process.version})\n`));
}
