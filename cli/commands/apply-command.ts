/** `blixard apply`: makes the cluster as manifests say. */
import type { Command } from "commander";
import { applyManifest } from "../apply-manifest.ts";
import type { CliContext } from "../cli-context.ts";
import { Progress } from "../progress.ts";
import { waitUntilUp } from "../wait-for-vm.ts";
import { connect } from "./get-command.ts";
import { timeoutOption } from "./wait-options.ts";

const EXAMPLES = `
Examples:
  blixard apply -f examples/web              every *.yaml of a folder, in the order of their names
  blixard apply -f vm.yaml --wait            and wait until the VMs are healthy
  generate | blixard apply -f -

Nothing is applied when a manifest is wrong; every mistake is shown as file:line:column.`;

interface ApplyFlags {
  readonly filename: string;
  readonly wait?: boolean;
  readonly timeout: number;
  readonly server?: string;
}

export function addApplyCommand(program: Command, context: CliContext): void {
  const command = program
    .command("apply")
    .description("create or change what manifests describe")
    .requiredOption("-f, --filename <path>", "a manifest, a folder of manifests, or - for standard input")
    .option("--wait", "wait until the VMs are healthy")
    .addOption(timeoutOption())
    .addHelpText("after", EXAMPLES);
  command.action(async () => {
    const flags = command.optsWithGlobals<ApplyFlags>();
    // Loaded when needed: YAML and the schemas of resources are the larger part of all that commands load.
    const { loadManifests } = await import("../manifest/load-manifests.ts");
    const manifests = await loadManifests(flags.filename, context);
    const client = connect(context, flags);
    for (const manifest of manifests) context.terminal.out.write(`${await applyManifest(client, manifest)}\n`);
    if (flags.wait !== true) return;
    const progress = new Progress(context.terminal.err);
    for (const { metadata } of manifests.filter((manifest) => manifest.spec.running)) {
      const title = `Waiting for vm/${metadata.name}`;
      await progress.step(title, async (step) =>
        waitUntilUp(client, metadata.name, { timeoutMs: flags.timeout, onProgress: (state) => step.detail(state) }),
      );
    }
  });
}
