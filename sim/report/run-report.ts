/** A run as a page: what was run, how it ended and how it came to that, the diagram, what struck, what was reached. Made of a record alone. */
import type { RunRecord } from "../record/run-record.ts";
import { count, length } from "./figures.ts";
import { escape } from "./markup.ts";
import { formatPage } from "./page.ts";
import {
  causesSection,
  commandsSection,
  countsSection,
  diagramSection,
  factsSection,
  faultsSection,
  overviewSection,
  verdictSection,
  type ReportCommand,
} from "./sections.ts";
import { selectMoments, type SelectionLimits } from "./select-moments.ts";

/** What a page says of a run beside its record; whoever ran it knows. */
export interface ReportedRun {
  /** `Seed 4711 (elections)` */
  readonly title: string;
  readonly record: RunRecord;
  /** What was asked for, in the order in which it is told. */
  readonly options: readonly (readonly [name: string, value: string])[];
  /** The version of the software. Default: nothing is said. */
  readonly software?: string;
  /** Of the event log. */
  readonly eventLogHash: string;
  /** Lines of the event log. */
  readonly events: number;
  /** Turns of actors. */
  readonly turns: number;
  /** How often each kind of fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
  /** What was reached. */
  readonly marks: Readonly<Record<string, number>>;
  /** How it is run again, and what may help. */
  readonly commands: readonly ReportCommand[];
}

/** The page of one run. Needs nothing but itself. */
export function formatRunReport(run: ReportedRun): string {
  const { title, record } = run;
  const body = `<main>
<h1>${escape(title)}</h1>
${verdictSection(record)}
${runSections(run, "run")}
</main>`;
  const end = record.failure === null ? "clean" : record.failure.rule;
  return formatPage({ title: `${title}: ${end}`, body });
}

/** What a page says of a run, below its title. `id` begins the ids within it. */
export function runSections(run: ReportedRun, id: string, limits: Partial<SelectionLimits> = {}): string {
  const { record, options, software, eventLogHash, events, turns, faults, marks, commands, title } = run;
  const selection = selectMoments(record, limits);
  return [
    factsSection([
      ...options,
      ["simulated", length(record.endUs)],
      ["events", `${count(events)}, ${count(turns)} turns of actors`],
      ...(software === undefined ? [] : [["software", `Blixard ${software}`] as const]),
      ["event log", eventLogHash],
    ]),
    commandsSection(commands),
    causesSection(selection, record),
    overviewSection(record, id),
    diagramSection(record, selection, { id, title: `${title}: sequence diagram` }),
    faultsSection(record.faults),
    countsSection("Kinds of faults", faults),
    countsSection("Reached", marks),
    countsSection("Messages between nodes", record.messages),
  ].join("\n");
}
