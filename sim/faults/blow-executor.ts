/**
 * Carries out blows, and sees that each ends. It draws nothing and decides nothing but whether a blow is possible: a process that does not run
 * cannot crash. The same blows at the same times therefore do the same, whoever has thought of them.
 */
import type { BlowAct } from "../schedule/blow.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { CrashFaults } from "./crash-faults.ts";
import { DiskFaults } from "./disk-faults.ts";
import { FaultEndings, type Core } from "./fault-endings.ts";
import { NetworkFaults } from "./network-faults.ts";
import { NodeFaults } from "./node-faults.ts";
import { WeatherFaults } from "./weather-faults.ts";
import { isLinkBlow } from "../schedule/link-blow.ts";
import { LinkFaults } from "./link-faults.ts";
import { isClockBlow, type ClockBlow } from "../schedule/clock-blow.ts";
import { ClockFaults } from "./clock-faults.ts";
import { isStorageBlow, type StorageBlow } from "../schedule/storage-blow.ts";
import { StorageFaults } from "./storage-faults.ts";

export class BlowExecutor {
  readonly disks: DiskFaults;
  readonly #cluster: Cluster;
  readonly #endings: FaultEndings;
  readonly #clocks: ClockFaults;
  readonly #links: LinkFaults;
  readonly #network: NetworkFaults;
  readonly #crashes: CrashFaults;
  readonly #nodes: NodeFaults;
  readonly #weather: WeatherFaults;
  readonly #storage: StorageFaults;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#endings = new FaultEndings(cluster.timeline);
    this.disks = new DiskFaults(cluster, this.#endings);
    this.#network = new NetworkFaults(cluster, this.#endings);
    this.#crashes = new CrashFaults(cluster, this.#endings);
    this.#nodes = new NodeFaults(cluster, this.#endings);
    this.#weather = new WeatherFaults(cluster.timeline, this.#endings);
    this.#storage = new StorageFaults(cluster, this.#endings);
    this.#clocks = new ClockFaults(cluster, this.#endings);
    this.#links = new LinkFaults(cluster, this.#endings, this.#weather);
  }

  /** Ends everything that is under way and starts every process that is down. */
  healAll(): void {
    this.#endings.endAll();
    for (const node of this.#cluster.nodes) {
      node.disk.hurry();
      if (!node.running) node.start();
    }
  }

  /** False when it is not possible now; then nothing has happened. */
  strike(act: BlowAct): boolean {
    if (isClockBlow(act)) return this.#clocks.strike(act);
    if (isLinkBlow(act)) return this.#links.strike(act);
    if (isStorageBlow(act)) return this.#storage.strike(act);
    switch (act.type) {
      case "heal-all":
        this.healAll();
        return true;
      case "heal-core":
        return this.#healCore(new Set(act.core.filter((node) => this.#has(node))));
      case "cut":
        this.#network.cut({
          ...act,
          directions: act.directions.filter(([from, to]) => this.#has(from) && this.#has(to)),
        });
        return true;
      case "reset":
        if (act.between.some((node) => !this.#has(node))) return false;
        return this.#network.reset(act.between);
      case "weather":
        this.#weather.raise(this.#cluster.network.weather, act.key, act);
        return true;
      default:
        return this.#strikeNode(act);
    }
  }

  /** False when it could not elect and commit alone: then nothing could be asked of it. */
  #healCore(core: Core): boolean {
    if (!this.#cluster.atlas.suffices(core)) return false;
    this.#cluster.timeline.note(`heal core ${[...core].join(",")}`);
    this.#endings.endWithin(core);
    for (const node of this.#cluster.nodes) {
      if (!core.has(node.index)) continue;
      node.disk.hurry();
      if (!node.running) node.start();
    }
    return true;
  }

  /** A schedule may be of a larger cluster. */
  #has(node: number): boolean {
    return node < this.#cluster.nodes.length;
  }

  #strikeNode(act: Exclude<Extract<BlowAct, { readonly node: number }>, ClockBlow | StorageBlow>): boolean {
    if (!this.#has(act.node)) return false;
    const node = this.#cluster.node(act.node);
    const { disks } = this;
    switch (act.type) {
      case "crash":
        return this.#nodes.crash(node, act);
      case "crash-at":
        return this.#crashes.arm(node, act);
      case "pause":
        return this.#nodes.pause(node, act.durationUs);
      case "disk-slow":
        this.#weather.raise(node.disk.weather, "slowness", { ...act, value: act.slowness });
        return true;
      case "disk-hang":
        disks.hang(node, act.durationUs);
        return true;
      case "disk-error":
        if (node.running) disks.fail(node, act.repairUs);
        return node.running;
      case "disk-full":
        disks.fill(node, act.durationUs);
        return true;
      case "torn-write":
        if (node.running) disks.tear(node, act);
        return node.running;
      case "snapshot-error":
        disks.failSnapshots(node, act);
        return true;
      case "log-rot":
        return disks.rotLog(node, act.beforeLast);
      case "snapshot-rot":
        return disks.rotSnapshot(node);
      case "state-rot":
        return disks.rotState(node);
      case "misdirected-write":
        return node.running && disks.misdirect(node);
      case "disk-loss":
        return disks.lose(node, act.downUs);
      case "guest-end":
        return this.#nodes.endGuest(node, act.place, act.reason);
      case "guest-hang":
        return this.#nodes.hangGuest(node, act.place);
      case "host-trouble":
        this.#nodes.trouble(node, act);
        return true;
      default:
        return act satisfies never;
    }
  }
}
