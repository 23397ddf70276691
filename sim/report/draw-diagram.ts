/**
 * A sequence diagram as SVG that needs nothing else. Every colour says what a shape, a letter or a word beside it says, too; titles hold the
 * details for who points at something or has it read aloud.
 */
import type { RunRecord } from "../record/run-record.ts";
import {
  HEADER,
  layOut,
  LINE,
  type Band,
  type DiagramLayout,
  type PlacedMoment,
  type PlacedRow,
  type RoleBar,
  type Verdict,
} from "./diagram-layout.ts";
import { diagramStyle } from "./diagram-style.ts";
import { escape } from "./markup.ts";
import type { Arrow } from "./place-arrows.ts";
import type { Selection } from "./select-moments.ts";

export interface DiagramOptions {
  /** Begins the ids within it: several diagrams may share a page. Default: `run`. */
  readonly id?: string;
  /** What it is a picture of, for who cannot see it. */
  readonly title: string;
  /** The page that it stands in has its style. Default: it is a file of its own, and has it itself. */
  readonly isOnPage?: boolean;
}

/** The diagram as a whole file of SVG, which may as well stand in a page. */
export function drawDiagram(record: RunRecord, selection: Selection, options: DiagramOptions): string {
  const { id = "run", title, isOnPage = false } = options;
  const layout = layOut(record, selection);
  const { width, height, lanes, lanesTop, lanesBottom, headers, rows, arrows, bands, roles, verdict } = layout;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="diagram sequence" viewBox="0 0 ${width} ${round(height)}" width="${width}" height="${round(height)}" role="img" aria-labelledby="${id}-title ${id}-desc">`,
    `<title id="${id}-title">${escape(title)}</title>`,
    `<desc id="${id}-desc">${escape(describe(record, selection))}</desc>`,
    ...(isOnPage ? [] : [`<style>${diagramStyle()}</style>`]),
    ...patterns(id),
    `<rect class="back" width="${width}" height="${round(height)}"/>`,
    ...rows.flatMap((row, at) => backOf(row, at, layout)),
    ...lanes.map(({ x }) => `<line class="lane" x1="${x}" x2="${x}" y1="${lanesTop}" y2="${round(lanesBottom)}"/>`),
    ...bands.map((band) => drawBand(band, id)),
    ...roles.map(drawRole),
    ...(verdict === null ? [] : drawReach(verdict)),
    ...arrows.map((arrow) => drawArrow(arrow, id)),
    ...rows.flatMap((row) => drawRow(row, layout)),
    ...headers.flatMap((top) => drawHeader(top, layout)),
    ...(verdict === null ? [] : drawVerdict(verdict, layout)),
    "</svg>",
  ].join("\n");
}

function describe({ nodes, failure }: RunRecord, { rows, told }: Selection): string {
  const end = failure === null ? "Nothing was broken" : `It ends where ${failure.rule} does not hold`;
  return `Time runs down; a lane for each of ${nodes.join(", ")}; ${rows.length} rows. ${end}. ${told}`;
}

function patterns(id: string): readonly string[] {
  const hatch = (name: string, kind: string, size: number, path: string): string =>
    `<pattern id="${id}-${name}" width="${size}" height="${size}" patternUnits="userSpaceOnUse"><rect class="${kind}-back" width="${size}" height="${size}"/><path class="${kind}-line" d="${path}"/></pattern>`;
  return [
    "<defs>",
    hatch("down", "down", 8, "M0 8L8 0M-2 2L2 -2M6 10L10 6"),
    hatch("paused", "paused", 6, "M0 3H6"),
    hatch("network", "network", 6, "M0 0L6 6M-1 5L1 7M5 -1L7 1"),
    hatch("disk", "disk", 5, "M2.5 0V5"),
    hatch("weather", "weather", 8, "M2 2h.01M6 6h.01"),
    ...["message", "client", "cause"].map(
      (kind) =>
        `<marker id="${id}-${kind}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="${kind}-head" d="M0 .5L8 4L0 7.5z"/></marker>`,
    ),
    "</defs>",
  ];
}

