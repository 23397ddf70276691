/** `blixard cluster status`: who leads, and how far each node has come. */
import { Option, type Command } from "commander";
import type { ClusterStatus, NodeView } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { renderValue } from "../output/output-format.ts";
import { renderTable, type Column } from "../output/table.ts";
import { connect } from "./get-command.ts";

const OUTPUTS = ["table", "json", "yaml"] as const;

interface StatusFlags {
  readonly output: (typeof OUTPUTS)[number];
  readonly server?: string;
}

const COLUMNS: readonly Column<NodeView>[] = [
  { heading: "NODE", cell: ({ name }) => name },
  { heading: "STATUS", cell: ({ phase }) => phase },
  { heading: "ROLE", cell: ({ replica }) => replica?.role ?? "unreachable" },
  { heading: "TERM", cell: ({ replica }) => textOf(replica?.term) },
  { heading: "COMMIT", cell: ({ replica }) => textOf(replica?.commit) },
  { heading: "APPLIED", cell: ({ replica }) => textOf(replica?.applied) },
  { heading: "API", cell: ({ apiUrl }) => apiUrl },
  { heading: "MESSAGE", cell: ({ error, replica }) => error || (replica?.storeError ?? "") },
];

export function addClusterCommand(program: Command, context: CliContext): void {
  const cluster = program.command("cluster").description("look at the cluster itself");
  const status = cluster
    .command("status")
    .description("show the leader, and the state of each node")
    .addOption(new Option("-o, --output <format>", "form of the output").choices(OUTPUTS).default("table"))
    .addHelpText(
      "after",
      "\nExamples:\n  blixard cluster status\n  blixard cluster status -o json | jq .replica.leader",
    );
  status.action(async () => {
    const { output, server } = status.optsWithGlobals<StatusFlags>();
    const client = connect(context, server === undefined ? {} : { server });
    const found = await client.clusterStatus({ all: true });
    context.terminal.out.write(output === "table" ? renderStatus(found) : renderValue(found, output));
  });
}

function renderStatus({ node, replica, nodes = [] }: ClusterStatus): string {
  const ready = nodes.filter(({ phase }) => phase === "Ready").length;
  const leader = replica.leader === null ? "No leader" : `Leader ${replica.leader}`;
  const head = `${leader}, term ${replica.term}; ${ready} of ${nodes.length} nodes ready; as node ${node} sees it\n`;
  return nodes.length === 0 ? head : `${head}\n${renderTable(COLUMNS, nodes)}`;
}

function textOf(count: number | undefined): string {
  return count === undefined ? "" : String(count);
}
