/** Faults of one node: its process, its host, its guests. Those of its disk: `disk-faults.ts`. */
import type { ExitReason } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { FaultEndings } from "./fault-endings.ts";
import type { Guest } from "../outside/guest.ts";
import { FOREVER_US } from "../schedule/blow.ts";
import type { HostTrouble } from "../outside/host-trouble.ts";
import type { SimNode } from "../cluster/sim-node.ts";

export class NodeFaults {
  readonly #cluster: Cluster;
  readonly #endings: FaultEndings;

  constructor(cluster: Cluster, endings: FaultEndings) {
    this.#cluster = cluster;
    this.#endings = endings;
  }

  /** False when the process does not run. */
  crash(node: SimNode, { power, downUs }: { readonly power: boolean; readonly downUs: number }): boolean {
    if (!node.running) return false;
    if (power) node.losePower();
    else node.kill();
    this.#endings.afterAt(node.index, downUs, () => node.start());
    return true;
  }

  /** False when the process does not run, or is paused already. */
  pause(node: SimNode, durationUs: number): boolean {
    const life = node.process?.life;
    if (life === undefined || life.paused) return false;
    node.pause();
    this.#endings.afterAt(node.index, durationUs, () => {
      if (node.process?.life === life) node.resume();
    });
    return true;
  }

  /** False when there is no such guest. */
  endGuest(node: SimNode, place: number, reason: ExitReason): boolean {
    const guest = this.#guest(node, place);
    if (guest !== undefined) node.host.end(guest, reason, "by the simulator");
    return guest !== undefined;
  }

  /** False when there is no such guest. */
  hangGuest(node: SimNode, place: number): boolean {
    const guest = this.#guest(node, place);
    if (guest !== undefined) guest.hung = true;
    return guest !== undefined;
  }

  /**
   * One without an end stays when all else is healed: the cluster must do without that host. Of the others only what it can do without outlasts a
   * core's healing: a guest that never comes up is tried again and again where it is.
   */
  trouble(
    { host, index }: SimNode,
    { trouble, durationUs }: { readonly trouble: HostTrouble; readonly durationUs: number },
  ): void {
    host.troubles.begin(trouble);
    this.#cluster.timeline.note(`fault ${trouble} ${index}`);
    if (durationUs >= FOREVER_US) return;
    const end = (): void => host.troubles.end(trouble);
    if (trouble === "refused" || trouble === "socket-lost") this.#endings.afterAt(index, durationUs, end);
    else this.#endings.after(durationUs, end);
  }

  #guest(node: SimNode, place: number): Guest | undefined {
    const guest = [...node.host.guests.values()][place];
    if (guest !== undefined) this.#cluster.timeline.note(`fault guest ${guest.launch.instance}`);
    return guest;
  }
}
