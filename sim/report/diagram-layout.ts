/**
 * Where everything of a sequence diagram stands: a lane down the page for each node, a row for each moment, its words beside the lanes.
 *
 *     time │ clients  n1   n2   n3  outside │ words
 *
 * Rows are in the order of what happened and as high as their words; they are not to scale, since a run has microseconds and minutes side by
 * side. Words have a column of their own, so that no label ever lies on an arrow or on another label. Numbers only: `draw-diagram.ts` draws.
 */
import type { Lane, Moment, Role, RunRecord, Span } from "../record/run-record.ts";
import { clockTime, length } from "./figures.ts";
import { placeArrows, type Arrow, type Place } from "./place-arrows.ts";
import type { Fold, Selection } from "./select-moments.ts";
import { fill, laneName, whoIsMeant, wordsOf, wrap } from "./words.ts";

export interface PlacedLane {
  readonly lane: Lane;
  readonly name: string;
  /** As much of it as a lane is wide. */
  readonly short: string;
  readonly x: number;
}

export interface PlacedMoment {
  readonly type: "moment";
  readonly moment: Moment;
  readonly x: number;
  readonly top: number;
  readonly height: number;
  /** Where its point on the lane is. */
  readonly y: number;
  readonly time: string;
  /** Since the row before; empty where that is at the same time. */
  readonly later: string;
  /** The name of the lane; and as much of it as stands before the words. */
  readonly lane: string;
  readonly name: string;
  readonly lines: readonly string[];
  readonly isCause: boolean;
  readonly isFailure: boolean;
}

export interface PlacedFold {
  readonly type: "fold";
  readonly fold: Fold;
  /** As much as fits into a line. */
  readonly text: string;
  readonly top: number;
  readonly height: number;
  readonly y: number;
}

export type PlacedRow = PlacedMoment | PlacedFold;

export interface Band {
  readonly kind: Span["kind"];
  readonly x: number;
  readonly width: number;
  readonly top: number;
  readonly bottom: number;
  readonly title: string;
}

export interface RoleBar {
  readonly role: Role;
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
  readonly title: string;
}

export interface Verdict {
  readonly top: number;
  readonly height: number;
  readonly title: string;
  readonly lines: readonly string[];
  /** The lanes that it is about. */
  readonly xs: readonly number[];
  /** From where the red line comes down. */
  readonly fromY: number;
}

export interface DiagramLayout {
  readonly width: number;
  readonly height: number;
  readonly lanes: readonly PlacedLane[];
  /** Where the words begin. */
  readonly wordsX: number;
  /** Where lanes are named: at the top, and again so that a name is never far. */
  readonly headers: readonly number[];
  readonly lanesTop: number;
  readonly lanesBottom: number;
  readonly rows: readonly PlacedRow[];
  readonly arrows: readonly Arrow[];
  readonly bands: readonly Band[];
  readonly roles: readonly RoleBar[];
  /** Null: nothing was broken. */
  readonly verdict: Verdict | null;
}

/** Pixels. The letter is of 11.5 px in the widest of the usual fixed fonts. */
export const LETTER: number = 7;
export const LINE: number = 15;
export const HEADER: number = 30;
const MARGIN = 12;
const TIME_WIDTH = 158;
const LANE_WIDE = 68;
const LANE_NARROW = 52;
/** More lanes are narrow ones. */
const LANES_WIDE_MAX = 7;
const ROW_PAD = 8;
const FOLD_HEIGHT = 34;
/** Letters of a line of words: what is left of a usual window, within bounds. */
const WINDOW = 1224;
const COLUMNS_MIN = 66;
const COLUMNS_MAX = 104;
const LINES_MAX = 9;
/** Rows from one naming of the lanes to the next. */
const HEADER_EVERY = 28;
/** Between two rows that lie far apart in time, so that a pause is seen. */
const PAUSE = 12;
const PAUSE_FROM_US = 50_000;
/** A band is seen, however short what it stands for. */
const BAND_MIN = 12;

export function layOut(record: RunRecord, selection: Selection): DiagramLayout {
  return new Layout(record, selection).result();
}

class Layout {
  readonly #record: RunRecord;
  readonly #selection: Selection;
  readonly #lanes: readonly PlacedLane[];
  readonly #x: ReadonlyMap<Lane, number>;
  readonly #laneWidth: number;
  readonly #rows: PlacedRow[] = [];
  readonly #headers: number[] = [];
  /** By number of the moment. */
  readonly #shown = new Map<number, PlacedMoment>();
  readonly #wordsX: number;
  readonly #columns: number;
  #bottom = MARGIN;

