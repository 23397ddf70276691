/** Whether what was expected of a scenario was kept in one run: a pure function of what was seen. */
import { endOf, overlapMs, type Observation, type ObservedStrike, type Span } from "./observation.ts";
import type { Expectation } from "./scenario-plan.ts";

export interface Verdict {
  readonly isKept: boolean;
  /** The figure that was bounded; null: there is none. */
  readonly figureMs: number | null;
  /** It was still so when the run ended: the figure would have grown. */
  readonly isOpen: boolean;
  /** VMs that broke it. */
  readonly vms: readonly string[];
  /** Why it was not judged: what it is about did not happen. Null: it was. */
  readonly notJudged: string | null;
}

const KEPT: Verdict = { isKept: true, figureMs: null, isOpen: false, vms: [], notJudged: null };

/** `brokenRule`: of the simulator, which ended the run. */
export function judge(expectation: Expectation, seen: Observation, brokenRule: string | null): Verdict {
  if (expectation.type === "never-two") {
    const isTwice = brokenRule === "a-vm-never-runs-twice";
    return brokenRule !== null && !isTwice
      ? notJudged("a rule of the simulator was broken")
      : { ...KEPT, isKept: !isTwice };
  }
  if (brokenRule !== null) return notJudged("a rule of the simulator was broken");
  switch (expectation.type) {
    case "healthy":
      return judgeHealthy(expectation, seen);
    case "downtime":
      return bounded(
        expectation.maxMs,
        expectation.vms.map((name) => ({ name, ...longest(outagesOf(seen, name), seen.spanMs) })),
      );
    case "available": {
      const gaps = shortages(expectation.vms, expectation.min, seen);
      const verdict = bounded(expectation.gapMs, [{ name: expectation.app, ...longest(gaps, seen.spanMs) }]);
      return { ...verdict, vms: verdict.isKept ? [] : expectation.vms };
    }
    case "lost":
      return judgeLost(expectation, seen);
    case "answered":
      return judgeAnswered(expectation, seen);
    case "leader": {
      const excepted = strikesOf(seen, expectation.except);
      const gaps = seen.leaderless.map((span) => without(span, excepted, seen.spanMs));
      return withoutVms(
        bounded(
          expectation.gapMs,
          gaps.map((gap) => ({ name: "", ...gap })),
        ),
      );
    }
    default:
      return expectation satisfies never;
  }
}

type Of<Type extends Expectation["type"]> = Extract<Expectation, { readonly type: Type }>;

interface Figure {
  readonly name: string;
  readonly ms: number;
  readonly isOpen: boolean;
}

function bounded(maxMs: number, figures: readonly Figure[]): Verdict {
  const worst = figures.toSorted((one, other) => other.ms - one.ms)[0];
  if (worst === undefined) return { ...KEPT, figureMs: 0 };
  const broken = figures.filter(({ ms }) => ms > maxMs).map(({ name }) => name);
  return { isKept: broken.length === 0, figureMs: worst.ms, isOpen: worst.isOpen, vms: broken, notJudged: null };
}

function withoutVms(verdict: Verdict): Verdict {
  return { ...verdict, vms: [] };
}

function notJudged(why: string): Verdict {
  return { ...KEPT, isKept: false, notJudged: why };
}

/** How long after a strike the last outage ended that was under way within the time. */
function judgeHealthy({ vms, withinMs, after }: Of<"healthy">, seen: Observation): Verdict {
  const strikes = seen.strikes.filter(
    ({ fault, notStruck }) => notStruck === null && (after === null || fault === after),
  );
  if (strikes.length === 0)
    return notJudged(`${after ?? "no fault"} was not struck`.replace("no fault was not", "no fault was"));
  const figures = strikes.flatMap(({ atMs }) =>
    vms.map((name): Figure => {
      const met = outagesOf(seen, name).filter(
        (outage) => outage.fromMs <= atMs + withinMs && endOf(outage, seen.spanMs) > atMs,
      );
      const ends = met.map((outage) => endOf(outage, seen.spanMs) - atMs);
      return { name, ms: Math.max(0, ...ends), isOpen: met.some(({ untilMs }) => untilMs === null) };
    }),
  );
  const verdict = bounded(withinMs, figures);
  // One that ends with the run has not ended, however short the run was.
  const open = figures.filter(({ isOpen }) => isOpen).map(({ name }) => name);
  const broken = [...new Set([...verdict.vms, ...open])];
  return { ...verdict, isKept: broken.length === 0, vms: broken };
}

