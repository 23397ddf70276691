/**
 * Which moments a page shows: all where they are few, else the last in full, and of what lies before what weighs.
 *
 * What is left out is one line that says how much and what. A diagram of everything in a run of ten minutes is a picture of heartbeats.
 */
import { isHeavy } from "../record/kept-moments.ts";
import type { Fact, Moment, RunRecord } from "../record/run-record.ts";
import { count, length, times } from "./figures.ts";
import { wordsOf } from "./words.ts";

/** What lies between two moments that are shown. */
export interface Fold {
  readonly type: "fold";
  readonly fromUs: number;
  readonly toUs: number;
  /** Numbers of its moments. */
  readonly first: number;
  readonly last: number;
  readonly text: string;
}

export type Row = { readonly type: "moment"; readonly moment: Moment } | Fold;

export interface Selection {
  readonly rows: readonly Row[];
  /** The moments that led to the failure, each the cause of the next, the failure last. */
  readonly causes: readonly Moment[];
  /** How it was selected, a sentence or two. */
  readonly told: string;
}

export interface SelectionLimits {
  /** A run of so many is shown whole. Default: 260. */
  readonly whole: number;
  /** So many are shown where only what repeats itself is left out. Default: 520. */
  readonly busy: number;
  /** Of a longer run the last. Default: 160. */
  readonly last: number;
  /** And so many of those that weigh. Default: 200. */
  readonly heavy: number;
}

const LIMITS: SelectionLimits = { whole: 260, busy: 520, last: 160, heavy: 200 };

/** Steps back from the failure; each is one message, write or request. */
const CAUSES_MAX = 40;

export function selectMoments(record: RunRecord, limits: Partial<SelectionLimits> = {}): Selection {
  const { whole, busy, last, heavy } = { ...LIMITS, ...limits };
  const { moments, momentsSeen } = record;
  const causes = causesOf(record);
  const isWhole = moments.length === momentsSeen;
  const rows = (shown: readonly Moment[]): readonly Row[] => withFolds(withSmallGaps(shown, moments), record);
  if (isWhole && moments.length <= whole) {
    return { rows: rows(moments), causes, told: `All ${times(moments.length, "moment")} of the run are shown.` };
  }
  const chain = new Set(causes);
  const busyOnes = moments.filter((moment) => chain.has(moment) || !isRoutine(moment));
  if (isWhole && busyOnes.length <= busy) {
    const left = momentsSeen - busyOnes.length;
    const told = `Shown are all ${times(busyOnes.length, "moment")} but the ${count(left)} in which only heartbeats, their answers and the like came and went, or a connection came up.`;
    return { rows: rows(busyOnes), causes, told };
  }
  const tail = new Set(moments.slice(-last));
  const before = moments.slice(0, -last);
  const weighty = new Set(before.filter(isHeavy).slice(-heavy));
  const about = subjectOf(record);
  const topical = new Set(about === null ? [] : before.filter((moment) => about.isIn(moment)).slice(-heavy / 2));
  const shown = moments.filter((moment) => [tail, weighty, chain, topical].some((some) => some.has(moment)));
  const led = causes.filter((moment) => !tail.has(moment)).length;
  const told = [
    `Of ${times(momentsSeen, "moment")} the last ${count(tail.size)} are shown in full`,
    ...(led > 0 ? [`the ${count(led)} before them that led to the failure`] : []),
    ...(about !== null && topical.size > 0 ? [`${count(topical.size)} that are about ${about.subject}`] : []),
    `and the last ${count(weighty.size)} before them in which a fault struck, a process ended or began, somebody stood for election or followed another, or membership changed`,
  ].join(", ");
  return { rows: rows(shown), causes, told: `${told}. What is left out is told by a line in its place.` };
}

interface Subject {
  /** In words. */
  readonly subject: string;
  isIn(moment: Moment): boolean;
}

