/** `blixard cluster`: who belongs to the cluster, who leads it, and what keeps its logs short. */
import type { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { addClusterMembersCommands } from "./cluster-members-command.ts";
import { addClusterRecoverCommand } from "./cluster-recover-command.ts";
import { addClusterSnapshotCommands } from "./cluster-snapshot-command.ts";
import { addClusterStatusCommand } from "./cluster-status-command.ts";

const EXAMPLES = `
Examples:
  blixard cluster status                                    is all well?
  blixard cluster members                                   who belongs to it, how far each is, how many may be lost
  blixard cluster add n4 --address 10.0.0.4:7101            a new node: gets the log, then votes
  blixard cluster remove n2                                 a node that is to go, or is gone
  blixard cluster transfer n3                               hands leadership over, before a leader's host is restarted

A dead node is replaced by adding the new one first and removing the old one then.`;

export function addClusterCommand(program: Command, context: CliContext): void {
  const cluster = program
    .command("cluster")
    .description("look at the cluster itself, change its members")
    .addHelpText("after", EXAMPLES);
  addClusterStatusCommand(cluster, context);
  addClusterMembersCommands(cluster, context);
  addClusterSnapshotCommands(cluster, context);
  addClusterRecoverCommand(cluster, context);
}
