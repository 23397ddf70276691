/** What a run has seen, for people. */
import { RECOVERY_MS } from "./nemesis.ts";
import { CALM, type LongestTimes } from "./probe.ts";
import type { Counts } from "./recorder.ts";

export interface Report {
  readonly counts: Counts;
  readonly keys: number;
  /** How often, by name. */
  readonly faults: ReadonlyMap<string, number>;
  /** Without an acknowledged write, by the fault that stood. */
  readonly longest: ReadonlyMap<string, LongestTimes>;
  readonly longestStartMs: number;
  /** What the nodes said of themselves, and how often. */
  readonly events: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

export function formatReport({ counts, keys, faults, longest, longestStartMs, events, failures }: Report): string {
  const refused = [...counts.refused].map(([code, count]) => `${number(count)} ${code}`);
  const lines = [
    `operations    ${number(counts.operations)} on ${number(keys)} keys`,
    `acknowledged  ${number(counts.acknowledgedWrites)} writes, ${number(counts.reads)} reads`,
    `unknown       ${number(counts.unknown)}`,
    `refused       ${refused.length === 0 ? "0" : refused.join(", ")}`,
    "",
    row("", "", "longest time without", "an acknowledged write"),
    row("fault", "how often", "alone", "beside another"),
    ...[...faults.keys()].toSorted().map((name) => times(name, number(faults.get(name) ?? 0), longest.get(name))),
    times(CALM, "", longest.get(CALM)),
    "",
    `started       within ${seconds(longestStartMs)} at most, which is part of the times above`,
    `nodes said    ${Object.entries(events)
      .map(([what, count]) => `${number(count)} ${what}`)
      .join(", ")}`,
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

function times(name: string, count: string, longest: LongestTimes | undefined): string {
  return row(name, count, seconds(longest?.aloneMs), seconds(longest?.joinedMs));
}

function row(name: string, count: string, alone: string, joined: string): string {
  return `${name.padEnd(26)}${count.padStart(9)}  ${alone.padStart(22)} ${joined.padStart(21)}`.trimEnd();
}

function seconds(ms: number | undefined): string {
  return ms === undefined || ms === 0 ? "-" : `${(ms / 1000).toFixed(2)} s`;
}
