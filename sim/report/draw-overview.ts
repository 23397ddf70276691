/** The whole run on one strip, to scale: when who led, who was down, what struck. Beside it the diagram is a part under a lens. */
import type { Lane, RunRecord, Span } from "../record/run-record.ts";
import { length } from "./figures.ts";
import { escape } from "./markup.ts";
import { laneName } from "./words.ts";

const LEFT = 78;
const PLOT = 900;
const RIGHT = 24;
const TOP = 26;
const LANE = 32;
const LETTER = 7;

/** What is closer together than this on the page is drawn as one. */
const APART = 1;

interface Bar {
  readonly kind: Span["kind"] | "leader";
  readonly lane: Lane;
  from: number;
  to: number;
  /** Of the first; how many there are. */
  readonly text: string;
  count: number;
}

/** Lanes of what is drawn within a lane, from its top: a leader, what is down or paused, what strikes network and disk. */
const PLACES: Readonly<Record<Bar["kind"], readonly [number, number]>> = {
  leader: [4, 15],
  down: [3, 26],
  paused: [3, 26],
  weather: [8, 16],
  network: [21, 4],
  disk: [26, 4],
};

export function drawOverview(record: RunRecord, id: string): string {
  const { endUs, failure } = record;
  const end = Math.max(endUs, 1);
  const bars = barsOf(record, (us) => (PLOT * Math.min(Math.max(us, 0), end)) / end);
  const lanes = [...record.nodes.keys(), ...(bars.some(({ lane }) => lane === "outside") ? ["outside" as const] : [])];
  const height = TOP + lanes.length * LANE + 30;
  const width = LEFT + PLOT + RIGHT;
  const yOf = (lane: Lane): number => TOP + lanes.findIndex((one) => one === lane) * LANE;
  const bottom = TOP + lanes.length * LANE;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="diagram overview" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-overview">`,
    `<title id="${id}-overview">${escape(`The whole run, ${length(endUs)}: leaders, processes that are down or paused, faults`)}</title>`,
    `<rect class="back" width="${width}" height="${height}"/>`,
    ...lanes.flatMap((lane) => [
      `<line class="lane" x1="${LEFT}" x2="${LEFT + PLOT}" y1="${yOf(lane) + LANE}" y2="${yOf(lane) + LANE}"/>`,
      `<text class="head" x="12" y="${yOf(lane) + 20}">${escape(laneName(lane, record))}</text>`,
    ]),
    ...bars.filter(({ lane }) => lanes.includes(lane as never)).map((bar) => drawBar(bar, yOf(bar.lane), id)),
    ...ticksOf(end).map(({ us, label }) => {
      const x = LEFT + (PLOT * us) / end;
      return `<line class="lane" x1="${round(x)}" x2="${round(x)}" y1="${bottom}" y2="${bottom + 5}"/><text class="later-tick middle" x="${round(x)}" y="${bottom + 20}">${label}</text>`;
    }),
    ...(failure === null
      ? []
      : [
          `<line class="reach" x1="${round(LEFT + (PLOT * failure.atUs) / end)}" x2="${round(LEFT + (PLOT * failure.atUs) / end)}" y1="${TOP - 6}" y2="${bottom}"/>`,
          `<text class="rule-mark" x="${LEFT + PLOT}" y="16" text-anchor="end">✗ ${escape(failure.rule)}</text>`,
        ]),
    "</svg>",
  ].join("\n");
}

function barsOf({ spans, roles }: RunRecord, xOf: (us: number) => number): readonly Bar[] {
  const all = [
    ...roles
      .filter(({ role }) => role === "leader")
      .map(({ node, term, fromUs, toUs }) => {
        return { kind: "leader" as const, lane: node, text: `L${term}`, fromUs, toUs };
      }),
    ...spans.flatMap(({ lanes, ...span }) => lanes.map((lane) => ({ ...span, lane }))),
  ];
  const bars: Bar[] = [];
  const last = new Map<string, Bar>();
  for (const { kind, lane, text, fromUs, toUs } of all.toSorted((one, other) => one.fromUs - other.fromUs)) {
    const [from, to] = [xOf(fromUs), xOf(toUs)];
    const before = last.get(`${kind} ${lane}`);
    if (before !== undefined && from - before.to < APART) {
      before.to = Math.max(before.to, to);
      before.count += 1;
      continue;
    }
    const bar = { kind, lane, from, to, text, count: 1 };
    bars.push(bar);
    last.set(`${kind} ${lane}`, bar);
  }
  // What is down lies behind what led.
  return bars.toSorted((one, other) => Number(one.kind === "leader") - Number(other.kind === "leader"));
}

function drawBar({ kind, from, to, text, count }: Bar, top: number, id: string): string {
  const [offset, height] = PLACES[kind];
  const width = Math.max(to - from, 1.5);
  const title = count === 1 ? text : `${text}, and ${count - 1} more`;
  const fill = kind === "leader" ? "" : ` fill="url(#${id}-${kind})"`;
  const isRoomy = kind === "leader" && count === 1 && width > text.length * LETTER + 6;
  const label = isRoomy
    ? `<text class="bar-word" x="${round(LEFT + from + 4)}" y="${top + offset + 11}">${escape(text)}</text>`
    : "";
  const name = kind === "leader" ? "role leader" : "band";
  return `<g class="${kind}-band"><title>${escape(title)}</title><rect class="${name}" x="${round(LEFT + from)}" y="${top + offset}" width="${round(width)}" height="${height}"${fill}/>${label}</g>`;
}

/** From five to ten round times. */
function ticksOf(endUs: number): readonly { readonly us: number; readonly label: string }[] {
  const rough = endUs / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const decimals = Math.max(0, -Math.floor(Math.log10(step / 1_000_000) + 1e-9));
  return Array.from({ length: Math.floor(endUs / step) + 1 }, (_, at) => {
    const us = at * step;
    return { us, label: `${(us / 1_000_000).toFixed(decimals)} s` };
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
