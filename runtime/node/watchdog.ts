/**
 * A watchdog over the turns of one dispatcher: names the actor whose handler never returns, while it does not, and every
 * turn that was slow, when it has returned. Neighbours: `TurnMeter`, what the dispatcher does for it;
 * `watchdog-worker.ts`, the thread that looks on.
 *
 * Why a thread: whoever shares the event loop with a handler that never returns will not run again. Why the inspector: it
 * stops a busy thread and reads whose turn is on its stack, and where, so that nothing has to be written down for it
 * at each turn.
 */
import { Worker } from "node:worker_threads";
import { TurnMeter } from "./turn-meter.ts";

export interface WatchdogOptions {
  /** A turn of this many milliseconds or more is slow. Default: 100. */
  readonly slowMs?: number;
  /** A turn that has not returned after this many milliseconds is stuck. Default: 2,000. */
  readonly stuckMs?: number;
  /** Told of a slow turn after it. Default: a line on stderr. */
  onSlow?(turn: SlowTurn): void;
  /**
   * Told of a stuck turn when the event loop runs again, if it ever does. A line on stderr says it at once, by
   * the watchdog's own thread.
   */
  onStuck?(turn: StuckTurn): void;
}

export interface SlowTurn {
  /** The actor's path. */
  readonly actor: string;
  /** Milliseconds, to a quarter of `slowMs`. */
  readonly tookMs: number;
}

export interface StuckTurn {
  /** The actor's path; null when the thread does not even run JavaScript, as in a synchronous call to the system. */
  readonly actor: string | null;
  /** Function, file and line where it was found; null as for `actor`. */
  readonly where: string | null;
  readonly forMs: number;
}

export interface Watchdog {
  /** For `createNodeDispatcher`. */
  readonly meter: TurnMeter;
  /** Ends its thread. */
  close(): Promise<void>;
}

/** What the thread is given. */
export interface WatchdogTask {
  readonly shared: Int32Array<SharedArrayBuffer>;
  readonly tickMs: number;
  readonly stuckTicks: number;
}

/** Ticks within `slowMs`: a slow turn is measured to a quarter of the limit. */
const TICKS = 4;

/**
 * Starts the thread; it keeps no process alive. Of a machine without a free core it sees less: its own thread has to wait,
 * and a slow turn may pass for a shorter one.
 */
export function createWatchdog(options: WatchdogOptions = {}): Watchdog {
  const { slowMs = 100, stuckMs = 2_000 } = options;
  const tickMs = slowMs / TICKS;
  // The first tick may come at once: one more makes sure that the whole limit has passed.
  const meter = new TurnMeter(TICKS + 1, (turn, ticks) => {
    const slow: SlowTurn = { actor: turn.describe?.() ?? "", tookMs: ticks * tickMs };
    if (options.onSlow === undefined) process.stderr.write(slowLine(slow));
    else options.onSlow(slow);
  });
  const file = import.meta.url.endsWith(".ts")
    ? new URL("./watchdog-worker.ts", import.meta.url)
    : new URL("./watchdog-worker.js", import.meta.url);
  const task: WatchdogTask = { shared: meter.shared, tickMs, stuckTicks: Math.ceil(stuckMs / tickMs) };
  const worker = new Worker(file, { workerData: task });
  worker.on("message", (stuck: StuckTurn) => options.onStuck?.(stuck));
  worker.unref();
  return {
    meter,
    async close() {
      await worker.terminate();
    },
  };
}

function slowLine({ actor, tookMs }: SlowTurn): string {
  return `Actor "${actor}" took ${tookMs} ms for one turn; nothing else ran meanwhile\n`;
}
