/**
 * The lease file: how a node tells a guard until when its instance may run.
 *
 * One line with the deadline twice, written over the old one in place. In place, because that needs no free block, so a
 * full disk does not end instances whose lease is renewed; twice, because a reader may then meet half a write, and must
 * not take it for a deadline.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../ports/clock.ts";
import { uptimeHundredths } from "./host-uptime.ts";

/**
 * The guard aims this much before the deadline: /proc/uptime is rounded down, and waking up and killing take a moment.
 */
const MARGIN_HUNDREDTHS = 5;

/** A deadline on `clock`, as the guard counts: hundredths of a second of the host's uptime. */
export function toUptime(clock: Clock, deadlineMs: number): number {
  const remaining = Math.floor((deadlineMs - clock.monotonicMs()) / 10);
  return Math.max(0, uptimeHundredths() + remaining - MARGIN_HUNDREDTHS);
}

/** @throws the file system's error. */
export function writeLease(guardFolder: string, deadline: number): void {
  const file = openSync(join(guardFolder, "lease"), "r+");
  try {
    writeSync(file, leaseLine(deadline), 0);
  } finally {
    closeSync(file);
  }
}

/** All lines have one length, so a new one covers the old. */
export function leaseLine(deadline: number): string {
  const digits = String(deadline);
  return `${digits} ${digits}`.padEnd(40, " ").concat("\n");
}

/** The deadline, or 0 when there is none to read. */
export function readLease(guardFolder: string): number {
  try {
    const [first, second] = readFileSync(join(guardFolder, "lease"), "latin1").trim().split(" ");
    return first !== undefined && first === second ? Number(first) : 0;
  } catch {
    return 0;
  }
}
