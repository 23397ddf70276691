/**
 * The clock that node and guard share: the host's uptime (CLOCK_BOOTTIME), in hundredths of a second.
 *
 * Both read /proc/uptime, so it needs no agreement; it goes on through suspends and starts anew with the host, which the
 * boot id tells.
 */
import { readFileSync } from "node:fs";

export function uptimeHundredths(): number {
  const [uptime = ""] = readFileSync("/proc/uptime", "latin1").split(" ");
  return Math.floor(Number(uptime) * 100 + 0.5);
}

/** Different after each start of the host. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}
