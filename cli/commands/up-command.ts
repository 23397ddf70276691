/** `blixard up`: a cluster of several node processes on this host. What it does stands in `cli/local-cluster/up.ts`. */
import { Option, type Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import type { UpFlags } from "../local-cluster/up.ts";
import { DRIVER_CHOICES } from "../node-settings.ts";
import { NODES_MAX, PORT_BASE_DEFAULT } from "../local-cluster/plan-nodes.ts";
import { toCount } from "./wait-options.ts";

const NODES_DEFAULT = 3;
const PORT_MAX = 65_535;

const EXAMPLES = `
Examples:
  blixard up --apply examples/web            a cluster with a page to look at; Ctrl-C stops all of it
  blixard up --apply examples/web --check    the same, checks the page and a fail-over, stops, exits 0 or 1
  blixard up --detach                        returns when the cluster is up; "blixard down" stops it
  blixard up --data ./my-cluster             keeps its data, so that the next up goes on where this one stopped
  BLIXARD_HOME=/tmp/second blixard up --port-base 17100     a second cluster beside the first

Node 1 listens for its peers on the port base + 1 and serves its API on the base + 101, node 2 on + 2 and + 102, and so on.`;

export function addUpCommand(program: Command, context: CliContext): void {
  const command = program
    .command("up")
    .description("run a cluster on this host, until Ctrl-C")
    .option("--nodes <count>", "node processes", toCount(1, NODES_MAX), NODES_DEFAULT)
    .option("--apply <path>", "apply manifests once it is up, and wait until their VMs are healthy")
    .addOption(new Option("--check", "check the page and a fail-over, then stop").conflicts("detach"))
    .option("--detach", "return once it is up, and let it run")
    .addOption(new Option("--driver <driver>", "what runs VMs").choices(DRIVER_CHOICES).default("auto"))
    .option("--nix <file>", "how the driver microvm-nix calls Nix")
    .option("--bridges <name,…>", "bridges of this host that all nodes offer to VMs' network cards; takes root")
    .option("--port-base <port>", "where its ports begin", toCount(1, PORT_MAX), PORT_BASE_DEFAULT)
    .option("--data <dir>", "keep the nodes' data here (default: a fresh folder, removed at the end)")
    .option("--no-install", "install no packages, use what there is")
    .addHelpText("after", EXAMPLES);
  command.action(async () => {
    // Loaded when needed: other commands need neither QEMU nor a guest image.
    const { up } = await import("../local-cluster/up.ts");
    await up(context, command.opts<UpFlags>());
  });
}
