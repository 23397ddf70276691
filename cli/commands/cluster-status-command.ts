/** `blixard cluster status`: who leads, how far each node has come, and what is wrong. */
import { Option, type Command } from "commander";
import type { ClusterStatus, NodeView } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { renderValue } from "../output/output-format.ts";
import { renderTable, type Column } from "../output/table.ts";
import { connect } from "./get-command.ts";

export const CLUSTER_OUTPUTS = ["table", "json", "yaml"] as const;

/** The flags of commands that show something of the cluster. */
export interface ShowFlags {
  readonly output: (typeof CLUSTER_OUTPUTS)[number];
  readonly server?: string;
}

const COLUMNS: readonly Column<NodeView>[] = [
  { heading: "NODE", cell: ({ name }) => name },
  { heading: "STATUS", cell: ({ phase }) => phase },
  { heading: "ROLE", cell: ({ replica }) => replica?.role ?? "unreachable" },
  { heading: "TERM", cell: ({ replica }) => textOf(replica?.term) },
  { heading: "COMMIT", cell: ({ replica }) => textOf(replica?.commit) },
  { heading: "APPLIED", cell: ({ replica }) => textOf(replica?.applied) },
  { heading: "LOG", cell: ({ replica }) => (replica === null ? "" : String(replica.lastIndex - replica.base)) },
  { heading: "SNAPSHOT", cell: ({ replica }) => (replica?.snapshotIndex ? String(replica.snapshotIndex) : "") },
  { heading: "API", cell: ({ apiUrl }) => apiUrl },
  { heading: "MESSAGE", cell: (node) => messageOf(node) },
];

export function outputOption(): Option {
  return new Option("-o, --output <format>", "form of the output").choices(CLUSTER_OUTPUTS).default("table");
}

export function addClusterStatusCommand(cluster: Command, context: CliContext): void {
  const status = cluster
    .command("status")
    .description("show the leader, and the state of each node")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  blixard cluster status\n  blixard cluster status -o json | jq .replica.leader",
    );
  status.action(async () => {
    const { output, server } = status.optsWithGlobals<ShowFlags>();
    const client = connect(context, server === undefined ? {} : { server });
    const found = await client.clusterStatus({ all: true });
    context.terminal.out.write(output === "table" ? renderStatus(found) : await renderValue(found, output));
  });
}

function renderStatus({ node, replica, nodes = [] }: ClusterStatus): string {
  const ready = nodes.filter(({ phase }) => phase === "Ready").length;
  const leader = replica.leader === null ? "No leader" : `Leader ${replica.leader}`;
  const change = replica.configuration?.joint === true ? "; a change of members is under way" : "";
  const handing = replica.transferringTo === null ? "" : `; leadership goes to ${replica.transferringTo}`;
  const waiting = replica.waiting.length === 0 ? "" : `Waits to be added: ${replica.waiting.join(", ")}\n`;
  const seen = `as node ${node} sees it${change}${handing}`;
  const head = `${leader}, term ${replica.term}; ${ready} of ${nodes.length} nodes ready; ${seen}\n${waiting}`;
  return nodes.length === 0 ? head : `${head}\n${renderTable(COLUMNS, nodes)}`;
}

/** What is wrong with a node, the worst first. */
function messageOf({ error, replica }: NodeView): string {
  if (error !== "" || replica === null) return error;
  const { storeError, membership, recovering, readOnly } = replica;
  if (storeError !== "") return storeError;
  switch (membership) {
    case "removed":
      return "removed from the cluster: stop it, or give it an empty data folder and add it";
    case "disk-lost":
      return `disk lost: blixard cluster add ${replica.node}, then remove its old member`;
    case "not-a-member":
      return `in no cluster: blixard cluster add ${replica.node}`;
    default:
      if (recovering) return "recovering: its log was damaged and is refilled; it does not vote until then";
      if (readOnly) return "read-only: its disk has no room; free space, and it goes on";
      return membership === "learner" ? "learner" : "";
  }
}

function textOf(count: number | undefined): string {
  return count === undefined ? "" : String(count);
}