/** What the failure says it is about: an index of the log, or what has a name with a number, as `t73` or `vm4`. Null: nothing that moments could be asked for. */
function subjectOf({ failure, nodes }: RunRecord): Subject | null {
  const message = failure?.message ?? "";
  const [, digits] = /\bindex (\d+)\b/i.exec(message) ?? [];
  if (digits !== undefined) {
    const index = Number(digits);
    return {
      subject: `index ${index}`,
      isIn: (moment) => wordsOf(moment, { nodes }).some((words) => isAboutIndex(words, index)),
    };
  }
  const named = [...message.matchAll(/(?<![\w@.-])[a-z][a-z_-]*\d+\b(?![@\w])/gi)].map(([name]) => name);
  const name = named.find((one) => !nodes.includes(one));
  if (name === undefined) return null;
  const whole = new RegExp(`(?<![\\w-])${name}(?![\\w-])`);
  return { subject: name, isIn: (moment) => wordsOf(moment, { nodes }).some((words) => whole.test(words)) };
}

function isAboutIndex(words: string, index: number): boolean {
  const [, from, to = from] = /\b(?:entry|entries|commits|applies) (\d+)(?: to (\d+))?/.exec(words) ?? [];
  return from !== undefined && Number(from) <= index && index <= Number(to);
}

/** Back from the failure, from each moment to the one that it follows from. */
function causesOf({ failure, moments }: RunRecord): readonly Moment[] {
  const byNumber = new Map(moments.map((moment) => [moment.number, moment]));
  const causes: Moment[] = [];
  let at = failure?.moment ?? null;
  while (at !== null && causes.length < CAUSES_MAX) {
    const moment = byNumber.get(at);
    if (moment === undefined) break;
    causes.push(moment);
    at = moment.cause;
  }
  return causes.toReversed();
}

/** Heartbeats and the like; connections that come up. */
function isRoutine({ facts }: Moment): boolean {
  return facts.every((fact) => {
    if (fact.type === "said") return fact.kind === "link" && fact.text.endsWith("up");
    return fact.type !== "role" && fact.message.isRoutine;
  });
}

/** A line that stands for two moments takes as much room as they do. */
const GAP_MAX = 2;

function withSmallGaps(shown: readonly Moment[], moments: readonly Moment[]): readonly Moment[] {
  const chosen = new Set(shown);
  const filled: Moment[] = [];
  let gap: Moment[] = [];
  for (const moment of moments) {
    if (!chosen.has(moment)) {
      gap.push(moment);
      continue;
    }
    const isWhole = (gap[0]?.number ?? moment.number) + gap.length === moment.number;
    if (gap.length <= GAP_MAX && isWhole) filled.push(...gap);
    gap = [];
    filled.push(moment);
  }
  return filled;
}

function withFolds(shown: readonly Moment[], { moments, momentsSeen, endUs }: RunRecord): readonly Row[] {
  const rows: Row[] = [];
  let next = 0;
  let beforeUs = 0;
  let place = 0;
  const fold = (until: number, untilUs: number): void => {
    if (until <= next) return;
    const left: Moment[] = [];
    for (; place < moments.length && (moments[place]?.number ?? until) < until; place++) {
      const moment = moments[place];
      if (moment !== undefined && moment.number >= next) left.push(moment);
    }
    const range = { fromUs: beforeUs, toUs: untilUs, first: next, last: until - 1 };
    rows.push({ type: "fold", ...range, text: tellFold(left, range) });
  };
  for (const moment of shown) {
    fold(moment.number, moment.atUs);
    rows.push({ type: "moment", moment });
    next = moment.number + 1;
    beforeUs = moment.atUs;
  }
  fold(momentsSeen, endUs);
  return rows;
}

/** Kinds of messages that a fold names. */
const KINDS_TOLD = 4;

function tellFold(
  left: readonly Moment[],
  { first, last, fromUs, toUs }: Pick<Fold, "first" | "last" | "fromUs" | "toUs">,
): string {
  const size = last - first + 1;
  const head = `${times(size, "moment")} in ${length(toUs - fromUs)} left out`;
  if (left.length < size) return head;
  const kinds = new Map<string, number>();
  for (const { facts } of left) for (const fact of facts) add(kinds, fact);
  const told = [...kinds].toSorted(([, one], [, other]) => other - one);
  const words = told.slice(0, KINDS_TOLD).map(([kind, times_]) => `${count(times_)} × ${kind}`);
  return words.length === 0 ? head : `${head}: ${words.join(", ")}${told.length > KINDS_TOLD ? ", …" : ""}`;
}

function add(kinds: Map<string, number>, fact: Fact): void {
  const kind = fact.type === "receive" ? fact.message.kind : fact.type === "said" ? fact.kind : null;
  if (kind !== null) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
}
