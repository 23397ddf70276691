/** Many runs as a page: what came of them all, each that failed, what was never reached. */
import type { SeedResult } from "../run/run-result.ts";
import type { Summary } from "../run/run-seeds.ts";
import { count, length, times } from "./figures.ts";
import { escape } from "./markup.ts";
import { formatPage } from "./page.ts";
import { runSections, type ReportedRun } from "./run-report.ts";
import { commandsSection, countsSection, factsSection, verdictSection, type ReportCommand } from "./sections.ts";

export interface ReportedSweep {
  /** `Seeds 1 to 2000` */
  readonly title: string;
  readonly totals: Pick<Summary, "seeds" | "simulatedMs" | "events" | "turns" | "faults" | "marks">;
  /** How many seeds each profile had. Default: there are none. */
  readonly profiles?: Readonly<Record<string, number>>;
  /** Marks that should have been reached. */
  readonly never: readonly string[];
  readonly seeds: SeedLines;
  /** The first failures, with their diagrams. */
  readonly drawn: readonly ReportedRun[];
  readonly software: string;
  readonly wallMs: number;
  readonly commands: readonly ReportCommand[];
  /** What else is to be known: that it was interrupted, that a seed has no result. */
  readonly notes: readonly string[];
}

/** What a table says of one run. */
export interface SeedLine {
  readonly seed: number;
  /** Null: they have none. */
  readonly profile: string | null;
  readonly nodes: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly eventLogHash: string;
  /** The rule that did not hold, and what it says; null: clean. */
  readonly failure: { readonly rule: string; readonly message: string } | null;
  /** How many faults struck. */
  readonly faults: number;
}

/** Failures that have a diagram: a page must open quickly, and the first of a kind says most. */
export const DRAWN_MAX = 5;

/** Seeds that the table tells one by one, of each kind of end. */
const LINES_MAX = 500;

/** Moments of each diagram, where a page holds several. */
const LIMITS = { whole: 200, busy: 260, last: 120, heavy: 80 } as const;

type AnyResult = Pick<
  SeedResult,
  "seed" | "nodes" | "simulatedMs" | "events" | "eventLogHash" | "failure" | "faults"
> & { readonly profile?: string };

/** The seeds of a sweep as lines of a table: of a long one the first of each kind of end, and how many there were. */
export class SeedLines {
  readonly failed: SeedLine[] = [];
  readonly clean: SeedLine[] = [];
  /** By rule. */
  readonly rules: Map<string, number> = new Map();
  failures = 0;

  add(result: AnyResult): void {
    const { seed, profile = null, nodes, simulatedMs, events, eventLogHash, failure: broken } = result;
    const faults = Object.values(result.faults).reduce((sum, times_) => sum + times_, 0);
    const failure = broken === undefined ? null : { rule: broken.invariant, message: broken.message };
    const lines = failure === null ? this.clean : this.failed;
    if (failure !== null) {
      this.failures += 1;
      this.rules.set(failure.rule, (this.rules.get(failure.rule) ?? 0) + 1);
    }
    if (lines.length >= LINES_MAX) return;
    lines.push({ seed, profile, nodes, simulatedMs, events, eventLogHash, failure, faults });
  }
}

/** The page of a sweep. Needs nothing but itself. */
export function formatSweepReport(sweep: ReportedSweep): string {
  const { title, totals, profiles = {}, never, seeds, software, wallMs, commands, drawn, notes } = sweep;
  const { simulatedMs, events, turns, marks, faults } = totals;
  const wallS = Math.max(wallMs, 1) / 1000;
  const body = `<main>
<h1>${escape(title)}</h1>
${verdict(totals.seeds, seeds.failures)}
${notes.map((note) => `<p><b>${escape(note)}</b></p>`).join("\n")}
${factsSection([
  ["seeds", count(totals.seeds)],
  [
    "simulated",
    `${length(simulatedMs * 1000)} in ${length(wallMs * 1000)}: ${count(simulatedMs / 1000 / wallS)} simulated seconds a second`,
  ],
  ["events", `${count(events)} (${count(events / wallS)} a second), ${count(turns)} turns of actors`],
  ["software", `Blixard ${software}`],
])}
${commandsSection(commands)}
${rulesSection(seeds)}
${countsSection("Profiles", profiles)}
${neverSection(never, totals.seeds)}
${countsSection("Reached, over all seeds", marks)}
${countsSection("Faults, over all seeds", faults)}
${seedsSection(seeds, totals.seeds)}
${drawn.map((run, at) => failureSection(run, `run${at + 1}`)).join("\n")}
</main>`;
  return formatPage({ title: `${title}: ${seeds.failures === 0 ? "all clean" : `${seeds.failures} failed`}`, body });
}

