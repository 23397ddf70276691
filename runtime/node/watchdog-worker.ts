/** The watchdog's own thread: counts ticks, and says at once when the watched thread has been in one turn for too long. */
import { writeSync } from "node:fs";
import { Session, type Debugger } from "node:inspector";
import { parentPort, workerData } from "node:worker_threads";
import { CELL } from "./turn-meter.ts";
import type { StuckTurn, WatchdogTask } from "./watchdog.ts";

/**
 * How long a thread that runs JavaScript takes to stop for the inspector, at most, on a machine with more to do than cores; one
 * that does not by then is in the system.
 */
const PAUSE_MS = 5_000;

const STDERR = 2;

const { shared, tickMs, stuckTicks } = workerData as WatchdogTask;
watchTurns();

function watchTurns(): void {
  const startMs = performance.now();
  let seenTurn = 0;
  let seenSince = 0;
  let reported = 0;
  setInterval(() => {
    // By the clock: this thread too may have to wait for a core.
    const tick = Math.floor((performance.now() - startMs) / tickMs);
    Atomics.store(shared, CELL.ticks, tick);
    const turn = Atomics.load(shared, CELL.turn);
    if (turn !== seenTurn) {
      seenTurn = turn;
      seenSince = tick;
    } else if (turn !== 0 && turn !== reported && tick - seenSince >= stuckTicks) {
      reported = turn;
      void report((tick - seenSince) * tickMs);
    }
  }, tickMs);
}

async function report(forMs: number): Promise<void> {
  const found = await whereItIs();
  // It came back meanwhile: then it was only slow, and the main thread says so.
  if (found === undefined) return;
  const stuck: StuckTurn = { ...found, forMs };
  const what =
    stuck.actor === null
      ? "An actor has not returned its turn, and runs no JavaScript: it waits in a synchronous call"
      : `Actor "${stuck.actor}" has not returned its turn: it is in ${stuck.where}`;
  // Not through the main thread, as process.stderr of a worker would.
  writeSync(STDERR, `${what}. Nothing else has run for ${forMs} ms\n`);
  parentPort?.postMessage(stuck);
}

/** Stops the main thread for a moment and looks at its stack. Undefined when that shows no turn any more. */
async function whereItIs(): Promise<Omit<StuckTurn, "forMs"> | undefined> {
  const session = new Session();
  const files = new Map<string, string>();
  session.on("Debugger.scriptParsed", ({ params }) => files.set(params.scriptId, params.url));
  session.connectToMainThread();
  try {
    const paused = new Promise<readonly Debugger.CallFrame[]>((resolve) => {
      session.on("Debugger.paused", ({ params }) => resolve(params.callFrames));
      setTimeout(resolve, PAUSE_MS, []);
    });
    session.post("Debugger.enable");
    session.post("Debugger.pause");
    const frames = await paused;
    const [top] = frames;
    if (top === undefined) return { actor: null, where: null };
    const measure = frames.find((frame) => isMeter(frame, files));
    return measure && { actor: await describe(session, measure), where: place(top, files) };
  } finally {
    session.post("Debugger.resume");
    session.post("Debugger.disable");
    session.disconnect();
  }
}

/** `TurnMeter.measure`, whose parameter is the turn. */
function isMeter({ functionName, location }: Debugger.CallFrame, files: ReadonlyMap<string, string>): boolean {
  return functionName === "measure" && files.get(location.scriptId)?.includes("/turn-meter.") === true;
}

function place({ functionName, location }: Debugger.CallFrame, files: ReadonlyMap<string, string>): string {
  const file = files.get(location.scriptId) ?? "unknown file";
  return `${functionName || "a function"} (${file}:${location.lineNumber + 1})`;
}

function describe(session: Session, { callFrameId }: Debugger.CallFrame): Promise<string | null> {
  return new Promise((resolve) => {
    const request = { callFrameId, expression: "turn.describe()", returnByValue: true };
    const answered = (error: Error | null, answer?: Debugger.EvaluateOnCallFrameReturnType): void => {
      const value: unknown = answer?.result.value;
      resolve(error === null && typeof value === "string" ? value : null);
    };
    session.post("Debugger.evaluateOnCallFrame", request, answered);
  });
}
