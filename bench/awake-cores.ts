/**
 * Keeps every core from going to sleep, by processes that take only the time that nobody else wants. What waits for another process
 * then waits for its work, not for a core to wake up, which in a virtual machine is most of a round trip.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";

/** They end by themselves when nobody ends them. */
const SECONDS_MAX = 60;

const SPIN = `require("node:os").setPriority(19); const end = Date.now() + ${SECONDS_MAX * 1000}; while (Date.now() < end);`;

export async function withCoresAwake<Value>(run: () => Promise<Value>): Promise<Value> {
  const spinners = Array.from({ length: availableParallelism() }, () => spawn(process.execPath, ["--eval", SPIN]));
  try {
    return await run();
  } finally {
    for (const spinner of spinners) {
      const gone = once(spinner, "exit");
      if (spinner.exitCode === null && spinner.signalCode === null && spinner.kill("SIGKILL")) await gone;
    }
  }
}
