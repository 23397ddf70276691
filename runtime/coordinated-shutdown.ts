/**
 * Coordinated shutdown: a system ends in named phases, one after the other, so that what still works is not pulled away from
 * under what needs it (Akka's `CoordinatedShutdown`).
 *
 * The tasks of a phase begin in the order in which they were added and run side by side; the phase ends with its last task or
 * at its timeout, and a task that failed or took too long stops nobody else: the report says so. Time comes from the
 * world's clock and tasks answer by a callback, so a shutdown runs under the simulator as everything else does.
 */
import type { Clock, TimerHandle } from "./ports/clock.ts";

/** One step of a system's end: all of its tasks run at once, and the next waits for them. */
export interface ShutdownPhase {
  readonly name: string;
  /** Milliseconds that its tasks get. More than 0. */
  readonly timeoutMs: number;
}

/** The phase in which the system ends its actors. Every list of phases has it. */
export const ACTORS_PHASE = "stop-actors";

/** The phases of a system's end, in order, with their timeouts. */
export const DEFAULT_SHUTDOWN_PHASES: readonly ShutdownPhase[] = [
  /** Close the doors to callers from outside. */
  { name: "stop-serving", timeoutMs: 5_000 },
  /** Let requests end that are under way. */
  { name: "finish-requests", timeoutMs: 5_000 },
  /** Give to other nodes what this one holds for the cluster. */
  { name: "hand-over", timeoutMs: 10_000 },
  { name: "leave-cluster", timeoutMs: 5_000 },
  { name: ACTORS_PHASE, timeoutMs: 10_000 },
  /** Close what the actors stood on: links, stores. */
  { name: "release", timeoutMs: 5_000 },
];

/** Something to be done in one phase of a shutdown. */
export interface ShutdownTask {
  /** The name of one of the system's phases. */
  readonly phase: string;
  readonly name: string;
  /** Begins the task; it calls `done` once, now or later, with an error if it failed. What it throws is a failure too. */
  run(done: (error?: unknown) => void): void;
  /** The phase is over and the task is not: ends it by force. What it returns is reported as the error. */
  onTimeout?(): unknown;
}

/** How a shutdown went. */
export interface ShutdownReport {
  /** Every phase was run, and every task was done in time. */
  readonly isClean: boolean;
  readonly durationMs: number;
  /** Those that were begun, in order. */
  readonly phases: readonly PhaseReport[];
}

/** How one phase of a shutdown went. */
export interface PhaseReport {
  readonly name: string;
  readonly durationMs: number;
  /** In the order in which they were added. */
  readonly tasks: readonly TaskReport[];
}

/** How one task of a shutdown went. */
export interface TaskReport {
  readonly name: string;
  readonly outcome: TaskOutcome;
  /** Since its phase began. */
  readonly durationMs: number;
  readonly error?: unknown;
}

/** How a task of a shutdown ended. */
export type TaskOutcome =
  | "done"
  | "failed"
  | "timed-out"
  /** Whoever added it has taken it back meanwhile, or has stopped. */
  | "withdrawn"
  /** `system.stop()` was called in the middle. */
  | "aborted";

interface RunningTask {
  readonly task: ShutdownTask;
  report: TaskReport | null;
}

interface RunningPhase {
  readonly name: string;
  readonly startedAtMs: number;
  readonly tasks: readonly RunningTask[];
  readonly timer: TimerHandle;
}

export class CoordinatedShutdown {
  readonly #clock: Clock;
  readonly #phases: readonly ShutdownPhase[];
  readonly #tasks = new Set<ShutdownTask>();
  readonly #reports: PhaseReport[] = [];
  readonly #done: ((report: ShutdownReport) => void)[] = [];
  #startedAtMs: number | null = null;
  #begun = 0;
  #phase: RunningPhase | null = null;
  #isAdvancing = false;
  #report: ShutdownReport | null = null;

  /** @throws when two phases have one name, none is `stop-actors`, or a timeout is not more than 0. */
  constructor(clock: Clock, phases: readonly ShutdownPhase[]) {
    const names = new Set(phases.map(({ name }) => name));
    if (names.size < phases.length) throw new Error("Cannot plan a shutdown: two of its phases have the same name");
    for (const { name, timeoutMs } of phases) {
      if (!(timeoutMs > 0))
        throw new RangeError(`Cannot plan a shutdown: phase "${name}" has a timeout of ${timeoutMs} ms`);
    }
    if (!names.has(ACTORS_PHASE)) throw new Error(`Cannot plan a shutdown: no phase is "${ACTORS_PHASE}"`);
    this.#clock = clock;
    this.#phases = phases;
  }

