/** Everything about one node for a person to read; of one that is drained, what becomes of each of its VMs. */
import type { Event, Node, Vm } from "../../actors/index.ts";
import type { DrainPlan } from "../../api/index.ts";
import { formatAge } from "./duration.ts";
import { eventColumns, labelsOf, statusOf } from "./resource-columns.ts";
import { renderTable, type Column } from "./table.ts";

export interface AroundNode {
  /** What becomes of its VMs, or would. */
  readonly plan: DrainPlan;
  /** All there are; its own are picked. */
  readonly vms: readonly Vm[];
  /** All there are; those about the node are picked. */
  readonly events: readonly Event[];
  readonly leader: string | null;
  /** Wall clock. */
  readonly nowMs: number;
}

/** More are in `blixard events`. */
const EVENTS_MAX = 15;

export function describeNode(node: Node, { plan, vms, events, leader, nowMs }: AroundNode): string {
  const { metadata, spec, status } = node;
  const { name } = metadata;
  const { hypervisor } = spec;
  const here = vms.filter((vm) => vm.status.instance?.node === name);
  const claims = here.map(({ spec: { vcpus, memoryMiB } }) => ({ vcpus, memoryMiB }));
  const taken = {
    vcpus: sum(claims.map(({ vcpus }) => vcpus)),
    memoryMiB: sum(claims.map((claim) => claim.memoryMiB)),
  };
  const lines: readonly (readonly [string, string])[] = [
    ["Name", name],
    ["Status", `${status.phase}, for ${formatAge(nowMs - status.sinceMs)}`],
    ["Drain", drainOf(plan)],
    ["Leads", leader === name ? "yes" : leader === null ? "nobody is known to lead" : `no, ${leader} does`],
    [
      "Room",
      `${spec.vcpus} vCPU, ${spec.memoryMiB} MiB memory; its VMs have ${taken.vcpus} and ${taken.memoryMiB} MiB`,
    ],
    ["Driver", hypervisor === undefined ? spec.driver : `${spec.driver} ${hypervisor.version}, ${hypervisor.machine}`],
    ["Processor", hypervisor?.cpu ?? ""],
    ["Cannot", Object.keys(hypervisor?.lacks ?? {}).join(", ")],
    ["Address", `${spec.address}, API ${spec.apiUrl}`],
    ["Bridges", (spec.bridges ?? []).join(", ")],
    ["Software", spec.version],
    ["Lease", `epoch ${status.epoch}, renewed at version ${status.renewedAt}`],
    ["Created", `${new Date(metadata.createdAtMs).toISOString()}, ${formatAge(nowMs - metadata.createdAtMs)} ago`],
    ["Labels", labelsOf(spec.labels)],
  ];
  const width = Math.max(...lines.map(([label]) => label.length)) + 1;
  const shown = lines.map(([label, text]) => `${`${label}:`.padEnd(width)}  ${text === "" ? "-" : text}\n`).join("");
  return `${shown}${vmsOf(here, plan)}${eventsOf(events, name, nowMs)}`;
}

function drainOf({ drain, steps }: DrainPlan): string {
  if (drain === null) return "none: it is open";
  if (drain.phase === "drained") return "drained: closed, and nothing is left here";
  if (drain.phase === "ended") return `its time is over: closed, and ${vmCount(steps.length)} left here`;
  const isStuck = steps.length > 0 && steps.every(({ how }) => how === "stays");
  const stuck = isStuck ? ", and none can move: below is why; it goes on once there is room" : "";
  return `draining: closed, ${vmCount(steps.length)} left here${stuck}`;
}

function vmsOf(here: readonly Vm[], { drain, steps }: DrainPlan): string {
  if (here.length === 0) return "VMs:     none\n";
  const stepOf = new Map(steps.map((step) => [step.vm, step]));
  const columns: Column<Vm>[] = [
    { heading: "VM", cell: ({ metadata }) => metadata.name },
    { heading: "STATUS", cell: statusOf },
  ];
  if (drain !== null && drain.phase !== "drained") {
    columns.push(
      { heading: "HOW", cell: ({ metadata }) => stepOf.get(metadata.name)?.how ?? "" },
      { heading: "TO", cell: ({ metadata }) => stepOf.get(metadata.name)?.to ?? "" },
      { heading: "WHY", cell: ({ metadata }) => stepOf.get(metadata.name)?.why ?? "" },
    );
  }
  return `VMs:\n${indented(renderTable(columns, here))}`;
}

function eventsOf(events: readonly Event[], name: string, nowMs: number): string {
  const own = events.filter(({ spec: { regarding } }) => regarding.kind === "Node" && regarding.name === name);
  if (own.length === 0) return "Events:  none\n";
  const columns = eventColumns(nowMs).filter(({ heading }) => heading !== "OBJECT");
  const inOrder = own.toSorted((a, b) => a.metadata.version - b.metadata.version).slice(-EVENTS_MAX);
  return `Events:\n${indented(renderTable(columns, inOrder))}`;
}

function vmCount(count: number): string {
  return count === 1 ? "1 VM is" : `${count} VMs are`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function indented(table: string): string {
  return table.replaceAll(/^(?=.)/gm, "  ");
}
