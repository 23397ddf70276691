/** `blixard cluster snapshot|compact`: what a node keeps of the state, and of the log behind it. */
import type { Command } from "commander";
import { ApiError } from "../../api/api-error.ts";
import type { ApiClient, SnapshotMade } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { renderValue } from "../output/output-format.ts";
import { formatBytes } from "../output/size.ts";
import { outputOption, type ShowFlags } from "./cluster-status-command.ts";
import { connect } from "./get-command.ts";

type Make = (client: ApiClient, node: string) => Promise<SnapshotMade>;

export function addClusterSnapshotCommands(cluster: Command, context: CliContext): void {
  addCommand(cluster, context, {
    verb: "snapshot",
    description: "make a snapshot of the state now, on the nodes named or on all members",
    more: "Snapshots are made by themselves, after 100,000 entries or 64 MiB. The log keeps a window behind them, for followers that lag.",
    make: async (client, node) => client.members.snapshot({ node }),
  });
  addCommand(cluster, context, {
    verb: "compact",
    description: "drop all of the log that a snapshot covers; makes one first if need be",
    more: "A follower that lags behind what is dropped gets the snapshot instead.",
    make: async (client, node) => client.members.compact({ node }),
  });
}

interface SnapshotCommand {
  readonly verb: "snapshot" | "compact";
  readonly description: string;
  readonly more: string;
  readonly make: Make;
}

function addCommand(cluster: Command, context: CliContext, { verb, description, more, make }: SnapshotCommand): void {
  const command = cluster
    .command(verb)
    .description(description)
    .argument("[node...]", "names of nodes; default: all members")
    .addOption(outputOption())
    .addHelpText("after", `\nExamples:\n  blixard cluster ${verb}\n  blixard cluster ${verb} n2\n\n${more}`);
  command.action(async (words: readonly string[]) => {
    const { output, ...flags } = command.optsWithGlobals<ShowFlags>();
    const client = connect(context, flags);
    const nodes = words.length > 0 ? words : await membersOf(client);
    const made: SnapshotMade[] = [];
    for (const node of nodes) {
      const one = await attempt(context, { client, node, make });
      if (one === undefined) continue;
      made.push(one);
      if (output === "table") context.terminal.out.write(wordsOf(one));
    }
    if (output !== "table") context.terminal.out.write(await renderValue({ items: made }, output));
  });
}

async function membersOf(client: ApiClient): Promise<readonly string[]> {
  const { items } = await client.members.list();
  return [...new Set(items.filter(({ state }) => state !== "unreachable" && state !== "lost").map(({ node }) => node))];
}

/** That there is nothing new is no failure: what was wanted is there. */
async function attempt(
  { terminal }: CliContext,
  { client, node, make }: { readonly client: ApiClient; readonly node: string; readonly make: Make },
): Promise<SnapshotMade | undefined> {
  try {
    return await make(client, node);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "nothing-to-snapshot") throw error;
    terminal.err.write(`${node}: nothing was applied since the last snapshot\n`);
    return undefined;
  }
}

function wordsOf({ node, index, sizeBytes, freedEntries, base }: SnapshotMade): string {
  const freed = `${freedEntries} ${freedEntries === 1 ? "entry" : "entries"} of the log freed`;
  return `${node}: snapshot as of index ${index}, ${formatBytes(sizeBytes)}; ${freed}, it begins behind ${base}\n`;
}