  constructor(record: RunRecord, selection: Selection) {
    this.#record = record;
    this.#selection = selection;
    const lanes = lanesOf(record, selection);
    this.#laneWidth = lanes.length > LANES_WIDE_MAX ? LANE_NARROW : LANE_WIDE;
    const letters = Math.floor(this.#laneWidth / LETTER);
    this.#lanes = lanes.map((lane, at) => {
      const name = laneName(lane, record);
      const short = name.length <= letters ? name : `${name.slice(0, letters - 1)}…`;
      return { lane, name, short, x: TIME_WIDTH + (at + 0.5) * this.#laneWidth };
    });
    this.#wordsX = TIME_WIDTH + lanes.length * this.#laneWidth + 14;
    const columns = Math.floor((WINDOW - this.#wordsX - MARGIN) / LETTER);
    this.#columns = Math.min(Math.max(columns, COLUMNS_MIN), COLUMNS_MAX);
    this.#x = new Map(this.#lanes.map(({ lane, x }) => [lane, x]));
  }

  result(): DiagramLayout {
    const wordsX = this.#wordsX;
    this.#placeRows();
    const lanesBottom = this.#bottom + 6;
    const verdict = this.#verdict(lanesBottom);
    return {
      width: wordsX + this.#columns * LETTER + MARGIN,
      height: (verdict === null ? lanesBottom : verdict.top + verdict.height) + MARGIN,
      lanes: this.#lanes,
      wordsX,
      headers: this.#headers,
      lanesTop: MARGIN + HEADER,
      lanesBottom,
      rows: this.#rows,
      arrows: placeArrows(this.#record, this.#selection, {
        shown: this.#shown,
        xOf: (lane) => this.#x.get(lane),
        yOf: (number) => this.#yOf(number),
        yAt: (us) => this.#yAt(us),
        bottom: this.#bottom,
      }),
      bands: this.#bands(lanesBottom),
      roles: this.#roles(lanesBottom),
      verdict,
    };
  }

  #placeRows(): void {
    const causes = new Set(this.#selection.causes.map(({ number }) => number));
    const failed = this.#record.failure?.moment ?? null;
    let beforeUs: number | null = null;
    let sinceHeader = HEADER_EVERY;
    for (const row of this.#selection.rows) {
      if (sinceHeader >= HEADER_EVERY) {
        this.#headers.push(this.#bottom);
        this.#bottom += HEADER;
        sinceHeader = 0;
      }
      sinceHeader += 1;
      if (row.type === "fold") {
        const top = this.#bottom;
        this.#rows.push({
          type: "fold",
          fold: row,
          text: this.#foldText(row),
          top,
          height: FOLD_HEIGHT,
          y: top + FOLD_HEIGHT / 2,
        });
        this.#bottom += FOLD_HEIGHT;
        beforeUs = row.toUs;
        continue;
      }
      const { moment } = row;
      const laterUs: number = moment.atUs - (beforeUs ?? 0);
      if (beforeUs !== null && laterUs >= PAUSE_FROM_US) this.#bottom += PAUSE;
      const lines = linesOf(moment, this.#record, this.#columns);
      const top = this.#bottom;
      const height = lines.length * LINE + ROW_PAD;
      const placed: PlacedMoment = {
        ...{ type: "moment", moment, x: this.#x.get(moment.lane) ?? 0, top, height, y: top + ROW_PAD / 2 + LINE / 2 },
        time: clockTime(moment.atUs),
        later: laterUs > 0 ? `+${length(laterUs)}` : "",
        lane: laneName(moment.lane, this.#record),
        name: rowName(moment, this.#record),
        lines,
        isCause: causes.has(moment.number),
        isFailure: moment.number === failed,
      };
      this.#rows.push(placed);
      this.#shown.set(moment.number, placed);
      this.#bottom += height;
      beforeUs = moment.atUs;
    }
  }

  #foldText({ text }: Fold): string {
    const words = `⋮ ${text}`;
    return words.length <= this.#columns ? words : `${words.slice(0, words.lastIndexOf(", ", this.#columns - 3))}, …`;
  }

  /** Of a moment that is shown, or of the line that stands for it. */
  #yOf(number: number): Place {
    const shown = this.#shown.get(number);
    if (shown !== undefined) return { y: shown.y, isShown: true };
    const fold = this.#rows.find((row) => row.type === "fold" && row.fold.first <= number && number <= row.fold.last);
    return { y: fold?.y ?? this.#bottom, isShown: false };
  }

  /** Where a time begins on the page. */
  #yAt(us: number): number {
    for (const row of this.#rows) {
      const endUs = row.type === "fold" ? row.fold.toUs : row.moment.atUs;
      if (endUs < us) continue;
      if (row.type === "moment") return row.top;
      const { fromUs, toUs } = row.fold;
      const share = toUs > fromUs ? Math.max(0, (us - fromUs) / (toUs - fromUs)) : 0;
      return row.top + share * row.height;
    }
    return this.#bottom;
  }

  #bands(bottom: number): readonly Band[] {
    const [first] = this.#rows;
    const top = first?.top ?? MARGIN + HEADER;
    const seen = new Set<string>();
    return this.#record.spans.flatMap(({ kind, lanes, fromUs, toUs, text }) => {
      const [from, to] = [Math.max(top, this.#yAt(fromUs)), toUs > this.#record.endUs ? bottom : this.#yAt(toUs)];
      const title = `${text}, ${clockTime(fromUs)} s to ${toUs === Infinity ? "the end" : `${clockTime(toUs)} s`}`;
      return lanes.flatMap((lane) => {
        const x = this.#x.get(lane);
        if (x === undefined) return [];
        const [offset, width] = this.#track(kind);
        const bottomOfBand = Math.max(to, from + BAND_MIN);
        const place = `${kind} ${lane} ${Math.round(from)} ${Math.round(bottomOfBand)}`;
        // Of many that a line stands for, one is seen.
        if (seen.has(place)) return [];
        seen.add(place);
        return [{ kind, x: x + offset, width, top: from, bottom: bottomOfBand, title }];
      });
    });
  }

