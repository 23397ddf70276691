/** Carries out the blows at clocks of `clock-blow.ts`. It strikes what it is told; what clocks may do is for who draws it (`clock-blow-maker.ts`). */
import type { Cluster } from "../cluster/cluster.ts";
import type { ClockBlow } from "../schedule/clock-blow.ts";
import type { FaultEndings } from "./fault-endings.ts";

export class ClockFaults {
  readonly #cluster: Cluster;
  readonly #endings: FaultEndings;

  constructor(cluster: Cluster, endings: FaultEndings) {
    this.#cluster = cluster;
    this.#endings = endings;
  }

  /** False when there is no such node: a schedule may be of a larger cluster. */
  strike(blow: ClockBlow): boolean {
    const { nodes, timeline } = this.#cluster;
    const node = nodes[blow.node];
    if (node === undefined) return false;
    const { clock } = node.host;
    switch (blow.type) {
      case "wall-step":
        timeline.note(`fault wall-step ${blow.node} ${blow.byMs}`);
        clock.stepWall(blow.byMs);
        return true;
      case "clock-freeze":
        timeline.note(`fault clock-freeze ${blow.node} ${Math.round(blow.durationUs)}`);
        // It ends also where a core of others is healed and nothing else ever is: a clock that never goes on is outside of any bound.
        this.#end(blow, clock.freeze(timeline.nowUs + blow.durationUs));
        return true;
      case "clock-drift":
        timeline.note(`fault clock-drift ${blow.node} ${blow.rate}`);
        this.#end(blow, clock.drift(blow.rate));
        return true;
      default:
        return blow satisfies never;
    }
  }

  #end({ type, node, durationUs }: Extract<ClockBlow, { readonly durationUs: number }>, end: () => void): void {
    this.#endings.after(durationUs, () => {
      this.#cluster.timeline.note(`heal ${type} ${node}`);
      end();
    });
  }
}
