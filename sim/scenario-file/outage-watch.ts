/**
 * Watches what users of a platform would notice: which VMs serve, whether the cluster is led, how long requests wait. It looks at the modelled
 * machines, not at what the cluster believes of them, ten times a simulated second.
 */
import type { Vm } from "../../actors/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Guest } from "../outside/guest.ts";
import type { MemberScenario } from "../scenarios/member-scenario.ts";

const LOOK_EVERY_US = 100_000;

/** How often it is asked why a VM that is down has no place. */
const REASON_EVERY = 10;

/** A time without. In microseconds of the run. */
export interface Outage {
  readonly fromUs: number;
  /** Null: until the end. */
  untilUs: number | null;
  /** Of a VM: what the cluster last said of it meanwhile; empty: nothing. */
  reason: string;
  /** Of a VM: the node it served from before; null: from none. */
  readonly node: number | null;
}

interface WatchedVm {
  readonly name: string;
  readonly outages: Outage[];
  /** Where it served last. */
  node: number | null;
}

export class OutageWatch {
  readonly vms: readonly WatchedVm[];
  /** Times without a leader that can reach a majority. */
  readonly leaderless: Outage[] = [];
  readonly #cluster: Cluster;
  readonly #scenario: MemberScenario;
  #looks = 0;
  #active = false;

  constructor(cluster: Cluster, scenario: MemberScenario, vms: readonly string[]) {
    this.#cluster = cluster;
    this.#scenario = scenario;
    this.vms = vms.map((name) => ({ name, outages: [], node: null }));
  }

  start(): void {
    this.#active = true;
    this.#look();
  }

  stop(): void {
    this.#active = false;
  }

  /** Whether every VM serves now. */
  get areAllUp(): boolean {
    const serving = this.#serving();
    return this.vms.every(({ name }) => serving.has(name));
  }

  /** VMs that do not serve now, and what the cluster says of each. */
  missing(): readonly { readonly vm: string; readonly reason: string }[] {
    const serving = this.#serving();
    return this.vms.flatMap(({ name }) => {
      if (serving.has(name)) return [];
      const vm = this.#scenario.leaderMap()?.get("Vm", name);
      const said = vm?.kind === "Vm" ? `${vm.status.phase}: ${vm.status.message}` : "the cluster does not know it";
      return [{ vm: name, reason: said.replace(/: $/u, "") }];
    });
  }

  /** Whether a member leads that reaches a majority of those that run. */
  get isLed(): boolean {
    const { raft, nodes, network } = this.#cluster;
    const leader = raft.leader();
    if (leader === undefined || this.#cluster.node(leader).paused) return false;
    const reached = nodes.filter((node) => {
      if (node.index === leader) return true;
      return node.running && !node.paused && network.link(leader, node.index).passes;
    });
    return reached.length > nodes.length / 2;
  }

  #look(): void {
    if (!this.#active) return;
    const { timeline } = this.#cluster;
    const serving = this.#serving();
    for (const vm of this.vms) {
      const node = serving.get(vm.name);
      mark(vm.outages, { isUp: node !== undefined, nowUs: timeline.nowUs, node: vm.node });
      vm.node = node ?? vm.node;
    }
    mark(this.leaderless, { isUp: this.isLed, nowUs: timeline.nowUs, node: null });
    if (this.#looks++ % REASON_EVERY === 0) this.#askReasons();
    timeline.afterAside(LOOK_EVERY_US, () => this.#look());
  }

  #serving(): ReadonlyMap<string, number> {
    const serving = new Map<string, number>();
    const { storage } = this.#cluster;
    for (const { host, index } of this.#cluster.nodes) {
      for (const guest of host.guests.values()) {
        if (serves(guest) && storage?.isStalled(guest) !== true) serving.set(guest.launch.vm, index);
      }
    }
    return serving;
  }

  /** Why the disk of a VM's guest stands still; null: it does not. */
  #stallOf(vm: string): string | null {
    const { nodes, storage } = this.#cluster;
    for (const { host } of nodes) {
      for (const guest of host.guests.values()) {
        const why = guest.launch.vm === vm && serves(guest) ? storage?.whyStalled(guest) : undefined;
        if (why !== undefined && why !== null) return why;
      }
    }
    return null;
  }

  #askReasons(): void {
    for (const { name, outages } of this.vms) {
      const last = outages.at(-1);
      if (last === undefined || last.untilUs !== null) continue;
      const vm = this.#scenario.leaderMap()?.get("Vm", name);
      const said = vm?.kind === "Vm" ? reasonOf(vm) : null;
      const stall = this.#stallOf(name);
      // Why a disk began to stand still, not what it waits for last.
      if (stall === null) last.reason = said ?? last.reason;
      else if (last.reason === "") last.reason = stall;
    }
  }
}

/** Only what a VM that waits for a place is told: the other messages are of what has happened since. */
function reasonOf({ status }: Vm): string | null {
  return status.phase === "Pending" && status.message !== "" ? status.message : null;
}

function serves({ booted, hung }: Guest): boolean {
  return booted && !hung;
}

function mark(
  outages: Outage[],
  { isUp, nowUs, node }: { readonly isUp: boolean; readonly nowUs: number; readonly node: number | null },
): void {
  const last = outages.at(-1);
  const isOpen = last !== undefined && last.untilUs === null;
  if (isUp && isOpen) last.untilUs = nowUs;
  else if (!isUp && !isOpen) outages.push({ fromUs: nowUs, untilUs: null, reason: "", node });
}
