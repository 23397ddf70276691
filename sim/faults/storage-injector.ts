/** Draws when the storage of a run is struck, and how: by streams of its own (`storage-plan.ts`), whatever else strikes. */
import type { Random } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { StorageBlow } from "../schedule/storage-blow.ts";
import { logUniform } from "./log-uniform.ts";
import type { StorageFaultKind, StoragePlan } from "./storage-plan.ts";

/** For how long OSDs are gone, and room and speed lacking, in microseconds: from less than anybody notices to longer than a watch lasts. */
const DOWN_US = { min: 500_000, max: 60_000_000 } as const;
const LASTS_US = { min: 1_000_000, max: 60_000_000 } as const;

/** Shares in use: from nearly full to full. And how many times slower a disk is: up to one that answers once in a while. */
const USED = { from: 0.86, spread: 0.12 } as const;
const SLOWNESS = { min: 20, max: 60_000 } as const;

/** Share of OSDs that end while another one does, of another host: what is left is fewer than a write needs. */
const TWO = 0.4;

export class StorageInjector {
  readonly #cluster: Cluster;
  readonly #plan: StoragePlan;
  readonly #random: Random;
  readonly #strike: (blow: StorageBlow) => boolean;
  readonly #onStruck: (kind: StorageFaultKind) => void;
  #isActive = false;

  constructor(
    cluster: Cluster,
    options: {
      readonly plan: StoragePlan;
      readonly strike: (blow: StorageBlow) => boolean;
      readonly onStruck: (kind: StorageFaultKind) => void;
    },
  ) {
    this.#cluster = cluster;
    this.#plan = options.plan;
    this.#random = options.plan.faults;
    this.#strike = options.strike;
    this.#onStruck = options.onStruck;
  }

  start(): void {
    if (this.#plan.kinds.length === 0) return;
    this.#isActive = true;
    this.#strikeSoon();
  }

  stop(): void {
    this.#isActive = false;
  }

  #strikeSoon(): void {
    this.#cluster.timeline.afterAside(-Math.log(1 - this.#random.next()) * this.#plan.everyUs, () => {
      if (!this.#isActive) return;
      const { kinds } = this.#plan;
      const kind = kinds[this.#random.integer(kinds.length)] as StorageFaultKind;
      if (this.#inject(kind)) this.#onStruck(kind);
      this.#strikeSoon();
    });
  }

  #inject(kind: StorageFaultKind): boolean {
    const random = this.#random;
    const durationUs = logUniform(random, LASTS_US.min, LASTS_US.max);
    switch (kind) {
      case "osd-down":
      case "osd-loss": {
        const { length } = this.#cluster.nodes;
        const node = random.integer(length);
        const downUs = logUniform(random, DOWN_US.min, DOWN_US.max);
        const another = (node + 1 + random.integer(Math.max(1, length - 1))) % length;
        const isOne = kind === "osd-loss" || random.next() >= TWO;
        const isStruck = this.#strike({ type: kind, node, downUs });
        return (!isOne && this.#strike({ type: "osd-down", node: another, downUs })) || isStruck;
      }
      case "storage-full":
        return this.#strike({ type: kind, value: USED.from + USED.spread * random.next(), durationUs });
      case "osd-slow": {
        const node = random.integer(this.#cluster.nodes.length);
        return this.#strike({
          type: kind,
          node,
          slowness: logUniform(random, SLOWNESS.min, SLOWNESS.max),
          durationUs,
        });
      }
      default:
        return kind satisfies never;
    }
  }
}
