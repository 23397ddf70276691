/** What `up` shows once all is well: the nodes, the VMs, their pages, and what to try next. */
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Vm } from "../../actors/index.ts";
import type { ApiClient } from "../../api/index.ts";
import type { CliContext } from "../cli-context.ts";
import { pageUrl } from "../commands/up-summary.ts";
import { nodeColumns, vmColumns } from "../output/resource-columns.ts";
import { renderTable } from "../output/table.ts";
import type { ClusterRecord } from "./cluster-record.ts";

/** The script at the root of the checkout. */
const PROGRAM = join(dirname(dirname(import.meta.dirname)), "blixard");

export interface ShowOptions {
  readonly context: CliContext;
  readonly client: ApiClient;
  readonly record: ClusterRecord;
  /** VMs that were applied; the first with a page is the example of the commands. */
  readonly names: readonly string[];
}

export async function showCluster({ context, client, record, names }: ShowOptions): Promise<void> {
  const { out } = context.terminal;
  const nowMs = context.now();
  const [nodes, vms] = await Promise.all([client.nodes.list(), client.vms.list()]);
  out.write(`\n${renderTable(nodeColumns(nowMs), nodes.items)}`);
  if (vms.items.length > 0) out.write(`\n${renderTable(vmColumns(nowMs), vms.items)}`);
  const applied = vms.items.filter(({ metadata }) => names.includes(metadata.name));
  for (const vm of applied) {
    const url = pageUrl(vm);
    if (url !== undefined)
      out.write(`\n${out.paint("bold", `vm/${vm.metadata.name} serves ${out.paint("cyan", url)}`)}\n`);
  }
  const commands = commandsToTry(programName(context.cwd), applied[0], record);
  const width = Math.max(...commands.map(([command]) => command.length));
  out.write(
    `\nTry, in another terminal:\n${commands.map(([command, about]) => `  ${command.padEnd(width)}   ${out.paint("dim", about)}\n`).join("")}`,
  );
}

function commandsToTry(
  program: string,
  vm: Vm | undefined,
  record: ClusterRecord,
): readonly (readonly [string, string])[] {
  const name = vm?.metadata.name;
  const node = record.nodes.find((candidate) => candidate.name === vm?.status.instance?.node);
  if (name === undefined || node === undefined) {
    return [
      [`${program} cluster status`, "who leads"],
      [`${program} get nodes -o wide`, "the nodes"],
      [`${program} apply -f examples/web --wait`, "a VM with a page"],
      [`${program} events --watch`, "what happens"],
      [`${program} down`, "stop the cluster"],
    ];
  }
  return [
    [`${program} get vms --watch`, "see changes as they happen"],
    [`${program} vm describe ${name}`, "all there is to know of a VM"],
    [`${program} vm logs ${name} --follow`, "its console"],
    [`${program} cluster status`, "who leads"],
    [`kill -9 ${node.process?.pid}`, `end node ${node.name}, which runs ${name}: the page comes back from another one`],
  ];
}

/** As it can be typed where the user is; in an installed package there is no checkout, and npm's `bin` is on the path. */
function programName(cwd: string): string {
  if (!existsSync(PROGRAM)) return "blixard";
  const path = relative(cwd, PROGRAM);
  return path.startsWith("..") ? PROGRAM : `./${path}`;
}
