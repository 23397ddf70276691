/** A user who creates many VMs at once, as `apply` of a file with all of them does, deletes all of them later, and uses their names again. */
import type { CommandOf } from "../../actors/index.ts";
import type { ClientChecker } from "../checkers/client-checker.ts";
import { CHANCES } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { ClientDesk } from "./client-desk.ts";
import type { UserOptions, UsersAct } from "./users.ts";

export interface VmBurstsOptions extends UserOptions {
  readonly desk: ClientDesk;
  readonly clients: ClientChecker;
}

type BurstAct = Extract<UsersAct, { readonly type: "burst" }>;

/** VMs of a burst. */
const BURST_MIN = 10;
const BURST_MAX = 100;

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
    this.#size = Math.round(BURST_MIN * (BURST_MAX / BURST_MIN) ** options.random.next());
  }

  /** `scheduled`: it acts when `perform` is told to. */
  start(load: Schedule["load"]): void {
    this.#active = true;
    if (load === "drawn") this.#createSoon();
  }

  stop(): void {
    this.#active = false;
  }

  /** At one node, without waiting for answers. False when it does not run. */
  perform({ node, how, vms }: BurstAct): boolean {
    const { desk, clients, cluster } = this.#options;
    const at = cluster.nodes[node];
    if (!this.#active || at === undefined || !at.running) return false;
    if (how === "create") this.bursts += 1;
    const labels = { burst: String(this.bursts) };
    for (let number = 0; number < vms; number++) {
      const name = `burst${number}`;
      const command: CommandOf<"create-vm" | "delete-vm"> =
        how === "create" ? { type: "create-vm", name, labels, spec: SPEC } : { type: "delete-vm", name };
      desk.write(at, command, (reply) => {
        if (reply?.ok === true) clients.onOutcome(name, command, reply.outcome);
        else clients.unknown += 1;
      });
    }
    return true;
  }

  #createSoon(): void {
    this.#after(EVERY_US * this.#options.deciding.next(), () => {
      this.#decide("create");
      this.#after(LASTS_US * (0.5 + this.#options.deciding.next()), () => {
        this.#decide("delete");
        this.#createSoon();
      });
    });
  }

  #after(delayUs: number, decide: () => void): void {
    const { cluster, slower } = this.#options;
    cluster.timeline.afterAside(delayUs * slower, () => this.#active && decide(), "load");
  }

  #decide(how: BurstAct["how"]): void {
    const { deciding, drawNode, onAct } = this.#options;
    const node = drawNode(deciding).index;
    const act: BurstAct = { type: "burst", node, how, vms: this.#size, chance: deciding.integer(CHANCES) };
    if (this.perform(act)) onAct(act);
  }
}

const SPEC: CommandOf<"create-vm">["spec"] = {
  ...{ running: true, vcpus: 1, memoryMiB: MEMORY_MIB, image: "base", command: [], env: {}, files: [], ports: [] },
  ...{ restart: "always", stopGraceMs: 500, nodeSelector: {} },
};
