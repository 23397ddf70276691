/** `blixard vm`: the life of VMs. Making one stands in `vm-create-command.ts`, its logs in `vm-logs-command.ts`. */
import type { Command } from "commander";
import type { Vm } from "../../actors/index.ts";
import { ApiError } from "../../api/api-error.ts";
import type { ApiClient } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { describeVm } from "../output/describe-vm.ts";
import { usageLine } from "../output/vm-usage.ts";
import { Progress } from "../progress.ts";
import { waitUntilGone, waitUntilStopped, waitUntilUp, type WaitOptions } from "../wait-for-vm.ts";
import { addOutputOptions, connect, showResources, type GetOptions } from "./get-command.ts";
import { upSummary } from "./up-summary.ts";
import { toVmName } from "./vm-argument.ts";
import { addVmBalloonCommand } from "./vm-balloon-command.ts";
import { addVmCheckpointCommands } from "./vm-checkpoint-command.ts";
import { addVmConsoleCommand } from "./vm-console-command.ts";
import { addVmCpCommand } from "./vm-cp-command.ts";
import { addVmExecCommand } from "./vm-exec-command.ts";
import { addVmCreateCommand } from "./vm-create-command.ts";
import { addVmLogsCommand } from "./vm-logs-command.ts";
import { addVmMetricsCommand } from "./vm-metrics-command.ts";
import { addVmMigrateCommand } from "./vm-migrate-command.ts";
import { addVmPauseCommands } from "./vm-pause-command.ts";
import { addVmTopCommand } from "./vm-top-command.ts";
import { addWaitOptions, type WaitFlags } from "./wait-options.ts";

const EXAMPLES = `
Examples:
  blixard vm create web --memory 128 --port http=80:8080 --health http:80 -- httpd -f -p 80
  blixard vm list
  blixard vm logs web --follow
  blixard vm exec web -it -- sh
  blixard vm stop web && blixard vm start web
  blixard vm migrate web --to n2
  blixard vm top
  blixard vm delete web`;

export function addVmCommand(program: Command, context: CliContext): void {
  const vm = program
    .command("vm")
    .alias("vms")
    .description("create, start, stop, delete and look at VMs")
    .addHelpText("after", EXAMPLES);
  addVmCreateCommand(vm, context);
  addSwitch(vm, context, "start");
  addSwitch(vm, context, "stop");
  addDelete(vm, context);
  addLists(vm, context);
  addDescribe(vm, context);
  addVmLogsCommand(vm, context);
  addVmExecCommand(vm, context);
  addVmCpCommand(vm, context);
  addVmConsoleCommand(vm, context);
  addVmPauseCommands(vm, context);
  addVmMigrateCommand(vm, context);
  addVmCheckpointCommands(vm, context);
  addVmBalloonCommand(vm, context);
  addVmMetricsCommand(vm, context);
  addVmTopCommand(vm, context);
}

interface SwitchFlags extends WaitFlags {
  readonly server?: string;
}

function addSwitch(vm: Command, context: CliContext, verb: "start" | "stop"): void {
  const command = vm
    .command(verb)
    .description(verb === "start" ? "let VMs run, and wait until they do" : "stop VMs, and wait until they are")
    .argument("<vm...>", "names of VMs");
  addWaitOptions(command).action(async (words: readonly string[]) => {
    const names = words.map(toVmName);
    const flags = command.optsWithGlobals<SwitchFlags>();
    const client = connect(context, flags);
    for (const name of names) {
      await (verb === "start" ? client.vms.start(name) : client.vms.stop(name));
      if (!flags.wait) context.terminal.out.write(`vm/${name} ${verb === "start" ? "starting" : "stopping"}\n`);
    }
    if (!flags.wait) return;
    await forEachShown(context, names, flags, verb === "start" ? "Starting" : "Stopping", async (name, options) => {
      if (verb === "start") return `vm/${name} started${upSummary(await waitUntilUp(client, name, options))}`;
      await waitUntilStopped(client, name, options);
      return `vm/${name} stopped`;
    });
  });
}

function addDelete(vm: Command, context: CliContext): void {
  const command = vm
    .command("delete")
    .alias("rm")
    .description("stop and remove VMs, and wait until they are gone")
    .argument("<vm...>", "names of VMs");
  addWaitOptions(command).action(async (words: readonly string[]) => {
    const names = words.map(toVmName);
    const flags = command.optsWithGlobals<SwitchFlags>();
    const client = connect(context, flags);
    for (const name of names) {
      await client.vms.delete(name);
      if (!flags.wait) context.terminal.out.write(`vm/${name} deleting\n`);
    }
    if (!flags.wait) return;
    await forEachShown(context, names, flags, "Deleting", async (name, options) => {
      await waitUntilGone(client, name, options);
      return `vm/${name} deleted`;
    });
  });
}

function addLists(vm: Command, context: CliContext): void {
  const list = vm.command("list").alias("ls").description("list all VMs");
  addOutputOptions(list).action(async () => showResources(context, { kind: "Vm" }, list.optsWithGlobals<GetOptions>()));
  const get = vm.command("get").description("show one VM, or all").argument("[vm]", "name of a VM");
  addOutputOptions(get).action(async (name: string | undefined) => {
    const target = { kind: "Vm" as const, ...(name === undefined ? {} : { name: toVmName(name) }) };
    await showResources(context, target, get.optsWithGlobals<GetOptions>());
  });
}

function addDescribe(vm: Command, context: CliContext): void {
  const command = vm
    .command("describe")
    .description("show all there is to know of a VM, with what happened to it")
    .argument("<vm>", "name of a VM");
  command.action(async (word: string) => {
    const name = toVmName(word);
    const client = connect(context, command.optsWithGlobals<SwitchFlags>());
    const [resource, events] = await Promise.all([client.vms.get(name), client.events.list()]);
    const usage = await usageOf(client, resource);
    context.terminal.out.write(describeVm(resource, events.items, { nowMs: context.now(), usage }));
  });
}

/** In a line; of one that could not be asked, why not. */
async function usageOf(client: ApiClient, { metadata, status }: Vm): Promise<string> {
  if (status.phase !== "Running" && status.phase !== "Paused") return "";
  try {
    return usageLine(await client.vms.metrics(metadata.name));
  } catch (error) {
    if (error instanceof ApiError) return `not known: ${error.message}`;
    throw error;
  }
}

/** Shows a step a VM; what came of each goes to standard output. */
async function forEachShown(
  { terminal }: CliContext,
  names: readonly string[],
  flags: SwitchFlags,
  verb: string,
  wait: (name: string, options: WaitOptions) => Promise<string>,
): Promise<void> {
  const progress = new Progress(terminal.err);
  for (const name of names) {
    const { value } = await progress.step(`${verb} vm/${name}`, async (step) =>
      wait(name, { timeoutMs: flags.timeout, onProgress: (words) => step.detail(words) }),
    );
    terminal.out.write(`${value}\n`);
  }
}
