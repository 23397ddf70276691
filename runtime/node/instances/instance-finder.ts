/**
 * Finds out what became of an instance that another process may have started, from its folder alone.
 *
 * A folder whose guard and command live holds an instance. Anything else is cleared away: what runs without its guard is
 * ended, since nothing else would end it at its lease, and what was about to start is shut out.
 */
import { basename } from "node:path";
import type { Clock } from "../../ports/clock.ts";
import type { DriverName, FoundInstance } from "../../ports/hypervisor.ts";
import { anythingRuns, giveUp, type GuardState, killInstance, readGuard } from "../guard/guard.ts";
import { isRunning } from "../guard/process-identity.ts";
import type { InstanceStore } from "./instance-store.ts";
import { endProcessesOf } from "./instance-users.ts";

/** What was killed is gone within milliseconds, unless it hangs in the kernel. */
export const KILL_WAIT_MS = 5_000;
const POLL_MS = 5;
/** A guard that was started by a process that died writes its claim within moments. */
const CLAIM_WAIT_MS = 1_000;

export class InstanceFinder {
  readonly #store: InstanceStore;
  readonly #clock: Clock;
  readonly #driver: DriverName;

  constructor(store: InstanceStore, clock: Clock, driver: DriverName) {
    this.#store = store;
    this.#clock = clock;
    this.#driver = driver;
  }

  /**
   * The instance, if it is this driver's and runs. Otherwise its folder is cleared away, if nothing of it runs.
   * @throws the file system's error when that cannot be told.
   */
  async find(instance: string): Promise<FoundInstance | undefined> {
    if (!this.#store.has(instance)) return undefined;
    const record = this.#store.record(instance);
    if (record !== undefined && record.driver !== this.#driver) return undefined;
    const folder = this.#store.folder(instance);
    const { guard, child, exit } = await this.#settled(folder);
    const guarded = guard !== undefined && isRunning(guard) && exit === undefined;
    const runs = guarded && child !== undefined && isRunning(child);
    if (runs || !(await this.endLeftovers(folder))) {
      return { instance, vm: record?.vm ?? "", pid: child?.pid ?? guard?.pid ?? 0 };
    }
    this.#store.retire(instance);
    return undefined;
  }

  /**
   * Ends what may still run of an instance and waits for its guard to be gone. Returns whether all of it is.
   * @throws when that cannot be told all the while.
   */
  async endLeftovers(folder: string): Promise<boolean> {
    const untilMs = this.#clock.monotonicMs() + KILL_WAIT_MS;
    for (;;) {
      const isLast = this.#clock.monotonicMs() > untilMs;
      try {
        const state = readGuard(folder);
        if (!anythingRuns(state)) {
          await this.#endUser(folder);
          return true;
        }
        if (isLast) return false;
        killInstance(state);
      } catch (error) {
        if (isLast) throw error;
      }
      await this.#pause();
    }
  }

  /** What left the instance's group of processes is still its user's, whatever users this node gives now. A QEMU can start nothing that could. */
  async #endUser(folder: string): Promise<void> {
    const user = this.#store.record(basename(folder))?.user;
    if (user !== undefined && this.#driver === "process") await endProcessesOf(user);
  }

  /** A guard may be about to say whom it guards; one that has not come to claim the folder is shut out. */
  async #settled(folder: string): Promise<GuardState> {
    const untilMs = this.#clock.monotonicMs() + CLAIM_WAIT_MS;
    let state = readGuard(folder);
    while (state.child === undefined && !giveUp(folder) && this.#clock.monotonicMs() < untilMs) {
      if (state.guard !== undefined && !isRunning(state.guard)) break;
      await this.#pause();
      state = readGuard(folder);
    }
    return state;
  }

  async #pause(): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(POLL_MS, resolve));
  }
}
