/**
 * A VM's conditions: what holds of it and what does not, since when, and why, each read off its status and the cluster's events.
 *
 * Events are a ring, so of what has held for long nobody may know any more since when; then that is empty, never a guess.
 */
import type { Event, Vm } from "../../actors/index.ts";
import { formatAge } from "./duration.ts";
import { formatBytes } from "./size.ts";
import { renderTable, type Column } from "./table.ts";

export interface Condition {
  readonly name: "Scheduled" | "Started" | "Healthy" | "Paused" | "Migrating";
  /** `unknown`: nobody asks, or has an answer yet. */
  readonly holds: "yes" | "no" | "unknown";
  /** Wall-clock milliseconds, by whoever proposed it. */
  readonly sinceMs?: number;
  /** Empty when there is nothing to say. */
  readonly why: string;
}

/** `events`: those about the VM are picked. */
export function conditionsOf(vm: Vm, events: readonly Event[]): readonly Condition[] {
  const own = events
    .filter(({ spec }) => spec.regarding.kind === "Vm" && spec.regarding.name === vm.metadata.name)
    .toSorted((a, b) => a.metadata.version - b.metadata.version);
  const placed = own.findLastIndex(({ spec }) => spec.reason === "Scheduled");
  // What was said of an instance before this one says nothing of it.
  const since = lastOf(placed === -1 ? own : own.slice(placed));
  return [scheduled(vm, since), started(vm, since), healthy(vm, since), paused(vm, since), migrating(vm, since)];
}

const COLUMNS = (nowMs: number): readonly Column<Condition>[] => [
  { heading: "CONDITION", cell: ({ name }) => name },
  { heading: "HOLDS", cell: ({ holds }) => holds },
  { heading: "FOR", cell: ({ sinceMs }) => (sinceMs === undefined ? "" : formatAge(nowMs - sinceMs)) },
  { heading: "WHY", cell: ({ why }) => why },
];

export function renderConditions(vm: Vm, events: readonly Event[], nowMs: number): string {
  return renderTable(COLUMNS(nowMs), conditionsOf(vm, events));
}

type Since = (...reasons: readonly string[]) => { readonly sinceMs?: number };

function lastOf(events: readonly Event[]): Since {
  return (...reasons) => {
    const found = events.findLast(({ spec }) => reasons.includes(spec.reason));
    return found === undefined ? {} : { sinceMs: found.spec.atMs };
  };
}

function scheduled({ status, metadata }: Vm, since: Since): Condition {
  const name = "Scheduled";
  const { instance, phase, message, sinceMs } = status;
  if (instance === null) return { name, holds: "no", sinceMs, why: message === "" ? `it is ${phase}` : message };
  const generation = instance.generation === metadata.generation ? "" : ", by an older generation of its spec";
  return { name, holds: "yes", ...since("Scheduled", "Migrated"), why: `on node ${instance.node}${generation}` };
}

function started({ status: { instance, phase, message, restarts, sinceMs } }: Vm, since: Since): Condition {
  const name = "Started";
  if (phase !== "Running" && phase !== "Paused") {
    return { name, holds: "no", sinceMs, why: instance === null ? `it is ${phase}` : message || `it is ${phase}` };
  }
  const why = restarts === 0 ? "" : `${restarts} starts after the first`;
  return { name, holds: "yes", ...since("Started", "Adopted"), why };
}

function healthy({ spec, status: { phase, health, sinceMs, message } }: Vm, since: Since): Condition {
  const name = "Healthy";
  if (spec.health === undefined) return { name, holds: "unknown", why: "it has no health check" };
  if (phase !== "Running") return { name, holds: "unknown", sinceMs, why: `nobody asks while it is ${phase}` };
  if (health === "healthy") return { name, holds: "yes", ...since("Healthy"), why: "" };
  if (health === "unhealthy") return { name, holds: "no", ...since("Unhealthy"), why: message };
  return { name, holds: "unknown", sinceMs, why: "its check has no answer yet" };
}

function paused({ status: { instance, phase } }: Vm, since: Since): Condition {
  const name = "Paused";
  const isWanted = instance?.paused === true;
  if (phase === "Paused") return { name, holds: "yes", ...since("Pausing"), why: isWanted ? "" : "it is to go on" };
  return {
    name,
    holds: "no",
    ...(isWanted ? since("Pausing") : since("Resuming")),
    why: isWanted ? "it is to stand still" : "",
  };
}

function migrating({ status: { migration, lastMigration } }: Vm, since: Since): Condition {
  const name = "Migrating";
  if (migration !== undefined) {
    const { phase, node, progress } = migration;
    const left = progress === undefined ? "" : `, ${formatBytes(progress.remainingBytes)} left`;
    return { name, holds: "yes", ...since("Migrating"), why: `${phase} to ${node}${left}` };
  }
  const why = lastMigration?.outcome === "ended" ? `the last one ended: ${lastMigration.message}` : "";
  return { name, holds: "no", ...since("Migrated", "MigrationEnded"), why };
}
