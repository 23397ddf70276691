/** A user who creates many VMs at once, as `apply` of a file with all of them does, deletes all of them later, and uses their names again. */
import type { CommandOf } from "../../actors/index.ts";
import type { Random } from "../../runtime/index.ts";
import type { ClientChecker } from "../checkers/client-checker.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { ClientDesk } from "./client-desk.ts";

export interface VmBurstsOptions {
  readonly random: Random;
  readonly cluster: Cluster;
  readonly desk: ClientDesk;
  readonly clients: ClientChecker;
  /** VMs of the largest burst, from `BURST_MIN` to `BURST_MAX`. */
  readonly sizeMax: number;
  readonly drawNode: () => SimNode;
}

/** VMs of a burst. */
export const BURST_MIN = 10;
export const BURST_MAX = 100;

/** Of each. */
const MEMORY_MIB = 32;

const EVERY_US = 40_000_000;
const LASTS_US = 20_000_000;

/** All that there may be of bursts at a time, in MiB. */
export const BURSTS_MEMORY_MIB: number = BURST_MAX * MEMORY_MIB;

export class VmBursts {
  bursts = 0;
  readonly #options: VmBurstsOptions;
  readonly #size: number;
  #active = false;

  constructor(options: VmBurstsOptions) {
    this.#options = options;
    this.#size = Math.round(BURST_MIN * (options.sizeMax / BURST_MIN) ** options.random.next());
  }

  start(): void {
    this.#active = true;
    this.#createSoon();
  }

  stop(): void {
    this.#active = false;
  }

  #createSoon(): void {
    const { random, cluster } = this.#options;
    cluster.timeline.after(EVERY_US * random.next(), () => {
      if (!this.#active) return;
      this.bursts += 1;
      this.#all((name) => ({ type: "create-vm", name, labels: { burst: String(this.bursts) }, spec: SPEC }));
      cluster.timeline.after(LASTS_US * (0.5 + random.next()), () => {
        if (!this.#active) return;
        this.#all((name) => ({ type: "delete-vm", name }));
        this.#createSoon();
      });
    });
  }

  /** At one node, without waiting for answers. */
  #all(make: (name: string) => CommandOf<"create-vm" | "delete-vm">): void {
    const { desk, clients, drawNode } = this.#options;
    const node = drawNode();
    for (let at = 0; at < this.#size; at++) {
      const command = make(`burst${at}`);
      desk.write(node, command, (reply) => {
        if (reply?.ok === true) clients.onOutcome(command.name, command, reply.outcome);
        else clients.unknown += 1;
      });
    }
  }
}

const SPEC: CommandOf<"create-vm">["spec"] = {
  ...{ running: true, vcpus: 1, memoryMiB: MEMORY_MIB, image: "base", command: [], env: {}, files: [], ports: [] },
  ...{ restart: "always", stopGraceMs: 500, nodeSelector: {} },
};
