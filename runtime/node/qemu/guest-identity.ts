/** Who a guest is that was started from a checkpoint: a clone gets an identity of its own, one that goes on as itself the time and new random numbers. */
import { randomBytes } from "node:crypto";
import type { AgentLink } from "../agent/agent-link.ts";
import type { InstanceRecord } from "../instances/instance-store.ts";
import { StartRefusal, VerbError } from "../instances/machine-driver.ts";
import type { CardIdentity } from "./cards.ts";
import { hostName, machineId } from "./guest-files.ts";
import type { QmpControl } from "./qmp-control.ts";

const ENTROPY_BYTES = 64;

export class GuestIdentity {
  readonly #control: QmpControl;
  readonly #agent: () => AgentLink | undefined;
  readonly #record: InstanceRecord;
  readonly #cards: readonly CardIdentity[];

  constructor(of: {
    readonly control: QmpControl;
    /** Set while QEMU is connected. */
    readonly agent: () => AgentLink | undefined;
    readonly record: InstanceRecord;
    readonly cards: readonly CardIdentity[];
  }) {
    ({ control: this.#control, agent: this.#agent, record: this.#record, cards: this.#cards } = of);
  }

  async setLinks(up: boolean): Promise<void> {
    for (const { id } of this.#cards) await this.#control.ask("set_link", { name: id, up });
  }

  /** Nothing leaves the guest before it is somebody of its own. @throws {StartRefusal} where its agent cannot. */
  async give(): Promise<void> {
    const { instance, vm } = this.#record;
    try {
      await this.#agent()?.giveIdentity({
        machineId: machineId(instance),
        hostName: hostName(vm),
        macs: this.#cards.map((card) => ({ interface: card.interface, address: card.mac })),
        ipv4s: this.#cards.flatMap((card) =>
          card.ipv4 === undefined ? [] : [{ interface: card.interface, address: card.ipv4 }],
        ),
        entropy: randomBytes(ENTROPY_BYTES),
        wallMs: Date.now(),
      });
    } catch (error) {
      if (!(error instanceof VerbError)) throw error;
      const code = error.code === "unsupported" ? "unsupported" : "failed";
      throw new StartRefusal(code, `its guest cannot be given an identity of its own: ${error.message}`, error);
    }
    await this.setLinks(true);
  }

  /** The same guest, later: with another time, and with random numbers that no other run of it draws. One whose agent cannot goes without. */
  async refresh(): Promise<void> {
    await this.#agent()
      ?.giveIdentity({ entropy: randomBytes(ENTROPY_BYTES), wallMs: Date.now() })
      .catch(() => undefined);
  }
}
