/** `blixard checkpoint`: what was kept of VMs. Making and using one stands in `vm-checkpoint-command.ts`. */
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { describeCheckpoint } from "../output/describe-checkpoint.ts";
import { Progress } from "../progress.ts";
import { waitUntilRemoved } from "../wait-for-checkpoint.ts";
import { toCheckpointName } from "./checkpoint-argument.ts";
import { addOutputOptions, connect, showResources, type GetOptions } from "./get-command.ts";
import { addWaitOptions, type WaitFlags } from "./wait-options.ts";

const EXAMPLES = `
Examples:
  blixard vm checkpoint web --as before-upgrade
  blixard checkpoint list
  blixard checkpoint delete before-upgrade`;

interface Flags extends WaitFlags {
  readonly server?: string;
}

export function addCheckpointCommand(program: Command, context: CliContext): void {
  const checkpoint = program
    .command("checkpoint")
    .alias("checkpoints")
    .description("list, look at and delete checkpoints of VMs")
    .addHelpText("after", EXAMPLES);
  const list = checkpoint.command("list").alias("ls").description("list all checkpoints");
  addOutputOptions(list).action(async () =>
    showResources(context, { kind: "Checkpoint" }, list.optsWithGlobals<GetOptions>()),
  );
  addDescribe(checkpoint, context);
  addDelete(checkpoint, context);
}

function addDescribe(checkpoint: Command, context: CliContext): void {
  const command = checkpoint
    .command("describe")
    .description("show all there is to know of a checkpoint, and who is started from it")
    .argument("<checkpoint>", "name of a checkpoint");
  command.action(async (word: string) => {
    const name = toCheckpointName(word);
    const client = connect(context, command.optsWithGlobals<Flags>());
    const [resource, vms, events] = await Promise.all([
      client.checkpoints.get(name),
      client.vms.list(),
      client.events.list(),
    ]);
    const users = vms.items.filter(({ spec }) => spec.checkpoint === name).map(({ metadata }) => metadata.name);
    context.terminal.out.write(describeCheckpoint(resource, { users, events: events.items, nowMs: context.now() }));
  });
}

function addDelete(checkpoint: Command, context: CliContext): void {
  const command = checkpoint
    .command("delete")
    .alias("rm")
    .description("remove checkpoints, and wait until they are gone")
    .argument("<checkpoint...>", "names of checkpoints");
  addWaitOptions(command).action(async (words: readonly string[]) => {
    const names = words.map(toCheckpointName);
    const flags = command.optsWithGlobals<Flags>();
    const client = connect(context, flags);
    const { out, err } = context.terminal;
    for (const name of names) {
      await client.checkpoints.delete(name);
      if (!flags.wait) out.write(`checkpoint/${name} deleting\n`);
    }
    if (!flags.wait) return;
    const progress = new Progress(err);
    for (const name of names) {
      await progress.step(`Deleting checkpoint/${name}`, async (step) =>
        waitUntilRemoved(client, name, { timeoutMs: flags.timeout, onProgress: (text) => step.detail(text) }),
      );
      out.write(`checkpoint/${name} deleted\n`);
    }
  });
}
