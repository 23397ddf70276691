/** What a run has seen, for people. */
import type { FaultKind } from "./fault.ts";
import { RECOVERY_MS } from "./nemesis.ts";
import type { Counts } from "./recorder.ts";

export interface Report {
  readonly counts: Counts;
  readonly keys: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** Milliseconds without an acknowledged write. */
  readonly longest: ReadonlyMap<FaultKind | "calm", number>;
  readonly failures: readonly string[];
}

export function formatReport({ counts, keys, faults, longest, failures }: Report): string {
  const refused = [...counts.refused].map(([code, count]) => `${number(count)} ${code}`);
  const lines = [
    `operations    ${number(counts.operations)} on ${number(keys)} keys`,
    `acknowledged  ${number(counts.acknowledgedWrites)} writes, ${number(counts.reads)} reads`,
    `unknown       ${number(counts.unknown)}`,
    `refused       ${refused.length === 0 ? "0" : refused.join(", ")}`,
    "",
    `fault         how often  longest time without an acknowledged write`,
    ...[...faults].map(
      ([kind, count]) => `${kind.padEnd(12)}  ${number(count).padStart(9)}  ${duration(longest.get(kind))}`,
    ),
    `${"none".padEnd(12)}  ${"".padStart(9)}  ${duration(longest.get("calm"))}`,
    "",
    ...(failures.length === 0
      ? [
          "The history is linearizable, no acknowledged write is lost, all nodes agree,",
          `and after each fault a new write was acknowledged within ${RECOVERY_MS / 1000} s.`,
        ]
      : failures.map((failure) => `✗ ${failure}`)),
  ];
  return lines.join("\n");
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function duration(ms: number | undefined): string {
  return ms === undefined ? "-" : `${(ms / 1000).toFixed(2)} s`;
}
