/**
 * How long a guest is away while it moves between two drivers, by its own counter (line-watch.ts), while it writes to memory all the time. Beside it,
 * how far apart lines are while nothing happens.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { InstanceLaunch } from "../../runtime/index.ts";
import { COUNTING, LineWatch } from "./line-watch.ts";
import { launchOf, type MeasuredHost } from "./measured-host.ts";

const LIMITS = { bandwidthBytesPerSecond: 1_000_000_000, downtimeMs: 40, autoConverge: true, timeoutMs: 60_000 };
const QUIET_MS = 1_000;
const LINE_MS = 10_000;

export interface Move {
  readonly blackoutMs: number;
  /** Longest time between two lines in the second before. */
  readonly usualMs: number;
  /** As QEMU tells it. */
  readonly downtimeMs: number;
  readonly totalMs: number;
}

/** Moves the guest of `from` to `to`, where it goes on as `instance` too. */
export async function move(from: MeasuredHost, to: MeasuredHost, instance: string): Promise<Move> {
  const watch = new LineWatch({ from: from.console(instance), to: to.console(instance) });
  try {
    await delay(QUIET_MS);
    const usualMs = watch.longestGapMs;
    const launch: InstanceLaunch = launchOf(instance, { type: "migration", listenAddress: "127.0.0.1" }, COUNTING);
    const { incoming } = await to.start(launch);
    if (incoming === undefined) throw new Error("It does not listen");
    const startMs = performance.now();
    const request = { instance, to: incoming, limits: LIMITS, onProgress: () => undefined };
    const sent = from.verb<{ downtimeMs: number }>((done) => from.hypervisor.verbs.migrate(request, done));
    await to.event("arrived", instance);
    await to.verb((done) => to.hypervisor.verbs.resume(instance, done));
    const totalMs = performance.now() - startMs;
    const { downtimeMs } = await sent;
    await watch.arrived(LINE_MS);
    return { blackoutMs: watch.handoverMs, usualMs, downtimeMs, totalMs };
  } finally {
    watch.close();
  }
}
