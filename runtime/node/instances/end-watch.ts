/**
 * Looks for the ends of a host's running instances: at once where the file system tells of a guard's last word, and once a second where it does not.
 *
 * An instance is said to have ended once: `ended` is set before anything is awaited, and taken back when the end could not be carried out, for the next look.
 */
import { watch } from "node:fs";
import type { Clock, TimerHandle } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import { guardFolder, type GuardExit, readGuard } from "../guard/guard.ts";
import { isRunning } from "../guard/process-identity.ts";
import type { RunningInstance } from "./running-instance.ts";

/** How often logs are cut and exits are looked for that no file event told of. */
const TICK_MS = 1_000;

export interface EndWatchOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Those that run now. */
  readonly running: ReadonlyMap<string, RunningInstance>;
  /** Its guard has spoken, or is gone. Resolves with whether all of it is over; where not, or when it throws, it is called again. */
  end(running: RunningInstance, exit: GuardExit): Promise<boolean>;
}

export class EndWatch {
  readonly #options: EndWatchOptions;
  #tick: TimerHandle | undefined;
  #closed = false;

  constructor(options: EndWatchOptions) {
    this.#options = options;
  }

  /** Until `running` has it no more; its file watch is the caller's to close. */
  add(running: RunningInstance): void {
    try {
      running.watcher = watch(guardFolder(running.folder), { persistent: false }, (_type, name) => {
        if (name === "exit") this.look(running);
      });
      running.watcher.on("error", () => running.watcher?.close());
    } catch {
      // Out of inotify watches: the tick finds the exit, up to a second later.
    }
    this.#startTicking();
  }

  /** Called from timers and watches: what goes wrong here has nobody else to go to, and the next tick looks again. */
  look(running: RunningInstance): void {
    if (this.#closed) return;
    try {
      this.#checkExit(running);
      if (!running.ended) running.machine.tick();
    } catch (error) {
      const { instance } = running.record;
      this.#options.logger.log("error", `Cannot look after instance "${instance}" now`, { instance, cause: error });
    }
  }

  /** Resolves with whether it ended in that time. */
  async within(running: RunningInstance, limitMs: number): Promise<boolean> {
    const { clock, running: all } = this.#options;
    if (!all.has(running.record.instance)) return true;
    return new Promise((resolve) => {
      const timer = clock.setTimer(limitMs, () => resolve(false));
      running.exitWaiters.push(() => {
        clock.clearTimer(timer);
        resolve(true);
      });
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#tick !== undefined) this.#options.clock.clearTimer(this.#tick);
  }

  #startTicking(): void {
    if (this.#tick !== undefined || this.#closed) return;
    const { clock, running } = this.#options;
    this.#tick = clock.setTimer(TICK_MS, () => {
      this.#tick = undefined;
      for (const one of [...running.values()]) {
        one.log.tick();
        this.look(one);
      }
      if (running.size > 0) this.#startTicking();
    });
  }

  #checkExit(running: RunningInstance): void {
    if (running.ended || running.starting) return;
    let state = readGuard(running.folder);
    if (state.exit === undefined) {
      if (state.guard !== undefined && isRunning(state.guard)) return;
      // The guard is gone; it may have written its last word since we looked.
      state = readGuard(running.folder);
    }
    running.ended = true;
    const exit = state.exit ?? ({ reason: "exit", kind: "lost", number: 0 } as const);
    void this.#options.end(running, exit).then(
      (isOver) => (running.ended = isOver),
      (error: unknown) => {
        running.ended = false;
        const { instance } = running.record;
        this.#options.logger.log("error", `Cannot clear away instance "${instance}"`, { instance, cause: error });
      },
    );
  }
}