  /** A node that is down has the whole lane; what strikes its network lies left of it, its disk right. */
  #track(kind: Span["kind"]): readonly [number, number] {
    const half = this.#laneWidth / 2 - 3;
    switch (kind) {
      case "network":
        return [-half, 8];
      case "disk":
        return [half - 8, 8];
      default:
        return [-half + 10, 2 * (half - 10)];
    }
  }

  #roles(bottom: number): readonly RoleBar[] {
    return this.#record.roles.flatMap(({ node, role, term, fromUs, toUs }) => {
      const x = this.#x.get(node);
      if (x === undefined || role === "follower") return [];
      const [top, end] = [this.#yAt(fromUs), toUs >= this.#record.endUs ? bottom : this.#yAt(toUs)];
      if (end - top < 1) return [];
      return [{ role, x, top, bottom: end, title: `${laneName(node, this.#record)}: ${role} of term ${term}` }];
    });
  }

  #verdict(top: number): Verdict | null {
    const { failure } = this.#record;
    if (failure === null) return null;
    const moment = failure.moment === null ? undefined : this.#shown.get(failure.moment);
    const about = new Set<Lane>([...(moment === undefined ? [] : [moment.moment.lane]), ...failure.nodes]);
    const xs = [...about].flatMap((lane) => this.#x.get(lane) ?? []);
    const columns = Math.floor((this.#wordsX + this.#columns * LETTER - 2 * MARGIN) / LETTER) - 3;
    const meant = whoIsMeant(failure.message, this.#record);
    const lines = [failure.message, ...(meant === null ? [] : [`(${meant})`])].flatMap((line) => wrap(line, columns));
    const fromY = moment?.y ?? this.#bottom;
    const title = `✗ ${failure.rule} does not hold, at ${clockTime(failure.atUs)} s`;
    return { top: top + 14, height: 34 + lines.length * LINE, title, lines, xs, fromY };
  }
}

/** Clients and who strikes have a lane where they act in what is shown, nodes always. */
function lanesOf({ nodes, spans }: RunRecord, { rows }: Selection): readonly Lane[] {
  const acting = new Set<Lane>(rows.flatMap((row) => (row.type === "moment" ? [row.moment.lane] : [])));
  if (spans.some(({ lanes }) => lanes.includes("outside"))) acting.add("outside");
  return [
    ...(acting.has("clients") ? ["clients" as const] : []),
    ...nodes.keys(),
    ...(acting.has("outside") ? ["outside" as const] : []),
  ];
}

/** Of a longer name the beginning: what is said must have room beside it. */
const NAME_MAX = 20;

function rowName({ lane }: Moment, record: RunRecord): string {
  const name = laneName(lane, record);
  return name.length <= NAME_MAX ? name : `${name.slice(0, NAME_MAX - 1)}…`;
}

function linesOf(moment: Moment, record: RunRecord, columns: number): readonly string[] {
  // The first line begins with the name of the lane.
  const indent = rowName(moment, record).length + 2;
  const lines = fill(wordsOf(moment, record), columns - indent);
  if (lines.length <= LINES_MAX) return lines.length === 0 ? ["…"] : lines;
  return [...lines.slice(0, LINES_MAX - 1), `… and ${lines.length - LINES_MAX + 1} lines more`];
}
