/** Starts one instance, anew or by taking a standby: its folder, its guard, and how it is undone when something fails on the way. */
import { availableParallelism } from "node:os";
import type { InstanceLaunch, StartResult } from "../../ports/hypervisor.ts";
import type { Logger } from "../../ports/logger.ts";
import type { InstanceLauncher } from "./instance-launcher.ts";
import type { InstanceRecord, InstanceStore } from "./instance-store.ts";
import type { InstanceUsers } from "./instance-users.ts";
import { type MachineDriver, StartRefusal } from "./machine-driver.ts";
import { newRecord } from "./new-record.ts";
import type { RunningInstance } from "./running-instance.ts";
import { Slots } from "./slots.ts";
import type { StandbyPool } from "./standby-pool.ts";

/** Monitors on their way to their first answer. After a fail-over a hundred would otherwise take each other's time until none answers in time. */
const STARTS_MAX = Math.max(4, 2 * availableParallelism());

export interface InstanceStarterOptions {
  readonly driver: MachineDriver;
  readonly store: InstanceStore;
  readonly launcher: InstanceLauncher;
  readonly standbys: StandbyPool;
  readonly users: InstanceUsers | undefined;
  readonly logger: Logger;
  /** When its guard is to end it, as it is known now: in hundredths of a second of the host's uptime. */
  readonly deadlineOf: (launch: InstanceLaunch) => number;
  /** Takes up what runs in the instance's folder; undefined when its guard does not say whom it guards. */
  readonly attach: (record: InstanceRecord) => RunningInstance | undefined;
  /** Tells the guard of a later deadline. */
  readonly bound: (running: RunningInstance, deadline: number) => void;
  /** It runs, and `start` is about to say so. */
  readonly started: (running: RunningInstance) => void;
  /** Undoes a start that failed half-way. */
  readonly abandon: (instance: string) => Promise<void>;
}

export class InstanceStarter {
  readonly #options: InstanceStarterOptions;
  readonly #slots = new Slots(STARTS_MAX);

  constructor(options: InstanceStarterOptions) {
    this.#options = options;
  }

  /** Nothing of it runs before. @throws {StartRefusal} or what failed, and nothing of it is left. */
  async start(launch: InstanceLaunch): Promise<StartResult> {
    const { standbys } = this.#options;
    const started = await standbys.during(
      launch,
      async () => (await this.#takeStandby(launch)) ?? (await this.#startAnew(launch)),
    );
    standbys.used(launch);
    return started;
  }

  async #startAnew(launch: InstanceLaunch): Promise<StartResult> {
    const { store, launcher, standbys, deadlineOf } = this.#options;
    await standbys.makeRoom();
    const record = newRecord(launch, this.#options);
    const folder = store.create(record);
    try {
      const command = await launcher.prepare(launch, folder, { user: record.user, deadline: () => deadlineOf(launch) });
      return await this.#slots.take(async () => {
        await launcher.run(folder, command, deadlineOf(launch));
        return await this.#ready(this.#attach(record));
      });
    } catch (error) {
      await this.#options.abandon(launch.instance);
      throw error;
    }
  }

  /** undefined where there is no standby for it, or one that is none any more: nothing of its guest has run then. */
  async #takeStandby(launch: InstanceLaunch): Promise<StartResult | undefined> {
    const { driver, store, standbys, logger, deadlineOf, bound, abandon } = this.#options;
    const { instance } = launch;
    const standby = standbys.take(launch, deadlineOf(launch));
    if (standby === undefined) return undefined;
    let [isInstance, isAwake] = [false, false];
    try {
      await driver.dress?.(launch, standby.folder);
      const record = newRecord(launch, this.#options, standby);
      store.promote(standby.id, record);
      isInstance = true;
      const running = this.#attach(record);
      // It was renewed, maybe, since its guard was told of it.
      bound(running, deadlineOf(launch));
      await running.machine.wake?.();
      isAwake = true;
      return await this.#ready(running);
    } catch (error) {
      await (isInstance ? abandon(instance) : standbys.discard(standby));
      if (isAwake) throw error;
      logger.log("warn", `Instance "${instance}" is started without its standby`, { instance, cause: error });
      return undefined;
    }
  }

  #attach(record: InstanceRecord): RunningInstance {
    const running = this.#options.attach(record);
    if (running === undefined) throw new StartRefusal("failed", "its guard does not say whom it guards");
    return running;
  }

  async #ready(running: RunningInstance): Promise<StartResult> {
    const incoming = await running.machine.ready();
    running.starting = false;
    this.#options.started(running);
    return { ok: true, pid: running.child.pid, ...(incoming ? { incoming } : {}) };
  }
}
