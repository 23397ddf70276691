/**
 * Where messages stand in a sequence diagram: from the lane and row where each was sent to those where it came, or as far as it got. What of it is
 * in a part that is left out ends at the line that stands for that part.
 */
import type { Fact, Lane, Moment, RecordedMessage, RunRecord } from "../record/run-record.ts";
import { clockTime, length } from "./figures.ts";
import type { Selection } from "./select-moments.ts";
import { laneName } from "./words.ts";

export interface Arrow {
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
  /** `folded`: one of its ends is in what is left out. */
  readonly end: "arrives" | "lost" | "under-way" | "folded";
  readonly kind: "message" | "client";
  readonly isRoutine: boolean;
  readonly isCause: boolean;
  readonly title: string;
}

/** Where a moment is, itself or in the line that stands for it. */
export interface Place {
  readonly y: number;
  readonly isShown: boolean;
}

/** What has been placed already. */
export interface Placed {
  /** By number. */
  readonly shown: ReadonlyMap<
    number,
    { readonly moment: Moment; readonly x: number; readonly y: number; readonly isCause: boolean }
  >;
  readonly xOf: (lane: Lane) => number | undefined;
  /** By number. */
  readonly yOf: (moment: number) => Place;
  /** Where a time begins. */
  readonly yAt: (us: number) => number;
  readonly bottom: number;
}

/** How far the arrow of what never came goes: to where it was lost, within what the eye can follow. */
const STRAY_MIN = 12;
const STRAY_MAX = 90;
const STRAY_SHARE = 0.6;

export function placeArrows(record: RunRecord, { causes }: Selection, placed: Placed): readonly Arrow[] {
  const arrows: Arrow[] = [];
  const drawn = new Set<RecordedMessage>();
  const steps = new Set(causes.slice(1).map(({ number }, at) => `${causes[at]?.number} ${number}`));
  for (const row of placed.shown.values()) {
    for (const fact of row.moment.facts) {
      if (fact.type === "said") arrows.push(...clientArrow(fact, row, placed));
      if (fact.type !== "send" && fact.type !== "receive") continue;
      const { message } = fact;
      if (drawn.has(message)) continue;
      drawn.add(message);
      arrows.push(
        ...messageArrows(message, placed, {
          title: titleOf(message, record),
          isStep: (moment) => steps.has(`${message.sentIn} ${moment}`),
        }),
      );
    }
  }
  return arrows;
}

function clientArrow(
  { from, to, text }: Extract<Fact, { readonly type: "said" }>,
  row: { readonly moment: Moment; readonly x: number; readonly y: number; readonly isCause: boolean },
  { xOf }: Placed,
): readonly Arrow[] {
  const other = xOf(to ?? from ?? row.moment.lane);
  if (other === undefined || other === row.x) return [];
  const [fromX, toX] = to === undefined ? [other, row.x] : [row.x, other];
  const { y, isCause } = row;
  return [{ fromX, toX, fromY: y, toY: y, end: "arrives", kind: "client", isRoutine: false, isCause, title: text }];
}

function messageArrows(
  message: RecordedMessage,
  { xOf, yOf, yAt, bottom }: Placed,
  { title, isStep }: { readonly title: string; readonly isStep: (moment: number) => boolean },
): readonly Arrow[] {
  const { arrivals, lost, isRoutine, sentIn } = message;
  const [fromX, toX] = [xOf(message.from) ?? 0, xOf(message.to) ?? 0];
  const sent = yOf(sentIn);
  const base = { fromX, fromY: sent.y, kind: "message", isRoutine, title } as const;
  if (arrivals.length > 0) {
    return arrivals.flatMap(({ moment }) => {
      const came = yOf(moment);
      if (!sent.isShown && !came.isShown) return [];
      const end = sent.isShown && came.isShown ? "arrives" : "folded";
      return [{ ...base, toX, toY: came.y, end, isCause: isStep(moment) } as const];
    });
  }
  if (!sent.isShown) return [];
  const untilY = lost === null ? bottom : yAt(lost.atUs);
  const toY = Math.min(Math.max(untilY, sent.y + STRAY_MIN), sent.y + STRAY_MAX);
  const end = lost === null ? "under-way" : "lost";
  return [{ ...base, toX: fromX + (toX - fromX) * STRAY_SHARE, toY, end, isCause: false }];
}

function titleOf({ from, to, kind, fields, sentUs, arrivals, lost }: RecordedMessage, record: RunRecord): string {
  const way = `${laneName(from, record)} to ${laneName(to, record)}: ${kind} ${fields}`;
  const came = arrivals.map(({ atUs }) => `arrived ${clockTime(atUs)} s, after ${length(atUs - sentUs)}`);
  const gone = lost === null ? "had not arrived when the run ended" : `lost at ${clockTime(lost.atUs)} s: ${lost.why}`;
  return `${way}. Sent ${clockTime(sentUs)} s, ${came.length > 0 ? came.join("; ") : gone}`;
}
