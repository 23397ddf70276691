/** `blixard node`: one member of a cluster, as a process in the foreground; and, by name, what is asked of one. */
import { Option, type Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import type { NodeFlags } from "../node-config.ts";
import { addNodeDrainCommands } from "./node-drain-command.ts";
import { NODE_SETTINGS, type NodeSetting, type Setting } from "../node-settings.ts";

const EXAMPLES = `
Examples:
  A cluster of one, with the secret in a file:
    blixard node --name n1 --data /var/lib/blixard --token-file /etc/blixard/token
  The second of three, on hosts of their own:
    BLIXARD_TOKEN=… blixard node --name n2 --data /var/lib/blixard --listen 10.0.0.2:7101 --api 10.0.0.2:7201 \\
      --address 10.0.0.2 --peers n1=10.0.0.1:7101,n3=10.0.0.3:7101
  A fourth for a cluster that runs; then "blixard cluster add n4 --address 10.0.0.4:7101" on any of the others:
    BLIXARD_TOKEN=… blixard node --name n4 --data /var/lib/blixard --listen 10.0.0.4:7101 --api 10.0.0.4:7201 \\
      --address 10.0.0.4 --join 10.0.0.1:7201,10.0.0.2:7201

Without --images a guest image is built first, unless the driver is "process". The node runs until SIGTERM or Ctrl-C;
its VMs run on until their lease ends, and are adopted when the node comes back before that. "blixard node drain NAME" empties one first.`;

export function addNodeCommand(program: Command, context: CliContext): void {
  const command = program
    .command("node")
    .description("run a node of a cluster; drain, undrain or describe one")
    .addHelpText("after", EXAMPLES);
  for (const [setting, { flag, ...about }] of settings()) {
    if (flag !== undefined) command.addOption(optionOf(setting, flag, about));
  }
  addNodeDrainCommands(command, context);
  command.action(async () => {
    const flags = command.opts<NodeFlags>();
    // The rest is loaded when it is needed: other commands need neither a database nor a hypervisor.
    const [{ readNodeConfig }, { runNode }, { withImages }] = await Promise.all([
      import("../node-config.ts"),
      import("../node/run-node.ts"),
      import("../local-cluster/prepare-host.ts"),
    ]);
    await runNode(await withImages(readNodeConfig(flags, context.env), context));
  });
}

function settings(): readonly (readonly [NodeSetting, Setting])[] {
  return Object.entries(NODE_SETTINGS) as [NodeSetting, Setting][];
}

/** Variables and defaults are `readNodeConfig`'s to apply: it says which of them was wrong. */
function optionOf(setting: NodeSetting, flag: string, about: Omit<Setting, "flag">): Option {
  const { placeholder, description, fallback, variable } = about;
  const byDefault = fallback ? `; default: ${fallback}` : "";
  return new NamedOption(setting, `${flag} <${placeholder}>`, `${description} (${variable}${byDefault})`);
}

/** Stores its value under the setting's name instead of the flag's. */
class NamedOption extends Option {
  readonly #name: string;

  constructor(name: string, flags: string, description: string) {
    super(flags, description);
    this.#name = name;
  }

  override attributeName(): string {
    return this.#name;
  }
}