  /**
   * Adds a task; a phase that has begun runs no further ones. Returns what takes it back.
   * @throws for a phase that the system does not have.
   */
  add(task: ShutdownTask): () => void {
    if (!this.#phases.some(({ name }) => name === task.phase)) {
      const names = this.#phases.map(({ name }) => `"${name}"`).join(", ");
      throw new Error(`Cannot add "${task.name}" to a shutdown: no phase is "${task.phase}"; there are ${names}`);
    }
    this.#tasks.add(task);
    return () => {
      this.#tasks.delete(task);
      const running = this.#phase?.tasks.find((one) => one.task === task);
      if (running !== undefined) this.#settle(running, "withdrawn");
    };
  }

  /** How long the tasks of that phase get, in milliseconds. */
  timeoutMs(phase: string): number {
    return this.#phases.find(({ name }) => name === phase)?.timeoutMs ?? 0;
  }

  /** Begins, unless it has begun. `done` gets the report; at once when it is over. */
  run(done: (report: ShutdownReport) => void): void {
    if (this.#report !== null) {
      done(this.#report);
      return;
    }
    this.#done.push(done);
    this.#startedAtMs ??= this.#clock.monotonicMs();
    this.#advance();
  }

  /** Ends it where it is: the system has been stopped. */
  abort(): void {
    if (this.#report !== null) return;
    // Tasks that answer while they are ended must not begin the next phase.
    this.#isAdvancing = true;
    for (const running of this.#phase?.tasks ?? []) this.#settle(running, "aborted");
    this.#endPhase();
    this.#finish({ isComplete: false });
  }

  /** Goes on until it has to wait for a task, or is over. Phases without a task end at once. */
  #advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    while (this.#report === null) {
      if (this.#phase === null) {
        const next = this.#phases[this.#begun++];
        if (next === undefined) this.#finish({ isComplete: true });
        else this.#begin(next);
      } else if (this.#phase.tasks.every(({ report }) => report !== null)) {
        this.#endPhase();
      } else {
        break;
      }
    }
    this.#isAdvancing = false;
  }

  #begin({ name, timeoutMs }: ShutdownPhase): void {
    const tasks = [...this.#tasks].filter(({ phase }) => phase === name).map((task) => ({ task, report: null }));
    const timer = this.#clock.setTimer(timeoutMs, () => this.#timeOut());
    this.#phase = { name, startedAtMs: this.#clock.monotonicMs(), tasks, timer };
    for (const running of tasks) this.#start(running);
  }

  #start(running: RunningTask): void {
    // One that ran before it may have taken it back, or stopped the system.
    if (running.report !== null) return;
    try {
      running.task.run((error) => this.#settle(running, error === undefined ? "done" : "failed", error));
    } catch (error) {
      this.#settle(running, "failed", error);
    }
  }

  #timeOut(): void {
    // All are given up before any is ended by force, so that an answer which that brings about comes too late.
    const late = this.#phase?.tasks.filter(({ report }) => report === null) ?? [];
    for (const running of late) this.#note(running, "timed-out");
    for (const running of late) this.#note(running, "timed-out", endByForce(running.task));
    this.#advance();
  }

  /** The first word about a task counts. */
  #settle(running: RunningTask, outcome: TaskOutcome, error?: unknown): void {
    if (running.report !== null) return;
    this.#note(running, outcome, error);
    this.#advance();
  }

  #note(running: RunningTask, outcome: TaskOutcome, error?: unknown): void {
    const durationMs = this.#clock.monotonicMs() - (this.#phase?.startedAtMs ?? 0);
    const { name } = running.task;
    running.report = { name, outcome, durationMs, ...(error !== undefined && { error }) };
  }

  #endPhase(): void {
    const phase = this.#phase;
    if (phase === null) return;
    this.#phase = null;
    this.#clock.clearTimer(phase.timer);
    const tasks = phase.tasks.flatMap(({ report }) => report ?? []);
    this.#reports.push({ name: phase.name, durationMs: this.#clock.monotonicMs() - phase.startedAtMs, tasks });
  }

  #finish({ isComplete }: { readonly isComplete: boolean }): void {
    const nowMs = this.#clock.monotonicMs();
    const phases = this.#reports;
    const isClean = isComplete && phases.every(({ tasks }) => tasks.every(({ outcome }) => isFine(outcome)));
    this.#report = { isClean, durationMs: nowMs - (this.#startedAtMs ?? nowMs), phases };
    for (const done of this.#done.splice(0)) done(this.#report);
  }
}

function isFine(outcome: TaskOutcome): boolean {
  return outcome === "done" || outcome === "withdrawn";
}

function endByForce(task: ShutdownTask): unknown {
  try {
    return task.onTimeout?.();
  } catch (error) {
    return error;
  }
}
