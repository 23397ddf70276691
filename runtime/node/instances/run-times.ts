/**
 * Since when an instance runs on this host, and how long its guest took to come up. The word that it is up comes once, to one process of the
 * node; what it took is noted in the instance's folder, so that a later process can say it too.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { uptimeHundredths } from "../guard/host-uptime.ts";

export interface RunTimes {
  readonly upMs: number;
  /** Absent: it has not said that it is up, or nobody noted it. */
  readonly bootMs?: number;
}

const NOTE = "boot-ms";
const HUNDREDTH_MS = 10;

/** `startedAt`: host uptime in hundredths of a second. */
export function sinceStartMs(startedAt: number): number {
  return (uptimeHundredths() - startedAt) * HUNDREDTH_MS;
}

/** Notes it if it can: a full disk must not keep a guest that is up from being known as up. */
export function noteBoot(folder: string, bootMs: number): void {
  try {
    writeFileSync(join(folder, NOTE), `${bootMs}\n`, { mode: 0o600 });
  } catch {
    // Its boot time is not known later on, which metrics can say.
  }
}

export function readRunTimes(folder: string, startedAt: number): RunTimes {
  const upMs = sinceStartMs(startedAt);
  const bootMs = Number.parseInt(noted(folder), 10);
  return Number.isSafeInteger(bootMs) ? { upMs, bootMs } : { upMs };
}

function noted(folder: string): string {
  try {
    return readFileSync(join(folder, NOTE), "latin1");
  } catch {
    return "";
  }
}
