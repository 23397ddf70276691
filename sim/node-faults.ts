/** Faults of one node: its process, its host, its guests. Those of its disk: `disk-faults.ts`. */
import type { ExitReason, Random } from "../runtime/index.ts";
import type { Cluster } from "./cluster.ts";
import type { FaultEndings } from "./fault-endings.ts";
import type { Guest } from "./host.ts";
import type { SimNode } from "./sim-node.ts";

export class NodeFaults {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #endings: FaultEndings;

  constructor(cluster: Cluster, random: Random, endings: FaultEndings) {
    this.#cluster = cluster;
    this.#random = random;
    this.#endings = endings;
  }

  crash(node: SimNode, { power, downUs }: { readonly power: boolean; readonly downUs: number }): void {
    if (power) node.losePower();
    else node.kill();
    this.#endings.after(downUs, () => node.start());
  }

  /** False when the process does not run, or is paused already. */
  pause(node: SimNode, durationUs: number): boolean {
    const life = node.process?.life;
    if (life === undefined || life.paused) return false;
    node.pause();
    this.#endings.after(durationUs, () => {
      if (node.process?.life === life) node.resume();
    });
    return true;
  }

  stepWall(node: SimNode): void {
    node.host.clock.stepWall();
    this.#cluster.timeline.note(`fault wall-step ${node.index}`);
  }

  endGuest(reason: ExitReason): boolean {
    const victim = this.#drawGuest();
    victim?.node.host.end(victim.guest, reason, "by the simulator");
    return victim !== undefined;
  }

  hangGuest(): boolean {
    const victim = this.#drawGuest();
    if (victim !== undefined) victim.guest.hung = true;
    return victim !== undefined;
  }

  #drawGuest(): { readonly node: SimNode; readonly guest: Guest } | undefined {
    const { nodes, timeline } = this.#cluster;
    const guests = nodes.flatMap((node) => [...node.host.guests.values()].map((guest) => ({ node, guest })));
    const victim = guests.length === 0 ? undefined : guests[this.#random.integer(guests.length)];
    if (victim !== undefined) timeline.note(`fault guest ${victim.guest.launch.instance}`);
    return victim;
  }
}
