/** What every run begins with, of our own clusters and of a user's actors alike: its event log, its timeline, and who gets which chance. */
import { createRandom, type Random } from "../../runtime/index.ts";
import type { RunRecorder } from "../record/run-recorder.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { drawOrder, type OrderKind, type PriorityOrder } from "../search/index.ts";
import { EventLog } from "../timeline/event-log.ts";
import type { EventTrace } from "../timeline/event-trace.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { openTimeline } from "../timeline/traced-timeline.ts";

const LINES_KEPT_DEFAULT = 40;

interface OpenOptions {
  readonly seed: number;
  readonly linesKept?: number;
  readonly order?: OrderKind;
  readonly replay?: { readonly chance?: number; readonly schedule: Schedule };
  onLine?(line: string): void;
}

interface OpenRun {
  readonly log: EventLog;
  /** Null: turns are drawn evenly. */
  readonly order: PriorityOrder | null;
  readonly timeline: Timeline;
  /** For what a replay may decide by another chance than the run's seed. */
  readonly forkChance: () => Random;
}

/** @param random of the seed; one stream of it goes to the timeline */
export function openRun(
  options: OpenOptions,
  random: Random,
  { trace, recorder }: { readonly trace: EventTrace | null; readonly recorder: RunRecorder | null },
): OpenRun {
  const log = new EventLog({
    linesKept: options.linesKept ?? LINES_KEPT_DEFAULT,
    ...(recorder
      ? { onLine: recorder.lines(options) }
      : options.onLine && { onLine: (line) => options.onLine?.(line) }),
  });
  const { replay } = options;
  const chance = replay?.chance === undefined ? null : createRandom(replay.chance);
  // What the seed alone decides is drawn in any case, so that all else stays as it is.
  const forkChance = (): Random => {
    const own = random.fork();
    return chance?.fork() ?? own;
  };
  const order = drawOrder({ seed: options.seed, chance: replay?.chance, kind: options.order });
  const timeline = openTimeline(trace, forkChance(), log, replay?.schedule.passedOver, order);
  return { log, order, timeline, forkChance };
}