/** Every second row is tinted, so that the eye keeps the line from a lane to its words. */
function backOf(row: PlacedRow, at: number, { width }: DiagramLayout): readonly string[] {
  if (row.type === "fold") {
    const { top, height } = row;
    return [`<rect class="fold-back" x="0" y="${round(top + 4)}" width="${width}" height="${height - 8}"/>`];
  }
  const kind = row.isFailure ? "failed" : row.isCause ? "cause" : at % 2 === 1 ? "odd" : "";
  return kind === ""
    ? []
    : [`<rect class="row-${kind}" x="0" y="${round(row.top)}" width="${width}" height="${round(row.height)}"/>`];
}

function drawHeader(top: number, { lanes, width, wordsX }: DiagramLayout): readonly string[] {
  const y = top + HEADER - 11;
  return [
    `<rect class="header" x="0" y="${round(top)}" width="${width}" height="${HEADER}"/>`,
    `<text class="head" x="12" y="${round(y)}">seconds</text>`,
    ...lanes.map(
      ({ name, short, x }) =>
        `<text class="head middle" x="${x}" y="${round(y)}">${escape(short)}${short === name ? "" : `<title>${escape(name)}</title>`}</text>`,
    ),
    `<text class="head" x="${wordsX}" y="${round(y)}">what happened</text>`,
  ];
}

/** What a band says in a letter, where it is high enough for one. */
const BAND_WORDS = { down: "down", paused: "paused", network: "", disk: "", weather: "weather" } as const;

function drawBand({ kind, x, width, top, bottom, title }: Band, id: string): string {
  const word = BAND_WORDS[kind];
  const label =
    word !== "" && bottom - top > 40 && width > 30
      ? `<text class="band-word middle" x="${x + width / 2}" y="${round(top + 26)}">${word}</text>`
      : "";
  const rect = `<rect class="band" x="${x}" y="${round(top)}" width="${width}" height="${round(bottom - top)}" fill="url(#${id}-${kind})" rx="2"/>`;
  return `<g class="${kind}-band"><title>${escape(title)}</title>${rect}${label}</g>`;
}

function drawRole({ role, x, top, bottom, title }: RoleBar): string {
  const width = role === "leader" ? 9 : 4;
  return `<rect class="role ${role}" x="${x - width / 2}" y="${round(top)}" width="${width}" height="${round(bottom - top)}"><title>${escape(title)}</title></rect>`;
}

function drawArrow({ fromX, fromY, toX, toY, end, kind, isRoutine, isCause, title }: Arrow, id: string): string {
  const classes = ["arrow", kind, ...(isRoutine ? ["routine"] : []), ...(isCause ? ["led"] : []), end].join(" ");
  const head = end === "arrives" || end === "folded" ? ` marker-end="url(#${id}-${isCause ? "cause" : kind})"` : "";
  const path = `<path d="M${fromX} ${round(fromY)}L${round(shortened(fromX, toX))} ${round(toY)}"${head}/>`;
  const x = round(toX);
  const y = round(toY);
  const cross = end === "lost" ? `<path class="cross" d="M${x - 4} ${y - 4}l8 8m0 -8l-8 8"/>` : "";
  const dots = end === "under-way" ? `<circle class="dots" cx="${x}" cy="${y}" r="2.5"/>` : "";
  return `<g class="${classes}"><title>${escape(title)}</title>${path}${cross}${dots}</g>`;
}

/** Ends at the rim of the point on the lane. */
function shortened(fromX: number, toX: number): number {
  return toX + Math.sign(fromX - toX) * 5;
}

