/**
 * Faults of the storage below guests' disks: OSDs that end, lose what they have or are slow, no room. An OSD of a node outside of a core stays as it is;
 * room comes back whoever is healed, as nobody's host is where it lacks.
 */
import type { Cluster } from "../cluster/cluster.ts";
import type { StorageBlow } from "../schedule/storage-blow.ts";
import type { FaultEndings } from "./fault-endings.ts";
import { WeatherFaults } from "./weather-faults.ts";

export class StorageFaults {
  readonly #cluster: Cluster;
  readonly #endings: FaultEndings;
  readonly #weather: WeatherFaults;

  constructor(cluster: Cluster, endings: FaultEndings) {
    this.#cluster = cluster;
    this.#endings = endings;
    this.#weather = new WeatherFaults(cluster.timeline, endings);
  }

  /** False when there is no storage, or no such OSD that could be struck. */
  strike(act: StorageBlow): boolean {
    const ceph = this.#cluster.storage?.ceph;
    if (ceph === undefined) return false;
    if (act.type === "storage-full") {
      this.#weather.raise(ceph.map, "used", act);
      return true;
    }
    const osd = ceph.map.osds[act.node];
    if (osd === undefined || !ceph.map.isAlive(act.node)) return false;
    if (act.type === "osd-slow") {
      this.#weather.raise(osd, "slowness", { ...act, value: act.slowness });
      return true;
    }
    if (act.type === "osd-down") ceph.endOsd(act.node, true);
    else if (!ceph.loseOsd(act.node)) return false;
    this.#cluster.timeline.note(`fault ${act.type} ${act.node}`);
    this.#endings.afterAt(act.node, act.downUs, () => ceph.startOsd(act.node));
    return true;
  }
}
