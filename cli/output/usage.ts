/**
 * What a VM uses now: the difference of two readings of its counters, by its node's clock, not by ours.
 *
 * Readings of two instances, or of one whose guest was started again in between, have no difference; what one of them does not know has no rate.
 */
import type { VmMetrics } from "../../api/index.ts";

/** A second. */
export interface Rates {
  /** 100: one processor, all of the time. */
  readonly cpuPercent: number;
  readonly readBytes?: number;
  readonly writtenBytes?: number;
  readonly receivedBytes?: number;
  readonly sentBytes?: number;
}

const COUNTERS = ["readBytes", "writtenBytes", "receivedBytes", "sentBytes"] as const;

export function ratesOf(before: VmMetrics | undefined, after: VmMetrics): Rates | undefined {
  if (before?.usage === undefined || after.usage === undefined || before.instance !== after.instance) return undefined;
  const spanMs = after.atMs - before.atMs;
  const cpuMs = after.usage.cpuMs - before.usage.cpuMs;
  if (before.node !== after.node || spanMs <= 0 || cpuMs < 0) return undefined;
  const rates: Record<string, number> = {};
  for (const name of COUNTERS) {
    const [from, to] = [before.usage[name], after.usage[name]];
    if (from !== undefined && to !== undefined && to >= from) rates[name] = ((to - from) * 1000) / spanMs;
  }
  return { ...rates, cpuPercent: (cpuMs * 100) / spanMs };
}

/** By VM and instance, as `ratesOf` compares them. */
export function readingsByInstance(readings: readonly VmMetrics[]): ReadonlyMap<string, VmMetrics> {
  return new Map(readings.map((reading) => [reading.instance, reading]));
}
