/** What a scenario's seeds came to, for people. */
import type { ExpectationSummary, Figures, ScenarioSummary } from "./summary.ts";
import { writeDuration } from "./duration.ts";
import type { ScenarioPlan } from "./scenario-plan.ts";
import { zonesOf } from "./whom.ts";

/** VMs whose times are told one by one; the longest come first. */
const VMS_MAX = 20;

export interface ScenarioReport {
  readonly plan: ScenarioPlan;
  readonly summary: ScenarioSummary;
  /** The command of one seed, with its events. */
  readonly commandOf: (seed: number) => string;
}

export function formatScenario({ plan, summary, commandOf }: ScenarioReport): string {
  const { worstSeed } = summary;
  const blocks = [
    heading(plan, summary),
    indent(summary.expectations.map((one) => formatExpectation(one, summary.seeds))),
    formatTrouble(summary, plan),
    formatFigures(summary),
    formatFindings(summary, plan),
    worstSeed === null ? "" : `See it: ${commandOf(worstSeed)}`,
    formatVerdict(plan, summary),
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function heading({ name, nodes, vms, durationMs, clients }: ScenarioPlan, { seeds }: ScenarioSummary): string {
  const zones = [...zonesOf(nodes)]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([zone, members]) => `${zone}: ${members.map((node) => nodes[node]?.name).join(" ")}`);
  const where = zones.length === 0 ? "" : ` (zone ${zones.join("; ")})`;
  const who = `${count(nodes.length, "node")}${where}, ${count(vms.length, "VM")}, ${count(clients.count, "client")}`;
  return `${name}: ${who}; ${writeDuration(durationMs)} under ${count(seeds, "seed")}`;
}

function formatExpectation(one: ExpectationSummary, seeds: number): string {
  const { title, kept, broken, notJudged, whyNotJudged, figures, seed } = one;
  const isKept = broken === 0 && kept > 0;
  const mark = isKept ? "✓" : "✗";
  const judged = seeds - notJudged;
  const often = judged === 0 ? `not judged: ${whyNotJudged}` : `kept in ${kept} of ${judged}`;
  const passed = judged > 0 && notJudged > 0 ? `, ${notJudged} not judged (${whyNotJudged})` : "";
  const measured = figures === null ? "" : `; ${formatWorst(figures)}`;
  const where = broken > 0 && (figures === null || figures.seed !== seed) ? `; broken by seed ${seed}` : "";
  const who = one.vms.length === 0 ? "" : `; ${one.vms.join(", ")}`;
  return `${mark} ${title}\n    ${often}${passed}${measured}${where}${who}`;
}

function formatWorst({ worstMs, isOpen, seed, medianMs }: Figures): string {
  if (worstMs === 0) return "never missed";
  const worst = isOpen ? `still so at the end, after ${seconds(worstMs)}` : seconds(worstMs);
  return `worst ${worst} (seed ${seed}), median ${seconds(medianMs)}`;
}

/** What was wrong beside expectations. */
function formatTrouble({ rules, neverUp, notStruck, unsettled, seeds }: ScenarioSummary, plan: ScenarioPlan): string {
  const lines = [
    ...rules.map(
      ({ rule, message, seed, seeds: met }) =>
        `✗ rule ${rule} was broken under ${count(met, "seed")} (seed ${seed}): ${message}. That is a fault of Blixard: please report it`,
    ),
    ...neverUp.map(
      ({ vm, reason, seeds: met }) => `! VM "${vm}" did not serve before any fault${of(met, seeds)}: ${reason}`,
    ),
    ...notStruck.map(({ fault, why, strikes }) => {
      const planned = (plan.faults.find(({ name }) => name === fault)?.atMs.length ?? 1) * seeds;
      return `! fault ${fault} did not strike ${strikes} of ${planned} times: ${why}`;
    }),
    ...(unsettled === null
      ? []
      : [
          `✗ two minutes after the last fault ended, ${unsettled.what} (seed ${unsettled.seed})${of(unsettled.seeds, seeds)}`,
        ]),
  ];
  return indent(lines);
}

function formatFigures({ vms, newLeader, writes, reads }: ScenarioSummary): string {
  const shown = vms.toSorted((one, other) => other.worstMs - one.worstMs).slice(0, VMS_MAX);
  const rows: readonly (readonly string[])[] = [
    ...shown.map(({ name, ...figures }) => ["VM down", name, ...cells(figures)]),
    ...(newLeader === null ? [] : [["new leader", "", ...cells(newLeader)]]),
    ...(writes === null ? [] : [["write waits", "", ...cells(writes)]]),
    ...(reads === null ? [] : [["read waits", "", ...cells(reads)]]),
  ];
  if (rows.length === 0) return "";
  const table = [["longest", "", "worst", "seed", "median"], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, column))
      .join("  ")
      .trimEnd(),
  );
  const hidden = vms.length - shown.length;
  return indent([...lines, ...(hidden > 0 ? [`and ${hidden} VMs that were down no longer`] : [])]);
}

/** Names to the left, figures to the right. */
function pad(cell: string, width: number, column: number): string {
  return column < 2 ? cell.padEnd(width) : cell.padStart(width);
}

function cells({ worstMs, isOpen, seed, medianMs }: Figures): readonly string[] {
  return [`${isOpen ? "> " : ""}${seconds(worstMs)}`, worstMs === 0 ? "" : String(seed), seconds(medianMs)];
}

function formatFindings({ findings, seeds }: ScenarioSummary, { vms: all }: ScenarioPlan): string {
  if (findings.length === 0) return "";
  const told = findings.map(({ vms, why, help, seed, seeds: met }) => {
    const who =
      vms.length === 0 ? "requests" : vms.length === all.length && vms.length > 1 ? "all VMs" : vms.join(", ");
    return `${who}: ${why}${seeds === 1 ? "" : ` (seed ${seed};${of(met, seeds)})`}\n    what would help: ${help}`;
  });
  return `Why\n${indent(told)}`;
}

function formatVerdict({ vms }: ScenarioPlan, { ok, expectations, rules, seeds }: ScenarioSummary): string {
  if (ok) return `Yes: everything expected holds under ${count(seeds, "seed")}.`;
  const broken = expectations.filter((one) => one.broken > 0 || one.kept === 0);
  const lost = new Set(broken.flatMap((one) => one.vms));
  const who =
    lost.size === 0
      ? ""
      : `: ${vms
          .filter(({ name }) => lost.has(name))
          .map(({ name }) => name)
          .join(", ")}`;
  if (rules.length > 0) return `No: a rule of the simulator was broken.`;
  if (broken.length === 0) return "No: it does not settle after the last fault.";
  return `No: ${broken.length} of ${count(expectations.length, "expectation")} ${broken.length === 1 ? "does" : "do"} not hold${who}.`;
}

function of(met: number, seeds: number): string {
  return seeds === 1 ? "" : ` under ${met} of ${seeds} seeds`;
}

function count(value: number, what: string): string {
  return `${value} ${what}${value === 1 ? "" : "s"}`;
}

function seconds(ms: number): string {
  if (ms === 0) return "0 s";
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 60_000).toFixed(1)} min`;
}

function indent(blocks: readonly string[]): string {
  return blocks.map((block) => `  ${block.replaceAll("\n", "\n  ")}`).join("\n");
}
