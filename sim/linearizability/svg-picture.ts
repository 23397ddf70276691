/**
 * A counterexample as a picture: a file that needs nothing else, as SVG or as a page of HTML, in the colours that the reader's system is set to.
 *
 * A lane for each client, a box for each operation from its call to its return, numbers where each took effect in the longest order that
 * explains the others, and in red what has no place in any.
 */
import type { Counterexample } from "./counterexample.ts";
import { describeCounterexample, whatIsImpossible, type HistoryClock } from "./describe-counterexample.ts";
import type { AnyModel, Model } from "./model.ts";
import { layOut, type PictureLayout, type PlacedOperation } from "./picture-layout.ts";

/** How a picture tells times. */
export interface SvgPictureOptions {
  /** Default: microseconds. */
  readonly clock?: HistoryClock;
}

const LANE_HEIGHT = 52;
const BOX_HEIGHT = 30;
const TOP = 64;
/** Of 13 px in the widest of the usual fonts. */
const LETTER_WIDTH = 7.9;
const MARGIN = 16;

const STYLE = `
svg { --back: #ffffff; --ink: #1c2430; --faint: #d8dee6; --box: #dbe8f7; --edge: #2f6db5; --bad: #fbdcd8; --bad-edge: #c0261a; --mark: #14532d; }
@media (prefers-color-scheme: dark) {
  svg { --back: #11161d; --ink: #e6edf3; --faint: #303a46; --box: #17324f; --edge: #6cb0ff; --bad: #4d1a16; --bad-edge: #ff8074; --mark: #9be9a8; }
}
.back { fill: var(--back); }
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: var(--ink); }
.title { font-weight: 700; }
.lane { stroke: var(--faint); }
.box { fill: var(--box); stroke: var(--edge); stroke-width: 1.5; }
.unknown { stroke-dasharray: 5 4; }
.impossible { fill: var(--bad); stroke: var(--bad-edge); stroke-width: 2.5; }
.order { fill: none; stroke: var(--mark); stroke-width: 1.5; stroke-dasharray: 2 3; }
.mark { fill: var(--mark); }
.number { fill: var(--back); font-size: 11px; font-weight: 700; text-anchor: middle; }
.cross { fill: var(--bad-edge); font-weight: 700; }`;

/** The counterexample as a whole file of SVG. */
export function svgPicture<State, Input, Output>(
  model: Model<State, Input, Output>,
  counterexample: Counterexample<State, Input, Output>,
  { clock = "microseconds" }: SvgPictureOptions = {},
): string {
  const layout = layOut(model, counterexample, { widthOf: (label) => label.length * LETTER_WIDTH + 26, gap: 26 });
  const left = MARGIN + Math.max(0, ...layout.lanes.map(({ length }) => length)) * LETTER_WIDTH;
  const notes = notesOf(model, counterexample, clock);
  const { key } = counterexample;
  const title = `Not linearizable${key === null ? "" : `: key "${key}"`}`;
  const textWidth = Math.max(title.length, ...notes.map(({ length }) => length)) * LETTER_WIDTH;
  const width = Math.ceil(Math.max(left + layout.width + 40, textWidth + 2 * MARGIN));
  const lanesEnd = TOP + layout.lanes.length * LANE_HEIGHT;
  const height = lanesEnd + 20 + notes.length * 20 + MARGIN;
  const centerOf = (lane: number): number => TOP + lane * LANE_HEIGHT + LANE_HEIGHT / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="back" width="${width}" height="${height}"/>`,
    `<text class="title" x="${MARGIN}" y="30">${escape(title)}</text>`,
    ...layout.lanes.flatMap((client, lane) => [
      `<line class="lane" x1="${left}" x2="${width - MARGIN}" y1="${centerOf(lane)}" y2="${centerOf(lane)}"/>`,
      `<text x="${MARGIN}" y="${centerOf(lane) + 4}">${escape(client)}</text>`,
    ]),
    ...layout.operations.flatMap((one) => drawBox(one, left, centerOf(one.lane))),
    ...drawOrder(layout, left, centerOf),
    ...notes.map((note, at) => `<text x="${MARGIN}" y="${lanesEnd + 28 + at * 20}">${escape(note)}</text>`),
    "</svg>",
    "",
  ].join("\n");
}

/** The same on a page, with its words below it. */
export function htmlPicture<State, Input, Output>(
  model: Model<State, Input, Output>,
  counterexample: Counterexample<State, Input, Output>,
  options: SvgPictureOptions = {},
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Not linearizable</title>
<style>
body { margin: 1.5rem; font: 15px system-ui, sans-serif; }
svg { max-width: 100%; height: auto; }
pre { font: 13px ui-monospace, monospace; overflow-x: auto; }
</style>
</head>
<body>
${svgPicture(model, counterexample, options)}
<pre>${escape(describeCounterexample(model, counterexample, options.clock))}</pre>
</body>
</html>
`;
}

function drawBox<Input, Output>(
  { label, from, to, isUnknown, isImpossible }: PlacedOperation<Input, Output>,
  left: number,
  center: number,
): readonly string[] {
  const x = left + from;
  const width = to - from;
  const kind = `box${isUnknown ? " unknown" : ""}${isImpossible ? " impossible" : ""}`;
  const y = center - BOX_HEIGHT / 2;
  return [
    `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${BOX_HEIGHT}" rx="5"/>`,
    `<text x="${x + 12}" y="${center + 4}">${escape(label)}</text>`,
    ...(isImpossible ? [`<text class="cross" x="${x + width + 8}" y="${center + 5}">✗</text>`] : []),
    ...(isUnknown ? [`<text x="${x + width + 8}" y="${center + 5}">?</text>`] : []),
  ];
}

function drawOrder<Input, Output>(
  { operations }: PictureLayout<Input, Output>,
  left: number,
  centerOf: (lane: number) => number,
): readonly string[] {
  const marks = operations
    .filter(({ at }) => at !== null)
    .toSorted((one, other) => (one.place ?? 0) - (other.place ?? 0))
    .map(({ at, lane, place }) => ({ x: left + (at ?? 0) + 8, y: centerOf(lane) + BOX_HEIGHT / 2, place }));
  return [
    ...(marks.length > 1
      ? [`<polyline class="order" points="${marks.map(({ x, y }) => `${x},${y}`).join(" ")}"/>`]
      : []),
    ...marks.flatMap(({ x, y, place }) => [
      `<circle class="mark" cx="${x}" cy="${y}" r="9"/>`,
      `<text class="number" x="${x}" y="${y + 4}">${place}</text>`,
    ]),
  ];
}

/** Of a long order the end is shown. */
const NOTES_MAX = 24;

function notesOf<State, Input, Output>(
  model: AnyModel<Input, Output>,
  counterexample: Counterexample<State, Input, Output>,
  clock: HistoryClock,
): readonly string[] {
  const { order, fromAnyState, initial } = counterexample;
  const steps = order.map(({ operation: { client, input, output }, state }, at) => {
    return `${at + 1}. ${client} ${model.describe(input, output)}, then ${model.describeState(state)}`;
  });
  return [
    `Numbers: the longest order of the others, from ${fromAnyState ? "whatever was there" : model.describeState(initial)}.`,
    ...steps.slice(-NOTES_MAX),
    whatIsImpossible(model, counterexample, clock),
  ];
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
