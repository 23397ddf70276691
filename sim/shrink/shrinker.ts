/**
 * Makes a failing run short: leaves out of its schedule what it fails without.
 *
 * It runs nothing itself: it yields each run that is worth a try and is told what became of it. So it serves whatever runs a schedule and says
 * which rule broke: seeds of this software (`shrink.ts`), and a user's actors, whose runs are awaited (`../simulate/shrink-simulation.ts`).
 *
 *     recorded ─▶ ends where it fails ─▶ clients and operator scheduled, too ─▶ ddmin over events ─▶ shorter lengths ─▶ sooner ─▶ fewer nodes
 *                                                                                    ▲──────────────── again, while it helps ──────────────┘
 *
 * A candidate counts when it breaks the same rule. Delays and the order of turns are drawn one after another, so that all of them fall otherwise
 * once anything is left out (keyed draws would keep them, and would change what every seed is). A candidate therefore gets several chances, each
 * a number that decides those draws; the one that fails is part of the result. Delta debugging: Zeller and Hildebrandt, "Simplifying and
 * Isolating Failure-Inducing Input", 2002, §3.
 */
import type { ProfileName } from "../faults/profile.ts";
import { sparesOf } from "../run/run-limits.ts";
import type { Replay, SeedFailure } from "../run/run-result.ts";
import { withinNodes } from "../schedule/named-nodes.ts";
import { isLoadAct, type Schedule, type ScheduledEvent } from "../schedule/schedule.ts";

/** Most runs unless the caller says otherwise: a minute or so. */
const RUNS_MAX_DEFAULT = 3000;

/** Chances of a candidate: usually, and where much depends on it. */
const CHANCES = 4;
const CHANCES_OF_TAIL = 12;
const CHANCES_TO_SCHEDULE = 40;

/** Rounds of all steps; each ends early when it did not help. */
const ROUNDS_MAX = 6;

/** What is left of a length, or of the time before an event, in one attempt. */
const SHORTER = [0.1, 0.5] as const;

/** What is left of a run whose fault shows after its end, in one attempt. */
const SHORTER_RUNS = [0.05, 0.15, 0.4] as const;

/** Simulated time that goes on behind a failure; and behind that of the best run, for candidates, which may fail a little later. */
const MARGIN_MS = 1;
const SLACK_MS = 500;

/** What is left at the end of a schedule, in one attempt; and the time before it, in which a cluster elects its first leader. */
const TAILS = [0.02, 0.05, 0.1, 0.25, 0.5] as const;
const BEFORE_TAIL_US = 1_500_000;

/** What shrinking may change of a run. All else of it is left alone. */
export interface ShrinkableRun {
  readonly nodes: number;
  readonly profile?: ProfileName;
  readonly durationMs: number;
  readonly replay: Replay;
}

/** What became of a run. */
export interface Trial<Result> {
  readonly result: Result;
  /** All that was done in it, the load too, to be done again; null where the load is what only a seed decides. */
  readonly scheduledLoad: Schedule | null;
}

/** A failing run, and how it fails. */
export interface ShrunkRun<Run, Result> {
  readonly run: Run;
  readonly result: Result;
  readonly failure: SeedFailure;
}

/** How far it is. */
export interface ShrinkProgressOf<Run, Result> {
  /** How many runs were done. */
  readonly runs: number;
  /** The shortest run so far; fails. */
  readonly best: ShrunkRun<Run, Result>;
}

/** Runs to be tried, each answered by what became of it. */
type Attempts<Run, Result, Outcome> = Generator<Run, Outcome, Trial<Result>>;

export class Shrinker<
  Run extends ShrinkableRun,
  Result extends { readonly failure?: SeedFailure },
