/** `blixard vm create`: a VM from flags. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { usageError } from "../cli-error.ts";
import type { VmFlags } from "../manifest/manifest-from-flags.ts";
import { Progress } from "../progress.ts";
import { waitUntilUp } from "../wait-for-vm.ts";
import { connect } from "./get-command.ts";
import { upSummary } from "./up-summary.ts";
import { addWaitOptions, type WaitFlags } from "./wait-options.ts";

const EXAMPLES = `
Examples:
  What the image runs by itself, a page on port 80:
    blixard vm create hello --port http=80 --health http:80
  A command of yours, published on port 8080 of the node it runs on:
    blixard vm create web --memory 128 --port http=80:8080 --health http:80/ --file /srv/index.html=./index.html \\
      -- httpd -f -p 80 -h /srv

It waits until the VM is healthy, or runs if it has no health check. A VM that fits no node now stays wanted; exit code 6.
Everything else that a manifest can say: blixard apply -f FILE.`;

interface CreateFlags extends VmFlags, WaitFlags {
  readonly server?: string;
}

export function addVmCreateCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("create")
    .description("make a VM, and wait until it is healthy")
    .argument("<name>", "name of the new VM")
    .argument("[command...]", "what the guest runs, after --")
    .option("--image <image>", "guest image on the nodes")
    .option("--vcpus <count>", "CPUs")
    .option("--memory <size>", "memory: 128 or 128MiB, 1GiB")
    .option("--balloon", "with a balloon, by which memory can be taken from it while it runs")
    .addOption(repeatable("--port <name=guest[:host]>", "publish a guest port"))
    .addOption(
      repeatable("--network <card>", "NAME=user, or NAME=tap:BRIDGE[,address=A/N][,gateway=A][,mac=M]: a network card"),
    )
    .option("--health <check>", "http:PORT/PATH, tcp:PORT, exec:COMMAND in the guest, or heartbeat")
    .addOption(repeatable("--env <name=value>", "environment of the command"))
    .addOption(repeatable("--file <guest=local>", "put a file into the guest"))
    .addOption(repeatable("--label <key=value>", "label of the VM"))
    .addOption(repeatable("--node-label <key=value>", "label that its node must carry"))
    .option("--restart <policy>", "always, on-failure or never")
    .addOption(repeatable("--after <name>", "a VM that has to run before this one starts"))
    .addOption(repeatable("--requires <name>", "a VM that has to be healthy before this one starts"))
    .addHelpText("after", EXAMPLES);
  addWaitOptions(command).action(async (name: string, words: readonly string[]) => {
    const flags = command.optsWithGlobals<CreateFlags>();
    const readText = async (path: string): Promise<string> =>
      readFile(resolve(context.cwd, path), "utf8").catch((error: NodeJS.ErrnoException) => {
        throw usageError(`Cannot create VM "${name}": file "${path}" cannot be read (${error.code ?? error.message}).`);
      });
    // Loaded when needed: the schemas of resources are the larger part of all that commands load.
    const { manifestFromFlags } = await import("../manifest/manifest-from-flags.ts");
    const manifest = await manifestFromFlags(name, words, flags, readText);
    const client = connect(context, flags);
    await client.vms.create(manifest);
    const { out, err } = context.terminal;
    if (!flags.wait) {
      out.write(`vm/${name} created\n`);
      return;
    }
    const { value } = await new Progress(err).step(`Starting vm/${name}`, async (step) =>
      waitUntilUp(client, name, { timeoutMs: flags.timeout, onProgress: (state) => step.detail(state) }),
    );
    out.write(`vm/${name} created${upSummary(value)}\n`);
  });
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description}; repeatable`).argParser(collect).default([], "none");
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
