/** `blixard get KIND [NAME]`, and what `vm list`, `vm get` and `events` share with it. */
import { Option, type Command } from "commander";
import type { ApiClient } from "../../api/index.ts";
import type { Event, Kind, Resource } from "../../actors/index.ts";
import type { CliContext } from "../cli-context.ts";
import { collectionOf } from "../collection-of.ts";
import { findServers } from "../find-servers.ts";
import { parseTarget } from "../kind-names.ts";
import { OUTPUT_FORMATS, renderList, renderResource, type OutputFormat } from "../output/output-format.ts";
import { WatchPrinter } from "../output/watch-printer.ts";

const EXAMPLES = `
Examples:
  blixard get vms                 all VMs (vm, vms)
  blixard get nodes -o wide       all nodes, with every column (node, nodes, no)
  blixard get vm/web -o yaml      one VM, as the cluster has it
  blixard get vms --watch         and every change from now on, until Ctrl-C`;

export interface GetOptions {
  readonly output: OutputFormat;
  readonly watch?: boolean;
  readonly server?: string;
}

export function addGetCommand(program: Command, context: CliContext): void {
  const command = program
    .command("get")
    .description("show resources: vms, nodes, checkpoints, events")
    .argument("<kind>", "vms, nodes, checkpoints or events; or KIND/NAME")
    .argument("[name]", "one of them")
    .addHelpText("after", EXAMPLES);
  addOutputOptions(command).action(async (kind: string, name: string | undefined) => {
    await showResources(context, parseTarget(kind, name), command.optsWithGlobals<GetOptions>());
  });
}

export function addOutputOptions(command: Command): Command {
  return command
    .addOption(new Option("-o, --output <format>", "form of the output").choices(OUTPUT_FORMATS).default("table"))
    .option("-w, --watch", "go on with every change, until Ctrl-C");
}

export async function showResources(
  context: CliContext,
  target: { readonly kind: Kind; readonly name?: string },
  options: GetOptions,
): Promise<void> {
  const client = connect(context, options);
  if (options.watch === true) return watchResources(context, client, target, options);
  const { terminal, now } = context;
  const collection = collectionOf(client, target.kind);
  const render = { format: options.output, nowMs: now() };
  if (target.name !== undefined) {
    terminal.out.write(await renderResource(await collection.get(target.name), render));
    return;
  }
  const { version, items } = await collection.list();
  terminal.out.write(await renderList({ kind: target.kind, version, resources: inOrder(items) }, render));
  if (items.length === 0 && options.output === "table") terminal.err.write("There are none.\n");
}

/** The client of a command. @throws CliError */
export function connect(context: CliContext, { server }: { readonly server?: string }): ApiClient {
  return context.connect(findServers(server, context.env));
}

async function watchResources(
  { terminal, now }: CliContext,
  client: ApiClient,
  { kind, name }: { readonly kind: Kind; readonly name?: string },
  { output }: GetOptions,
): Promise<void> {
  const printer = new WatchPrinter({ kind, format: output, now, write: (text) => terminal.out.write(text) });
  for await (const line of collectionOf(client, kind).watch(name === undefined ? {} : { name })) {
    if (line.type === "synced") await printer.start(inOrder(line.resources));
    else if (line.type === "put" || line.type === "delete") await printer.changes([line]);
  }
}

/** By name; events in the order in which they happened. */
function inOrder(resources: readonly Resource[]): readonly Resource[] {
  return resources.toSorted((a, b) =>
    a.kind === "Event" && b.kind === "Event" ? compareEvents(a, b) : compareText(a.metadata.name, b.metadata.name),
  );
}

function compareEvents(a: Event, b: Event): number {
  return a.metadata.version - b.metadata.version;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
