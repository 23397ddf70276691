/** `blixard vm checkpoint|restore|clone`: a guest kept as it is now, gone back to, or gone on from by others. */
import { Option, type Command } from "commander";
import type { Checkpoint } from "../../actors/index.ts";
import type { ApiClient } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { formatBytes } from "../output/size.ts";
import { Progress } from "../progress.ts";
import { waitUntilReady } from "../wait-for-checkpoint.ts";
import { waitUntilRestarted, waitUntilUp } from "../wait-for-vm.ts";
import { findCloneSource, freeName, toCheckpointName } from "./checkpoint-argument.ts";
import { connect } from "./get-command.ts";
import { upSummary } from "./up-summary.ts";
import { toVmName } from "./vm-argument.ts";
import { addWaitOptions, toCount, type WaitFlags } from "./wait-options.ts";

const CLONES_MAX = 1000;

const AFTER_CHECKPOINT = `
Examples:
  blixard vm checkpoint web
  blixard vm checkpoint web --as before-upgrade

The guest stands still while its memory is written down, and goes on; its disks are copied as they were in that moment. The checkpoint stays on
the disk of its node until it is deleted.`;

const AFTER_RESTORE = `
Example:
  blixard vm restore web before-upgrade

What the VM did since is lost, and what it wrote to its disks. It starts from the checkpoint each time from now on, until its spec names none: apply it without
spec.checkpoint to have it boot again.`;

const AFTER_CLONE = `
Examples:
  blixard vm clone web web-copy             of the VM as it is now: a checkpoint is made first, and stays
  blixard vm clone warm worker --count 10   of a checkpoint: worker-1 to worker-10

Clones run on the node of the checkpoint, on disks that begin as its are and are their own, with a machine id, host name, hardware address and random numbers of their own. A port that is fixed
on the node goes to one of them only, so theirs are free ones.`;

interface Flags extends WaitFlags {
  readonly as?: string;
  readonly count: number;
  readonly server?: string;
}

export function addVmCheckpointCommands(vm: Command, context: CliContext): void {
  addCheckpoint(vm, context);
  addRestore(vm, context);
  addClone(vm, context);
}

function addCheckpoint(vm: Command, context: CliContext): void {
  const command = vm
    .command("checkpoint")
    .description("keep a running VM as it is now, and wait until that is done")
    .argument("<vm>", "name of a VM")
    .option("--as <name>", "name of the checkpoint (default: the VM's with a number)")
    .addHelpText("after", AFTER_CHECKPOINT);
  addWaitOptions(command).action(async (word: string) => {
    const flags = command.optsWithGlobals<Flags>();
    const client = connect(context, flags);
    const name = flags.as === undefined ? undefined : toCheckpointName(flags.as);
    if (flags.wait) await make(context, client, { vm: toVmName(word), name, timeoutMs: flags.timeout });
    else {
      const { metadata } = await begin(client, toVmName(word), name);
      context.terminal.out.write(`checkpoint/${metadata.name} making\n`);
    }
  });
}

function addRestore(vm: Command, context: CliContext): void {
  const command = vm
    .command("restore")
    .description("let a VM go on from a checkpoint of its own, and wait until it does")
    .argument("<vm>", "name of a VM")
    .argument("<checkpoint>", "name of a checkpoint of it")
    .addHelpText("after", AFTER_RESTORE);
  addWaitOptions(command).action(async (vmWord: string, checkpointWord: string) => {
    const [name, checkpoint] = [toVmName(vmWord), toCheckpointName(checkpointWord)];
    const flags = command.optsWithGlobals<Flags>();
    const { terminal } = context;
    const client = connect(context, flags);
    const { status } = await client.vms.restore(name, checkpoint);
    if (!flags.wait) {
      terminal.out.write(`vm/${name} restoring\n`);
      return;
    }
    const { value } = await new Progress(terminal.err).step(`Restoring vm/${name}`, async (step) => {
      const options = { timeoutMs: flags.timeout, onProgress: (text: string) => step.detail(text) };
      const { instance } = status;
      return instance === null
        ? waitUntilUp(client, name, options)
        : waitUntilRestarted(client, name, { ...options, instance: instance.id });
    });
    terminal.out.write(`vm/${name} restored from checkpoint/${checkpoint}${upSummary(value)}\n`);
  });
}