function drawRow(row: PlacedRow, layout: DiagramLayout): readonly string[] {
  if (row.type === "fold") {
    const { y, text } = row;
    const lanesEnd = layout.wordsX - 14;
    return [
      `<g class="fold"><path class="tear" d="${tear(150, lanesEnd, y)}"/>`,
      `<text class="fold-word" x="${layout.wordsX}" y="${round(y + 4)}">${escape(text)}</text></g>`,
    ];
  }
  const baseline = row.y + 4;
  const gap = " ".repeat(row.name.length + 2);
  return [
    `<g class="moment${row.isFailure ? " is-failure" : ""}" data-lane="${escape(row.lane)}">`,
    `<text class="time" x="12" y="${round(baseline)}">${row.time}</text>`,
    ...(row.later === "" ? [] : [`<text class="later" x="146" y="${round(baseline)}">${row.later}</text>`]),
    drawPoint(row),
    ...row.lines.map((line, at) => {
      const y = round(baseline + at * LINE);
      const [name, words] = at === 0 ? [`<tspan class="name">${escape(row.name)}</tspan>  `, line] : [gap, line];
      return `<text class="words" x="${layout.wordsX}" y="${y}" xml:space="preserve">${name}${escape(words)}</text>`;
    }),
    "</g>",
  ];
}

/** A shape for each kind of thing: what comes is a dot, what a node does by itself a ring, what happens to a disk a square, … */
function drawPoint({ moment, x, y }: PlacedMoment): string {
  const role = moment.facts.find((fact) => fact.type === "role" && fact.role !== "follower");
  if (role?.type === "role") {
    const letter = role.role === "leader" ? "L" : role.role === "candidate" ? "C" : "P";
    const text = `${letter}${role.term}`;
    const width = 10 + text.length * 7;
    return `<g class="pill ${role.role}"><rect x="${x - width / 2}" y="${y - 8}" width="${width}" height="16" rx="8"/><text class="middle" x="${x}" y="${y + 4}">${text}</text></g>`;
  }
  const said = moment.facts.filter((fact) => fact.type === "said");
  const life = said.find(({ kind }) => kind === "life");
  if (life !== undefined) {
    const isStart = /^(starts|goes on)/.test(life.text);
    const sign = isStart
      ? `<path d="M${x - 3} ${y - 4}l7 4l-7 4z"/>`
      : `<path class="cross" d="M${x - 4} ${y - 4}l8 8m0 -8l-8 8"/>`;
    return `<g class="point life"><circle cx="${x}" cy="${y}" r="8"/>${sign}</g>`;
  }
  if (said.some(({ kind }) => kind === "fault" || kind === "operator")) {
    return `<path class="point strike" d="M${x} ${y - 8}l8 14h-16z"/>`;
  }
  if (moment.facts.some(({ type }) => type === "receive"))
    return `<circle class="point came" cx="${x}" cy="${y}" r="4"/>`;
  if (said.some(({ kind }) => kind === "client"))
    return `<path class="point asks" d="M${x} ${y - 5}l5 5l-5 5l-5 -5z"/>`;
  if (said.some(({ kind }) => kind === "disk"))
    return `<rect class="point disk" x="${x - 4}" y="${y - 4}" width="8" height="8"/>`;
  return `<circle class="point own" cx="${x}" cy="${y}" r="4"/>`;
}

/** From the moment that broke the rule down to what is said of it. */
function drawReach({ xs, fromY, top }: Verdict): readonly string[] {
  return xs.map((x) => `<line class="reach" x1="${x}" x2="${x}" y1="${round(fromY)}" y2="${round(top)}"/>`);
}

function drawVerdict({ top, height, title, lines }: Verdict, { width }: DiagramLayout): readonly string[] {
  return [
    `<g class="verdict"><rect x="12" y="${round(top)}" width="${width - 24}" height="${round(height)}" rx="6"/>`,
    `<text class="rule" x="26" y="${round(top + 22)}">${escape(title)}</text>`,
    ...lines.map((line, at) => {
      return `<text class="words" x="26" y="${round(top + 22 + (at + 1) * LINE)}" xml:space="preserve">${escape(line)}</text>`;
    }),
    "</g>",
  ];
}

/** A torn edge from one place to another. */
function tear(from: number, to: number, y: number): string {
  let path = `M${from} ${round(y)}`;
  for (let x = from, up = true; x + 8 <= to; x += 8, up = !up) path += `l8 ${up ? -4 : 4}`;
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
