/** Judges a guest by its health checks: a pure fold over their results. */
import type { VmHealth } from "../resources/index.ts";

export interface Health {
  readonly verdict: "unknown" | "healthy" | "unhealthy";
  readonly failures: number;
  /** When the guest was started, on the monotonic clock. */
  readonly startedMs: number;
}

/** How soon a guest that was never healthy is asked again: a start should be noticed when it happens. */
const EAGER_INTERVAL_MS = 200;

export function newHealth(startedMs: number): Health {
  return { verdict: "unknown", failures: 0, startedMs };
}

/** Failures within `startMs` of the start are expected and do not count. */
export function judge(
  health: Health,
  check: VmHealth,
  probe: { readonly ok: boolean; readonly nowMs: number },
): Health {
  if (probe.ok) return { ...health, verdict: "healthy", failures: 0 };
  if (health.verdict === "unknown" && probe.nowMs - health.startedMs < check.startMs) return health;
  const failures = health.failures + 1;
  return { ...health, failures, verdict: failures >= check.failuresMax ? "unhealthy" : health.verdict };
}

export function nextProbeMs(health: Health, check: VmHealth): number {
  return health.verdict === "unknown" ? Math.min(EAGER_INTERVAL_MS, check.intervalMs) : check.intervalMs;
}
