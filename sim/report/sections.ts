/** The parts that a page about a run is made of, each as markup: what is known of it, how it came to its end, the pictures, the tables. */
import type { FaultRow, Moment, RunRecord } from "../record/run-record.ts";
import { drawDiagram } from "./draw-diagram.ts";
import { drawOverview } from "./draw-overview.ts";
import { clockTime, count, length } from "./figures.ts";
import { escape } from "./markup.ts";
import type { Selection } from "./select-moments.ts";
import { laneName, whoIsMeant, wordsOf } from "./words.ts";

/** Faults that a table tells one by one. */
const FAULTS_MAX = 300;

/** A command that a page shows, and what it does. */
export interface ReportCommand {
  /** What it is for. */
  readonly what: string;
  readonly command: string;
}

export function factsSection(facts: readonly (readonly [string, string])[]): string {
  const rows = facts.map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`);
  return `<dl class="facts">${rows.join("\n")}</dl>`;
}

export function commandsSection(commands: readonly ReportCommand[]): string {
  return commands
    .map(({ what, command }) => `<p class="soft">${escape(what)}</p><pre>${escape(command)}</pre>`)
    .join("\n");
}

export function verdictSection(record: RunRecord): string {
  const { failure, endUs } = record;
  if (failure === null) return `<p class="clean">✓ Clean: every rule held, for ${length(endUs)}.</p>`;
  const { rule, message, atUs } = failure;
  const meant = whoIsMeant(message, record);
  return `<div class="verdict-box"><p><strong>✗ ${escape(rule)}</strong> does not hold, ${clockTime(atUs)} s after the start</p><p>${escape(message)}</p>${meant === null ? "" : `<p class="soft">(${escape(meant)})</p>`}</div>`;
}

/** Back from the failure, one cause at a time. */
export function causesSection({ causes }: Selection, record: RunRecord): string {
  if (causes.length < 2) return "";
  const steps = causes.map((moment) => `<li>${momentWords(moment, record)}</li>`);
  return `<h2>How it came to this</h2>
<p class="soft">Each moment follows from the one above it: its message was sent there, its write begun there. In the diagram the way is marked, and its arrows are thicker.</p>
<ol class="steps">${steps.join("\n")}</ol>`;
}

function momentWords(moment: Moment, record: RunRecord): string {
  const words = wordsOf(moment, record).map(escape).join("; ");
  return `<time>${clockTime(moment.atUs)}</time><b>${escape(laneName(moment.lane, record))}</b> ${words}`;
}

export function overviewSection(record: RunRecord, id: string): string {
  return `<h2>The whole run</h2>
<div class="scroll" tabindex="0">${drawOverview(record, id)}</div>`;
}

export interface DiagramSection {
  readonly id: string;
  readonly title: string;
}

export function diagramSection(record: RunRecord, selection: Selection, { id, title }: DiagramSection): string {
  const lanes = record.nodes.map((name) => `<option>${escape(name)}</option>`).join("");
  const svg = drawDiagram(record, selection, { id, title, isOnPage: true });
  return `<h2>What happened</h2>
<p>${escape(selection.told)}</p>
<p class="narrow soft">The diagram is wider than this window: move it sideways, or read the same in words below it.</p>
${LEGEND}
<figure class="run" style="margin: 0">
<div class="tools">
<label><input type="checkbox" data-dim="routine" checked> heartbeats and the like</label>
<label><input type="checkbox" data-dim="client" checked> clients</label>
<label>only <select data-lanes="1"><option value="">every lane</option>${lanes}</select></label>
<span><button type="button" data-zoom="0.8" aria-label="smaller">−</button> <button type="button" data-zoom="0">1:1</button> <button type="button" data-zoom="1.25" aria-label="larger">+</button></span>
</div>
<div class="scroll" tabindex="0">${svg}</div>
</figure>
<details><summary>The same in words</summary>
${wordsSection(record, selection)}
</details>`;
}

function wordsSection(record: RunRecord, { rows }: Selection): string {
  const items = rows.map((row) => {
    if (row.type === "fold") return `<li class="folded">⋮ ${escape(row.text)}</li>`;
    const isBroken = record.failure !== null && row.moment.number === record.failure.moment;
    return `<li${isBroken ? ' class="broken"' : ""}>${momentWords(row.moment, record)}</li>`;
  });
  return `<ol class="words">${items.join("\n")}</ol>`;
}

/** The bands that lie on lanes, and what is within them. */
const BANDS: Readonly<Record<string, string>> = {
  down: "down",
  paused: "paused",
  network: "left of a lane: its network",
  disk: "right of a lane: its disk",
  weather: "the whole network is worse",
};
const SAMPLES: Readonly<Record<string, string>> = {
  down: "M4 14L16 2M14 14L26 2M24 14L32 6",
  paused: "M2 5H32M2 11H32",
  network: "M4 2L16 14M14 2L26 14M24 2L32 10",
  disk: "M6 2V14M12 2V14M18 2V14M24 2V14M30 2V14",
  weather: "M6 5h.01M14 11h.01M22 5h.01M30 11h.01",
};

const sample = (drawn: string): string =>
  `<svg class="diagram" width="34" height="16" viewBox="0 0 34 16" aria-hidden="true">${drawn}</svg>`;

const LEGEND = `<ul class="legend" aria-label="Signs">
<li>${sample('<g class="arrow message"><path d="M2 3L26 12"/></g><path class="message-head" d="M22 7l8 6l-9 1z"/>')}a message, from when it was sent to when it came</li>
<li>${sample('<g class="arrow message lost"><path d="M2 3L20 9"/><path class="cross" d="M18 5l8 8m0 -8l-8 8"/></g>')}lost</li>
<li>${sample('<g class="arrow client"><path d="M2 8H30"/></g>')}clients</li>
<li>${sample('<g class="pill leader"><rect x="3" y="1" width="28" height="14" rx="7"/><text class="middle" x="17" y="12">L4</text></g>')}leads term 4 (C: candidate, P: pre-vote)</li>
<li>${sample('<g class="point life"><circle cx="17" cy="8" r="7"/><path class="cross" d="M13 4l8 8m0 -8l-8 8"/></g>')}ends (▸: starts)</li>
<li>${sample('<path class="point strike" d="M17 1l8 14h-16z"/>')}a fault, the operator</li>
<li>${sample('<rect class="point disk" x="13" y="4" width="8" height="8"/>')}disk</li>
<li>${sample('<circle class="point own" cx="17" cy="8" r="4"/>')}by itself (a timer)</li>
${["down", "paused", "network", "disk", "weather"].map((kind) => `<li>${sample(`<g class="${kind}-band"><rect class="band ${kind}-back" x="1" y="1" width="32" height="14" rx="2"/><path class="${kind}-line sample-line" d="${SAMPLES[kind]}"/></g>`)}${BANDS[kind]}</li>`).join("\n")}
</ul>`;

export function faultsSection(faults: readonly FaultRow[]): string {
  if (faults.length === 0) return "<h2>Faults</h2>\n<p>None struck.</p>";
  const shown = faults.slice(-FAULTS_MAX);
  const rows = shown.map(({ atUs, text, durationUs }) => {
    const lasts = durationUs === null ? "" : durationUs === Infinity ? "good" : length(durationUs);
    return `<tr><td class="number">${clockTime(atUs)}</td><td>${escape(text)}</td><td class="number">${lasts}</td></tr>`;
  });
  const less =
    shown.length < faults.length
      ? `<p class="soft">The last ${count(shown.length)} of ${count(faults.length)}.</p>`
      : "";
  const table = `<table><thead><tr><th class="number">seconds</th><th>what was done</th><th class="number">for</th></tr></thead><tbody>${rows.join("\n")}</tbody></table>`;
  const isLong = shown.length > 40;
  return `<h2>Faults</h2>
${less}${isLong ? `<details><summary>${count(shown.length)} faults, one by one</summary>${table}</details>` : table}`;
}

export function countsSection(title: string, counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).toSorted(([, one], [, other]) => other - one);
  if (sorted.length === 0) return "";
  const items = sorted.map(([name, value]) => `<li><span>${escape(name)}</span><b>${count(value)}</b></li>`);
  return `<h2>${escape(title)}</h2>\n<ul class="columns">${items.join("\n")}</ul>`;
}
