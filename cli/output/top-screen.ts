/** The table of `vm top`: all VMs with what they use now, and the nodes that said nothing. */
import type { ClusterMetrics, VmMetrics } from "../../api/index.ts";
import { formatAge } from "./duration.ts";
import { formatBytes } from "./size.ts";
import { renderTable, type Column } from "./table.ts";
import { ratesOf, readingsByInstance, type Rates } from "./usage.ts";
import { formatPercent } from "./vm-usage.ts";

export const TOP_ORDERS = ["cpu", "memory", "name"] as const;
export type TopOrder = (typeof TOP_ORDERS)[number];

interface Row {
  readonly metrics: VmMetrics;
  readonly rates: Rates | undefined;
}

const COLUMNS: readonly Column<Row>[] = [
  { heading: "NAME", cell: ({ metrics }) => metrics.vm },
  { heading: "NODE", cell: ({ metrics }) => metrics.node },
  { heading: "STATUS", cell: ({ metrics }) => metrics.phase },
  { heading: "CPU", cell: ({ rates }) => (rates === undefined ? "" : formatPercent(rates.cpuPercent)) },
  {
    heading: "MEMORY",
    cell: ({ metrics: { usage } }) => (usage === undefined ? "" : formatBytes(usage.residentBytes)),
  },
  { heading: "OF", cell: ({ metrics }) => limitOf(metrics) },
  { heading: "READ", cell: ({ rates }) => rateOf(rates?.readBytes) },
  { heading: "WRITTEN", cell: ({ rates }) => rateOf(rates?.writtenBytes) },
  { heading: "UP", cell: ({ metrics: { usage } }) => (usage?.upMs === undefined ? "" : formatAge(usage.upMs)) },
  { heading: "RESTARTS", cell: ({ metrics }) => String(metrics.restarts) },
];

const MESSAGE: Column<Row> = { heading: "MESSAGE", cell: ({ metrics }) => metrics.error };

export interface TopScreen {
  /** Nothing of it where there is one reading only, and no rates then. */
  readonly before: ClusterMetrics | undefined;
  readonly after: ClusterMetrics;
  readonly order: TopOrder;
  /** Rows of VMs at most; how many are left out is said. */
  readonly rowsMax: number;
}

export function renderTop({ before, after, order, rowsMax }: TopScreen): string {
  const earlier = readingsByInstance(before === undefined ? [] : vmsOf(before));
  const rows = vmsOf(after)
    .map((metrics): Row => ({ metrics, rates: ratesOf(earlier.get(metrics.instance), metrics) }))
    .toSorted((a, b) => compare(a, b, order));
  const shown = rows.slice(0, Math.max(1, rowsMax));
  const columns = rows.some(({ metrics }) => metrics.error !== "") ? [...COLUMNS, MESSAGE] : COLUMNS;
  const hidden = rows.length - shown.length;
  const more = hidden === 0 ? "" : `… and ${hidden} more\n`;
  const table = rows.length === 0 ? "No VM runs.\n" : renderTable(columns, shown);
  return `${summary(after, rows)}\n\n${table}${more}${silentNodes(after)}`;
}

/** Lines that a screen has beside its rows. */
export function linesBeside({ nodes }: ClusterMetrics): number {
  return 5 + nodes.filter(({ error }) => error !== "").length;
}

function summary({ nodes }: ClusterMetrics, rows: readonly Row[]): string {
  const silent = nodes.filter(({ error }) => error !== "").length;
  const said = silent === 0 ? "" : `, ${silent} of them silent`;
  const cpu = rows.some(({ rates }) => rates !== undefined)
    ? `, CPU ${formatPercent(rows.reduce((sum, { rates }) => sum + (rates?.cpuPercent ?? 0), 0))}`
    : "";
  const memory = formatBytes(rows.reduce((sum, { metrics }) => sum + (metrics.usage?.residentBytes ?? 0), 0));
  return `${count(nodes.length, "node")}${said}; ${count(rows.length, "VM")}${cpu}, memory ${memory}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function silentNodes({ nodes }: ClusterMetrics): string {
  const silent = nodes.filter(({ error }) => error !== "");
  return silent
    .map(({ name, phase, error }) => `\nNode ${name} (${phase}) is silent, and its VMs are missing here: ${error}`)
    .join("")
    .replace(/.$/s, "$&\n");
}

function vmsOf({ nodes }: ClusterMetrics): readonly VmMetrics[] {
  return nodes.flatMap(({ vms }) => vms);
}

/** What is not known comes last; what is alike stands in the order of names. */
function compare(a: Row, b: Row, order: TopOrder): number {
  const known = order === "name" ? 0 : valueOf(b, order) - valueOf(a, order);
  if (known !== 0) return known;
  return a.metrics.vm < b.metrics.vm ? -1 : Number(a.metrics.vm > b.metrics.vm);
}

function valueOf({ metrics, rates }: Row, order: "cpu" | "memory"): number {
  return (order === "cpu" ? rates?.cpuPercent : metrics.usage?.residentBytes) ?? -1;
}

/** What the guest can have of memory at most: what its balloon leaves it. */
function limitOf({ usage, memoryMiB }: VmMetrics): string {
  return usage?.balloonBytes === undefined ? `${memoryMiB}.0 MiB` : formatBytes(usage.balloonBytes);
}

function rateOf(bytes: number | undefined): string {
  return bytes === undefined ? "" : `${formatBytes(Math.round(bytes))}/s`;
}