> implements ShrinkProgressOf<Run, Result> {
  best: ShrunkRun<Run, Result>;
  runs = 1;
  readonly #rule: string;
  readonly #runsMax: number;
  /** Of the best run. */
  #scheduledLoad: Schedule | null;
  #chances = 0;

  /**
   * @param start a run that fails, and what became of it
   * @param runsMax runs after which it ends with what it has. Default 3,000.
   */
  constructor(
    start: ShrunkRun<Run, Result> & Pick<Trial<Result>, "scheduledLoad">,
    runsMax: number = RUNS_MAX_DEFAULT,
  ) {
    const { run, result, failure, scheduledLoad } = start;
    this.best = { run, result, failure };
    this.#scheduledLoad = scheduledLoad;
    this.#rule = failure.invariant;
    this.#runsMax = runsMax;
  }

  /** Until nothing helps any more, or as many were tried as may be. `best` and `runs` say where it stands. */
  *attempts(): Attempts<Run, Result, void> {
    yield* this.#endAtFailure();
    for (let round = 0; round < ROUNDS_MAX && this.runs < this.#runsMax; round++) {
      const before = sizeOf(this.best);
      yield* this.#endSooner();
      yield* this.#scheduleLoad();
      if (round === 0) yield* this.#keepTail();
      yield* this.#leaveOut();
      yield* this.#easeEnding();
      yield* this.#shortenLengths();
      yield* this.#comeSooner();
      yield* this.#takeNodes();
      if (sizeOf(this.best) === before) return;
    }
  }

  /** Whether a candidate breaks the same rule; then it is the best. */
  *#try(candidate: Run, chances: number = CHANCES): Attempts<Run, Result, boolean> {
    for (let chance = 0; chance < chances && this.runs < this.#runsMax; chance++) {
      const run = slackened(chance === 0 ? candidate : withChance(candidate, ++this.#chances));
      const { result, scheduledLoad } = yield run;
      this.runs += 1;
      const { failure } = result;
      if (failure?.invariant !== this.#rule) continue;
      this.best = { run: trimmed(run, failure), result, failure };
      this.#scheduledLoad = scheduledLoad;
      return true;
    }
    return false;
  }

  /** What breaks while faults last needs neither healing nor the time behind it. */
  *#endAtFailure(): Attempts<Run, Result, void> {
    const { run, failure } = this.best;
    if (failure.atMs > run.durationMs || run.replay.isCutShort === true) return;
    const durationMs = Math.ceil(failure.atMs) + MARGIN_MS;
    yield* this.#try({ ...run, durationMs, replay: { ...run.replay, isCutShort: true } }, 1);
  }

  /** What shows at the end alone may do so after a shorter run, too. */
  *#endSooner(): Attempts<Run, Result, void> {
    for (const share of SHORTER_RUNS) {
      const { run } = this.best;
      if (run.replay.isCutShort === true) return;
      if (yield* this.#try({ ...run, durationMs: Math.ceil(run.durationMs * share) })) return;
    }
  }

  /** Clients and operator become events, too, which can be left out; not where the rule then holds, whatever the chance. */
  *#scheduleLoad(): Attempts<Run, Result, void> {
    const { run, failure } = this.best;
    const recorded = run.replay.schedule.load === "drawn" ? this.#scheduledLoad : null;
    if (recorded === null) return;
    const untilUs = 1000 * Math.min(failure.atMs, run.durationMs);
    const events = recorded.events.filter(({ atUs }) => atUs <= untilUs);
    yield* this.#try(withSchedule(run, { ...recorded, events }), CHANCES_TO_SCHEDULE);
  }

  /** Mostly the last moments alone matter, in a cluster that has only just begun. */
  *#keepTail(): Attempts<Run, Result, void> {
    for (const share of TAILS) {
      const { run, failure } = this.best;
      const endUs = 1000 * Math.min(failure.atMs, run.durationMs);
      const soonerUs = Math.floor(endUs * (1 - share)) - BEFORE_TAIL_US;
      if (soonerUs <= 0) return;
      const events = run.replay.schedule.events
        .filter(({ atUs }) => atUs >= soonerUs + BEFORE_TAIL_US)
        .map((event) => ({ ...event, atUs: event.atUs - soonerUs }));
      const durationMs = run.durationMs - Math.floor(soonerUs / 1000);
      if (yield* this.#try({ ...withEvents(run, events), durationMs }, CHANCES_OF_TAIL)) return;
    }
  }

  /** Delta debugging: takes out ever smaller pieces. */
  *#leaveOut(): Attempts<Run, Result, void> {
    let pieces = 2;
    for (;;) {
      const { events } = this.best.run.replay.schedule;
      if (events.length === 0 || this.runs >= this.#runsMax) return;
      const size = Math.ceil(events.length / Math.min(pieces, events.length));
      let helped = false;
      // From the end: what is last is least likely to matter for what was before.
      for (let from = Math.floor((events.length - 1) / size) * size; from >= 0 && !helped; from -= size) {
        const left = [...events.slice(0, from), ...events.slice(from + size)];
        helped = yield* this.#try(withEvents(this.best.run, left));
      }
      if (helped) pieces = Math.max(2, pieces - 1);
      else if (size === 1) return;
      else pieces *= 2;
    }
  }

  /** Heals everybody in the end, or does less to those whom it does not heal. */
  *#easeEnding(): Attempts<Run, Result, void> {
    const { ending, ...healing } = this.best.run.replay.schedule;
    if (ending === undefined || (yield* this.#try(withSchedule(this.best.run, healing), 1))) return;
    for (let at = ending.length - 1; at > 0; at--) {
      const { schedule } = this.best.run.replay;
      const less = (schedule.ending ?? []).filter((_, place) => place !== at);
      yield* this.#try(withSchedule(this.best.run, { ...schedule, ending: less }));
    }
  }

  *#shortenLengths(): Attempts<Run, Result, void> {
    for (let at = 0; at < this.best.run.replay.schedule.events.length; at++) {
      for (const share of SHORTER) {
        const { events } = this.best.run.replay.schedule;
        const event = events[at];
        const shorter = event === undefined ? null : withLength(event, share);
        if (shorter !== null && (yield* this.#try(withEvents(this.best.run, events.with(at, shorter)), 1))) break;
      }
    }
  }

  /** Takes time out between one event and the next. */
  *#comeSooner(): Attempts<Run, Result, void> {
    for (let at = 0; at < this.best.run.replay.schedule.events.length; at++) {
      for (const share of SHORTER) {
        const { events } = this.best.run.replay.schedule;
        const gapUs = (events[at]?.atUs ?? 0) - (events[at - 1]?.atUs ?? 0);
        const soonerUs = Math.floor(gapUs * (1 - share));
        if (soonerUs < 1000) continue;
        const sooner = events.map((event, place) => (place < at ? event : { ...event, atUs: event.atUs - soonerUs }));
        const { run } = this.best;
        const durationMs = Math.max(MARGIN_MS, run.durationMs - Math.floor(soonerUs / 1000));
        if (yield* this.#try({ ...withEvents(run, sooner), durationMs }, 1)) break;
      }
    }
  }

  *#takeNodes(): Attempts<Run, Result, void> {
    while (this.best.run.nodes > 1) {
      const { run } = this.best;
      const nodes = run.nodes - 1;
      if (!(yield* this.#try({ ...withNodes(run, nodes + sparesOf(run.profile)), nodes }))) return;
    }
  }
}

/** What is compared to see whether a round has helped. */
function sizeOf({ run, failure }: ShrunkRun<ShrinkableRun, unknown>): string {
  const { events, load, ending = [] } = run.replay.schedule;
  return `${load} ${events.length} ${ending.length} ${run.nodes} ${Math.ceil(failure.atMs / 100)}`;
}

/** Without what names others; a file of it could not be read. */
function withNodes<Run extends ShrinkableRun>(run: Run, nodes: number): Run {
  const { schedule } = run.replay;
  const events = withinNodes(schedule.events, nodes);
  const ending = schedule.ending && { ending: withinNodes(schedule.ending, nodes) };
  return withSchedule(run, { ...schedule, events, ...ending });
}

function withSchedule<Run extends ShrinkableRun>(run: Run, schedule: Schedule): Run {
  return { ...run, replay: { ...run.replay, schedule } };
}

/** Up to the first event that is another the run stays as it was, its ties among it. */
function withEvents<Run extends ShrinkableRun>(run: Run, events: readonly ScheduledEvent[]): Run {
  return withSchedule(run, { ...run.replay.schedule, events });
}

function withChance<Run extends ShrinkableRun>(run: Run, chance: number): Run {
  return { ...run, replay: { ...run.replay, chance } };
}

/** With time to fail a little later, where it would be cut short. */
function slackened<Run extends ShrinkableRun>(run: Run): Run {
  return run.replay.isCutShort === true ? { ...run, durationMs: run.durationMs + SLACK_MS } : run;
}

/** Without what is due after the failure or the end, which therefore changes nothing. */
function trimmed<Run extends ShrinkableRun>(run: Run, { atMs }: SeedFailure): Run {
  const { schedule, isCutShort } = run.replay;
  const untilUs = 1000 * Math.min(atMs, run.durationMs);
  const events = schedule.events.filter(({ atUs }) => atUs <= untilUs);
  const durationMs = isCutShort === true ? Math.min(run.durationMs, Math.ceil(atMs) + MARGIN_MS) : run.durationMs;
  return withSchedule({ ...run, durationMs }, { ...schedule, events });
}

/** Null where there is no length. */
function withLength(event: ScheduledEvent, share: number): ScheduledEvent | null {
  if (event.type === "burst" && event.vms > 1) return { ...event, vms: Math.max(1, Math.floor(event.vms * share)) };
  if (isLoadAct(event)) return null;
  if ("downUs" in event) return { ...event, downUs: Math.ceil(event.downUs * share) };
  return "durationUs" in event ? { ...event, durationUs: Math.ceil(event.durationUs * share) } : null;
}
