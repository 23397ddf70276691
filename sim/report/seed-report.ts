/** A seed of our own clusters as a run that can be told. */
import { replayCommand, formatOption } from "../run/report.ts";
import type { SeedResult } from "../run/run-result.ts";
import type { WatchedRun } from "../run/run-seed.ts";
import type { ReportedRun } from "./run-report.ts";
import type { ReportCommand } from "./sections.ts";

export interface SeedReportOptions {
  /** The version of the software. */
  readonly software: string;
  /** How it is run again, and what may help. Default: by its seed. */
  readonly commands?: readonly ReportCommand[];
}

/** What a page says of a seed. */
export function reportSeed({ result, record }: WatchedRun, { software, commands }: SeedReportOptions): ReportedRun {
  const { seed, profile, eventLogHash, events, turns, faults, marks } = result;
  const again = replayCommand(result);
  return {
    title: `Seed ${seed} (${profile})`,
    record,
    options: optionsOf(result),
    ...{ software, eventLogHash, events, turns, faults, marks },
    commands: commands ?? commandsFor(again, record.failure !== null),
  };
}

/** How a run is done again; and made short, where it failed. */
export function commandsFor(again: string, failed: boolean): readonly ReportCommand[] {
  return [
    { what: "Runs it again:", command: again },
    ...(failed ? [{ what: "Makes it short, and draws that:", command: `${again} --shrink --report short.html` }] : []),
  ];
}

function optionsOf({ seed, profile, nodes, durationMs, everyFault, vms }: SeedResult): ReportedRun["options"] {
  return [
    ["seed", String(seed)],
    ["profile", profile],
    ["nodes", String(nodes)],
    ["duration", formatOption(durationMs)],
    ...(vms === undefined ? [] : [["VMs", String(vms)] as const]),
    ...(everyFault === true ? [["faults", "every kind of the profile"] as const] : []),
  ];
}
