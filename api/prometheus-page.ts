/**
 * A node in the Prometheus text format: what its guests use, Raft as it sees it, its map in numbers, and its process.
 *
 * Made anew for each scrape from what the other routes read, so nothing is kept or counted in between and what is gone is gone from the page. Only what
 * Node.js itself counts (processor time, memory, how long the event loop kept others waiting) is measured from the first scrape on: a node that
 * nobody scrapes pays for none of it.
 *
 * Bounded: labels are names of this node's VMs, at most VMS_MAX of them, and words of fixed lists; never an instance, an address or a message. Names of
 * metrics end in their unit, counters in `_total`, as Prometheus wants it. Why this library: docs/decisions/0034-prometheus.md.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import { VmPhase, type Node, type ReplicaStatus, type Resource, type Vm } from "../actors/index.ts";
import type { ApiContext } from "./api-context.ts";
import { readOwnMetrics } from "./metric-readings.ts";
import type { VmMetrics } from "./metric-wire.ts";

/** VMs of a node that are told of, the first by name: some 15 lines each. What is left out is counted in `blixard_vms_omitted`. */
const VMS_MAX = 1000;

/** Content type of the page. */
export const PROMETHEUS_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

export class PrometheusPage {
  readonly #context: ApiContext;
  /** Of the process; null until the first scrape. */
  #process: Registry | null = null;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** All of it, as text. Needs no leader; a guest that does not answer is there without what it uses. */
  async render(): Promise<string> {
    const { replica } = this.#context;
    if (this.#process === null) {
      this.#process = new Registry();
      collectDefaultMetrics({ register: this.#process });
    }
    const [status, vms, nodes, own] = await Promise.all([
      replica.status(),
      replica.read({ kind: "Vm", consistency: "local" }),
      replica.read({ kind: "Node", consistency: "local" }),
      readOwnMetrics(this.#context, VMS_MAX),
    ]);
    const page = new Page();
    page.gauge("blixard_node_info", "Constant 1; labels name the node and its software", {
      labels: { node: this.#context.node, version: this.#context.version },
      value: 1,
    });
    raftOf(page, status);
    mapOf(page, vms.resources, nodes.resources);
    page.gauge("blixard_vms_omitted", "VMs of this node beyond those that are told of", {
      labels: {},
      value: own.omitted,
    });
    for (const vm of own.vms) vmOf(page, vm);
    return `${await page.text()}${await this.#process.metrics()}`;
  }
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined: it is not known, and left out. */
  readonly value: number | undefined;
}

/** One scrape's metrics; one of a name is made when its first sample comes. */
class Page {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();

  gauge(name: string, help: string, { labels, value }: Sample): void {
    if (value === undefined) return;
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    gauge.set({ ...labels }, value);
  }

  counter(name: string, help: string, { labels, value }: Sample): void {
    if (value === undefined) return;
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = new Counter({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#counters.set(name, counter);
    }
    counter.inc({ ...labels }, value);
  }

  async text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function raftOf(page: Page, status: ReplicaStatus): void {
  const { role, leader, term, commit, applied, lastIndex, base, snapshotIndex, snapshotBytes, level } = status;
  const all: readonly (readonly [name: string, help: string, value: number])[] = [
    ["leader", "1 where this node leads", Number(role === "leader")],
    ["has_leader", "1 where this node knows a leader", Number(leader !== null)],
    ["term", "Term of this node", term],
    ["commit_index", "Index up to which entries are committed, as this node knows", commit],
    ["applied_index", "Index of the last entry that is in the map", applied],
    ["last_index", "Index of the last entry of the log", lastIndex],
    ["log_base_index", "Index that the log begins behind", base],
    ["snapshot_index", "Index of the newest snapshot", snapshotIndex],
    ["snapshot_bytes", "Size of the newest snapshot", snapshotBytes],
    ["store_failed", "1 where the store does not work", Number(status.storeError !== "")],
    ["read_only", "1 where the disk has no room", Number(status.readOnly)],
    ["recovering", "1 where damage was found and the member does not vote", Number(status.recovering)],
    ["cluster_level", "What all members can follow", level],
  ];
  for (const [name, help, value] of all) page.gauge(`blixard_raft_${name}`, help, { labels: {}, value });
  for (const wanted of ["voter", "learner", "leaving"] as const) {
    const value = status.members.filter((member) => member.role === wanted).length;
    page.gauge("blixard_raft_members", "Members by role, as this node knows them", { labels: { role: wanted }, value });
  }
}

const PHASES = VmPhase.anyOf.map((phase) => phase.const);

/** In numbers: the same on every node that has applied the same. */
function mapOf(page: Page, vms: readonly Resource[], nodes: readonly Resource[]): void {
  const all = vms.filter((vm): vm is Vm => vm.kind === "Vm");
  for (const phase of PHASES) {
    const value = all.filter(({ status }) => status.phase === phase).length;
    page.gauge("blixard_map_vms", "VMs of the cluster by phase", { labels: { phase }, value });
  }
  const known = nodes.filter((node): node is Node => node.kind === "Node");
  const migrating = all.filter(({ status }) => status.migration !== undefined).length;
  page.gauge("blixard_map_vms_migrating", "VMs of the cluster that are on their way", { labels: {}, value: migrating });
  for (const phase of ["Ready", "Lost"] as const) {
    const value = known.filter(({ status }) => status.phase === phase).length;
    page.gauge("blixard_map_nodes", "Nodes of the cluster by phase", { labels: { phase }, value });
  }
  const closed = known.filter(({ status }) => status.drain !== undefined).length;
  page.gauge("blixard_map_nodes_closed", "Nodes that are drained, or closed after a drain", {
    labels: {},
    value: closed,
  });
}

const MIB = 1_048_576;
const S = 1000;

function vmOf(page: Page, { vm, phase, vcpus, memoryMiB, restarts, usage, error }: VmMetrics): void {
  const labels = { vm };
  const gauge = (name: string, help: string, value: number | undefined): void =>
    page.gauge(`blixard_vm_${name}`, help, { labels, value });
  const counter = (name: string, help: string, value: number | undefined): void =>
    page.counter(`blixard_vm_${name}_total`, help, { labels, value });
  gauge("running", "1 where it runs", Number(phase === "Running"));
  gauge("readable", "1 where its driver has told what it uses", Number(error === ""));
  gauge("vcpus", "Processors that it was promised", vcpus);
  gauge("memory_bytes", "Memory that it was promised", memoryMiB * MIB);
  counter("restarts", "Starts of its instance after the first", restarts);
  counter("cpu_seconds", "Processor time of all its processors since its guest started here", over(usage?.cpuMs));
  gauge("memory_resident_bytes", "Memory that the host holds for it", usage?.residentBytes);
  gauge("memory_balloon_bytes", "Memory that its balloon leaves to it", usage?.balloonBytes);
  counter("block_read_bytes", "Read from its disks since its guest started here", usage?.readBytes);
  counter("block_written_bytes", "Written to its disks since its guest started here", usage?.writtenBytes);
  counter("network_received_bytes", "Received by its cards since its guest started here", usage?.receivedBytes);
  counter("network_sent_bytes", "Sent by its cards since its guest started here", usage?.sentBytes);
  gauge("up_seconds", "Since its guest started here", over(usage?.upMs));
  if (usage?.origin !== undefined) {
    const began = "1, with how its guest began here: boot, checkpoint, standby or migration";
    page.gauge("blixard_vm_origin", began, { labels: { vm, origin: usage.origin }, value: 1 });
  }
  gauge("boot_seconds", "From its start until it said that it was up", over(usage?.bootMs));
}

function over(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / S;
}