function verdict(seeds: number, failures: number): string {
  if (failures === 0) return `<p class="clean">✓ ${times(seeds, "seed")}: all clean.</p>`;
  return `<div class="verdict-box"><p><strong>✗ ${count(failures)} of ${times(seeds, "seed")} failed</strong></p></div>`;
}

/** Seeds that a row of rules names. */
const NAMED_MAX = 12;

/** Failures by their rule, the most frequent first. */
function rulesSection({ failed, rules }: SeedLines): string {
  if (rules.size === 0) return "";
  const rows = [...rules]
    .toSorted(([, one], [, other]) => other - one)
    .map(([rule, seeds]) => {
      const known = failed.filter(({ failure }) => failure?.rule === rule);
      const named = known.slice(0, NAMED_MAX).map(({ seed }) => seed);
      const more = seeds > named.length ? `, and ${count(seeds - named.length)} more` : "";
      const said = known[0]?.failure?.message ?? "";
      return `<tr><td><b>${escape(rule)}</b></td><td class="number">${count(seeds)}</td><td>${named.join(", ")}${more}</td><td>${escape(said)}</td></tr>`;
    });
  return `<h2>What failed</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th>rule</th><th class="number">seeds</th><th>which</th><th>the first says</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function neverSection(never: readonly string[], seeds: number): string {
  const told =
    never.length === 0
      ? "Nothing: all that these profiles are for has happened."
      : `${never.join(", ")}. Profiles are for these, and none of the ${times(seeds, "seed")} has reached them: the sweep has shown less than it seems to.`;
  return `<h2>Never reached</h2>\n<p>${escape(told)}</p>`;
}

function seedsSection({ failed, clean }: SeedLines, seeds: number): string {
  const shown = [...failed, ...clean];
  const hasProfiles = shown.some(({ profile }) => profile !== null);
  const rows = shown.map(({ seed, profile, nodes, failure, simulatedMs, events, faults, eventLogHash }) => {
    const end = failure === null ? "clean" : `<b>✗ ${escape(failure.rule)}</b>`;
    return `<tr><td class="number">${seed}</td><td>${end}</td>${hasProfiles ? `<td>${escape(profile ?? "")}</td>` : ""}<td class="number">${nodes}</td><td class="number">${count(faults)}</td><td class="number">${length(simulatedMs * 1000)}</td><td class="number">${count(events)}</td><td><code>${escape(eventLogHash)}</code></td></tr>`;
  });
  const less =
    shown.length < seeds
      ? `<p class="soft">${count(shown.length)} of ${count(seeds)}: the first that failed, then the first clean ones.</p>`
      : "";
  return `<h2>Seeds</h2>
${less}<details${shown.length <= OPEN_MAX ? " open" : ""}><summary>${times(shown.length, "seed")}, one by one</summary>
<div class="scroll" tabindex="0"><table><thead><tr><th class="number">seed</th><th>end</th>${hasProfiles ? "<th>profile</th>" : ""}<th class="number">nodes</th><th class="number">faults</th><th class="number">simulated</th><th class="number">events</th><th>event log</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div></details>`;
}

/** A table of so many rows is open at first. */
const OPEN_MAX = 60;

function failureSection(run: ReportedRun, id: string): string {
  return `<hr>
<h1 id="${id}">${escape(run.title)}</h1>
${verdictSection(run.record)}
${runSections(run, id, LIMITS)}`;
}