function addClone(vm: Command, context: CliContext): void {
  const command = vm
    .command("clone")
    .description("make VMs that go on where a VM, or a checkpoint, is; and wait until they run")
    .argument("<source>", "name of a VM or of a checkpoint")
    .argument("<new>", "name of the clone")
    .addOption(new Option("--count <count>", "so many: NEW-1, NEW-2, …").argParser(toCount(1, CLONES_MAX)).default(1))
    .addHelpText("after", AFTER_CLONE);
  addWaitOptions(command).action(async (word: string, newWord: string) => {
    const flags = command.optsWithGlobals<Flags>();
    const { out, err } = context.terminal;
    const client = connect(context, flags);
    const source = await findCloneSource(client, word);
    const checkpoint =
      source.kind === "Checkpoint"
        ? await client.checkpoints.get(source.name)
        : await make(context, client, { vm: source.name, name: undefined, timeoutMs: flags.timeout });
    const stem = toVmName(newWord);
    const names = flags.count === 1 ? [stem] : Array.from({ length: flags.count }, (_, at) => `${stem}-${at + 1}`);
    const spec = specOf(checkpoint);
    for (const name of names) {
      await client.vms.create({ apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name }, spec });
      if (!flags.wait) out.write(`vm/${name} created\n`);
    }
    if (!flags.wait) return;
    const progress = new Progress(err);
    for (const name of names) {
      const { value } = await progress.step(`Starting vm/${name}`, async (step) =>
        waitUntilUp(client, name, { timeoutMs: flags.timeout, onProgress: (text) => step.detail(text) }),
      );
      out.write(`vm/${name} cloned from checkpoint/${checkpoint.metadata.name}${upSummary(value)}\n`);
    }
  });
}

/** Its guest's, started from it; without what only one VM of a node, or of a network, can have. */
function specOf({ metadata, spec: { guest } }: Checkpoint): Checkpoint["spec"]["guest"] {
  const ports = guest.ports.map(({ name, guest: port }) => ({ name, guest: port }));
  const networks = guest.networks?.map(({ name, kind, bridge }) => ({ name, kind, ...(bridge && { bridge }) }));
  const cards = networks === undefined ? {} : { networks };
  return { ...guest, ...cards, running: true, ports, checkpoint: metadata.name };
}

interface Making {
  readonly vm: string;
  readonly name: string | undefined;
  readonly timeoutMs: number;
}

async function make({ terminal }: CliContext, client: ApiClient, { vm, name, timeoutMs }: Making): Promise<Checkpoint> {
  const { value } = await new Progress(terminal.err).step(`Keeping vm/${vm}`, async (step) => {
    const { metadata } = await begin(client, vm, name);
    return waitUntilReady(client, metadata.name, { timeoutMs, onProgress: (text) => step.detail(text) });
  });
  const { metadata, status } = value;
  terminal.out.write(
    `checkpoint/${metadata.name} made of vm/${vm} on ${status.node}, ${formatBytes(status.sizeBytes)}${disksIn(value)}\n`,
  );
  return value;
}

/** ", with its disks data, root". */
function disksIn({ spec: { guest } }: Checkpoint): string {
  const names = (guest.disks ?? []).map(({ name }) => name);
  return names.length === 0 ? "" : `, with its disk${names.length === 1 ? "" : "s"} ${names.join(", ")}`;
}

async function begin(client: ApiClient, vm: string, name: string | undefined): Promise<Checkpoint> {
  return client.checkpoints.create({ vm, name: name ?? freeName(vm, (await client.checkpoints.list()).items) });
}