/** Down when the fault ends. */
function judgeLost({ vms, after }: Of<"lost">, seen: Observation): Verdict {
  const strikes = strikesOf(seen, [after]);
  if (strikes.length === 0) return notJudged(`${after} was not struck`);
  const back = vms.filter((name) =>
    strikes.some((strike) => {
      const last = Math.min(strike.untilMs, seen.spanMs);
      return !outagesOf(seen, name).some((outage) => outage.fromMs < last && endOf(outage, seen.spanMs) >= last);
    }),
  );
  return { ...KEPT, isKept: back.length === 0, vms: back };
}

function judgeAnswered({ what, withinMs, except }: Of<"answered">, seen: Observation): Verdict {
  const asked = seen.requests.filter((request) => request.what === what);
  if (asked.length === 0) return notJudged(`there were no ${what}`);
  const excepted = strikesOf(seen, except);
  const waits = asked.map(({ startedMs, answeredMs }) => {
    return { name: "", ...without({ fromMs: startedMs, untilMs: answeredMs }, excepted, seen.spanMs) };
  });
  return withoutVms(bounded(withinMs, waits));
}

function strikesOf(seen: Observation, names: readonly string[]): readonly ObservedStrike[] {
  return seen.strikes.filter(({ fault, notStruck }) => notStruck === null && names.includes(fault));
}

/** How long a span is without what of it lies in these strikes. */
function without(span: Span, strikes: readonly ObservedStrike[], spanMs: number): { ms: number; isOpen: boolean } {
  const until = endOf(span, spanMs);
  // Of strikes that overlap, the later counts from where the earlier has ended.
  let countedMs = span.fromMs;
  let exceptedMs = 0;
  for (const { atMs, untilMs } of strikes.toSorted((one, other) => one.atMs - other.atMs)) {
    exceptedMs += overlapMs([Math.max(countedMs, span.fromMs), until], [atMs, untilMs]);
    countedMs = Math.max(countedMs, untilMs);
  }
  return { ms: until - span.fromMs - exceptedMs, isOpen: span.untilMs === null };
}

function outagesOf(seen: Observation, vm: string): readonly Span[] {
  return seen.vms.find(({ name }) => name === vm)?.outages ?? [];
}

/** The longest of some spans. */
export function longest(spans: readonly Span[], spanMs: number): { ms: number; isOpen: boolean } {
  return spans
    .map((span) => ({ ms: endOf(span, spanMs) - span.fromMs, isOpen: span.untilMs === null }))
    .reduce((worst, one) => (one.ms > worst.ms ? one : worst), { ms: 0, isOpen: false });
}

/** When fewer than `min` of these VMs served. */
export function shortages(vms: readonly string[], min: number, seen: Observation): readonly Span[] {
  const outages = vms.flatMap((name) => outagesOf(seen, name));
  const moments = [...new Set(outages.flatMap((one) => [one.fromMs, endOf(one, seen.spanMs)]))].toSorted(
    (a, b) => a - b,
  );
  const short: { fromMs: number; untilMs: number | null }[] = [];
  for (const [index, moment] of moments.entries()) {
    const next = moments[index + 1];
    if (next === undefined) break;
    const down = outages.filter((one) => one.fromMs <= moment && endOf(one, seen.spanMs) > moment).length;
    if (vms.length - down >= min) continue;
    const last = short.at(-1);
    if (last?.untilMs === moment) last.untilMs = next;
    else short.push({ fromMs: moment, untilMs: next });
  }
  const last = short.at(-1);
  const isOpen = last !== undefined && last.untilMs === seen.spanMs && outages.some(({ untilMs }) => untilMs === null);
  if (isOpen) last.untilMs = null;
  return short;
}
