/**
 * Runs one seed from the start to the verdict.
 *
 *     start ──▶ load and faults for `durationMs` ──▶ healed ──settled within SETTLE_US?──▶ end checks ──▶ result
 *
 * The first rule that does not hold ends the run. The result is made of what the seed decides and of nothing else.
 */
import { createRandom } from "../../runtime/index.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { EventLog } from "../timeline/event-log.ts";
import { coreMarks } from "../faults/core-ending.ts";
import { FaultInjector, type FaultSource } from "../faults/fault-injector.ts";
import { drawPlan, drawProfile, type FaultPlan } from "../faults/fault-plan.ts";
import { drawStorage, type StoragePlan } from "../faults/storage-plan.ts";
import { RunRecorder } from "../record/run-recorder.ts";
import type { RunRecord } from "../record/run-record.ts";
import { PlantedDisks } from "../faults/planted-disks.ts";
import type { ProfileName } from "../faults/profile.ts";
import type { RunOptions, SeedFailure, SeedResult } from "./run-result.ts";
import { RollingUpgrade } from "../load/rolling-upgrade.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { Recording, type Schedule } from "../schedule/schedule.ts";
import type { PriorityOrder } from "../search/index.ts";
import { makeScenario } from "./make-scenario.ts";
import { openRun } from "./open-run.ts";
import { NODES_FROM, requireRange, sparesOf, WITHOUT_VMS } from "./run-limits.ts";
import { losesQuorum, QuorumLoss } from "./quorum-loss.ts";
import { SchedulePlayer } from "./schedule-player.ts";
import { withSealedGlobals } from "../timeline/sealed-globals.ts";
import type { EventTrace } from "../timeline/event-trace.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** A cluster without faults has this long to settle: an election, a lease that must run out, restarts with backoff. */
const SETTLE_US = 120_000_000;

/** After the last fault a write must be acknowledged within this, and what there is be read. */
const PROGRESS_US = 10_000_000;

/**
 * And so much more for each message that whoever is needed must be sent one after another first: a round trip, a write at either end, and now and
 * then one that is lost; within bounds. It counts where a cluster sends one entry a message.
 */
const CATCH_UP_US = 100_000;
const CATCH_UP_MAX_US = 30_000_000;

/** As above, of a core whose members hear each other by way of one alone: the polls of all others come in its way, and only its own can be won. */
const HUB_PROGRESS_US = 30_000_000;

/**
 * A core that has settled begins so few terms in this time, or in one of the next: hand-overs may be in vain, to each of those who had better lead and
 * that nobody else hears.
 */
const CALM_US = 10_000_000;
const CALM_TERMS = 2;
const CALM_WINDOWS = 4;

/** Where nobody says how many nodes: from three to seven. */
const NODES_RANGE = 5;

/** How often it is asked whether everything has settled. */
const SETTLED_EVERY_US = 100_000;

/** @throws {RangeError} when an option is out of range. */
export function runSeed(options: RunOptions): SeedResult {
  requireRange(options);
  return withSealedGlobals(globalThis, () => new Run(options).run());
}

/** A run, and what was done in it. */
export interface RecordedRun {
  readonly result: SeedResult;
  /** Repeats the run, byte for byte. */
  readonly schedule: Schedule;
  /** The same with all that clients and operator did; null where they do what only a seed decides (whole nodes, `library`). */
  readonly scheduledLoad: Schedule | null;
}

/**
 * As `runSeed`, and answers what was done.
 * @throws {RangeError} when an option is out of range.
 */
export function recordSeed(options: RunOptions): RecordedRun {
  requireRange(options);
  return withSealedGlobals(globalThis, () => {
    const run = new Run(options, { keepsSchedule: true });
    const result = run.run();
    const { schedule, scheduledLoad } = run.recording;
    return { result, schedule, scheduledLoad };
  });
}

/**
 * As `runSeed`, and writes down what each event did and came from.
 * @throws {RangeError} when an option is out of range.
 */
export function traceSeed(options: RunOptions, trace: EventTrace): SeedResult {
  requireRange(options);
  return withSealedGlobals(globalThis, () => new Run(options, { trace }).run());
}

/** A run, and what is drawn of it. */
export interface WatchedRun {
  readonly result: SeedResult;
  readonly record: RunRecord;
}

/**
 * As `runSeed`, and writes down who did what, and what passed between the nodes, for a report (`sim/report`).
 * @throws {RangeError} when an option is out of range.
 */
export function watchSeed(options: RunOptions): WatchedRun {
  requireRange(options);
  return withSealedGlobals(globalThis, () => {
    const recorder = new RunRecorder();
    const run = new Run(options, { recorder });
    const result = run.run();
    return { result, record: recorder.record };
  });
}

/**
 * How many nodes, and VMs that its requests are about, a run has; some of that only its seed says.
 * @throws {RangeError} when an option is out of range.
 */
export function sizeOfRun(options: RunOptions): { readonly nodes: number; readonly vms: number } {
  requireRange(options);
  return withSealedGlobals(globalThis, () => new Run(options).size());
}

/** Who looks on. */
interface Watchers {
  /** Whether what is done is kept, for a replay. Default: false. */
  readonly keepsSchedule?: boolean;
  readonly trace?: EventTrace;
  readonly recorder?: RunRecorder;
}

class Run {
  readonly recording: Recording;
  readonly #options: RunOptions;
  readonly #profile: ProfileName;
  readonly #nodes: number;
  readonly #log: EventLog;
  readonly #order: PriorityOrder | null;
  readonly #timeline: Timeline;
  readonly #cluster: Cluster;
  readonly #scenario: Scenario;
  readonly #injector: FaultSource;
  readonly #recorder: RunRecorder | null;
  #upgrade: RollingUpgrade | null = null;
  #loss: QuorumLoss | null = null;
  #leaders = 0;

  constructor(options: RunOptions, { trace, recorder, keepsSchedule = false }: Watchers = {}) {
    const random = createRandom(options.seed);
    this.#options = options;
    // Drawn in any case, so that naming the profile that a seed draws anyway changes nothing.
    const drawn = drawProfile(random);
    this.#profile = options.profile ?? (isOfWholeNodes(options) && WITHOUT_VMS.has(drawn) ? "mixed" : drawn);
    const drawnNodes = NODES_FROM + random.integer(NODES_RANGE);
    this.#nodes = options.nodes ?? drawnNodes;
    const { log, order, timeline, forkChance } = openRun(options, random, {
      trace: trace ?? null,
      recorder: recorder ?? null,
    });
    this.#log = log;
    this.#order = order;
    this.#timeline = timeline;
    const { replay } = options;
    this.recording = new Recording(this.#timeline, keepsSchedule);
    const storage = storageOf(options, this.#profile);
    const plan: FaultPlan = {
      ...drawPlan(this.#profile, random.fork(), options.everyFault),
      ...(storage !== null && { storage }),
    };
    const scenario = makeScenario(this.#profile, {
      planted: options.planted ?? {},
      timeline: this.#timeline,
      random: random.fork(),
      nodes: this.#nodes,
      ...(options.vms !== undefined && { vms: options.vms }),
      onAct: (act) => this.recording.add(act),
      storage: plan.storage,
    });
    this.#scenario = scenario;
    const disks = new PlantedDisks(options.planted?.raft ?? []);
    this.#cluster = new Cluster({
      nodes: this.#nodes + sparesOf(this.#profile),
      timeline: this.#timeline,
      random: forkChance(),
      weather: plan.weather,
      storage: plan.storage,
      hooks: {
        compose: (process) => scenario.compose(disks.under(process)),
        check: (node) => scenario.check(node),
        onEnd: (node) => scenario.onEnd(node),
        onLeader: (node) => {
          this.#leaders += 1;
          this.#upgrade?.onLeader(this.#cluster.node(node));
          this.#injector.onLeader?.();
        },
        onChange: () => this.#injector.onChange?.(),
        onTransfer: () => this.#injector.onTransfer?.(),
        onSnapshot: (node) => this.#injector.onSnapshot?.(node),
        onCommitted: (_, term) => this.#injector.onCommitted?.(term),
        guests: scenario.guests,
      },
    });
    const drawnFaults = random.fork();
    this.#injector =
      replay === undefined
        ? new FaultInjector(this.#cluster, {
            plan: keepClocks(plan, scenario),
            random: drawnFaults,
            recording: this.recording,
          })
        : new SchedulePlayer(this.#cluster, { schedule: replay.schedule, scenario, recording: this.recording });
    const { editions, durationMs, upgradeFrom } = options;
    if ((upgradeFrom === undefined) !== (editions === undefined)) {
      throw new RangeError(`Cannot upgrade nodes from ${upgradeFrom}: its software and this one are not loaded`);
    }
    if (editions !== undefined) {
      this.#upgrade = new RollingUpgrade({ ...editions, random: random.fork(), durationUs: durationMs * 1000 });
      this.#upgrade.attach(this.#cluster);
    }
    scenario.attach(this.#cluster);
    this.#recorder = recorder ?? null;
    recorder?.attach(this.#cluster, this.recording);
  }

  run(): SeedResult {
    try {
      this.#live();
    } finally {
      this.#recorder?.finish();
      this.#cluster.close();
    }
    return this.#result();
  }

  /** In place of `run`. */
  size(): { readonly nodes: number; readonly vms: number } {
    this.#cluster.close();
    return { nodes: this.#cluster.nodes.length, vms: this.#scenario.vms ?? 0 };
  }

  #live(): void {
    const timeline = this.#timeline;
    for (const node of this.#cluster.nodes) node.start();
    this.#scenario.load(this.#options.replay?.schedule.load ?? "drawn");
    this.#injector.start();
    this.#upgrade?.start();
    timeline.run(this.#options.durationMs * 1000);
    if (timeline.failure !== null || this.#options.replay?.isCutShort === true) return;
    this.#scenario.unload();
    this.#upgrade?.stop();
    const end = this.#injector.stop();
    if (end !== null) this.#scenario.keepTo?.(end);
    timeline.note(end === null ? "healed" : "core healed");
    const since =
      end === null ? "all faults ended" : `nodes ${[...end.core].join(", ")} were healed and no other fault ended`;
    const settleUs = this.#scenario.settleWithinUs ?? SETTLE_US;
    const untilUs = timeline.nowUs + settleUs;
    this.#scenario.probe?.(untilUs);
    const catchUpUs = Math.min(CATCH_UP_MAX_US, CATCH_UP_US * (this.#scenario.behind?.() ?? 0));
    const progressUs = catchUpUs + ((end?.hub ?? null) === null ? PROGRESS_US : HUB_PROGRESS_US);
    timeline.after(progressUs, () => this.#checkProgress(progressUs, since));
    let unsettled = this.#scenario.unsettled();
    while (unsettled !== null && timeline.nowUs < untilUs && timeline.failure === null) {
      timeline.run(timeline.nowUs + SETTLED_EVERY_US);
      unsettled = this.#scenario.unsettled();
    }
    if (timeline.failure !== null) return;
    if (unsettled !== null) return timeline.fail("settles", `${settleUs / 1_000_000} s after ${since}, ${unsettled}`);
    if (end !== null) this.#checkCalm(untilUs - settleUs, since);
    if (timeline.failure === null) this.#scenario.checkEnd();
    const { afterLoss } = this.#scenario;
    if (end !== null || afterLoss === undefined || timeline.failure !== null) return;
    if (!losesQuorum(this.#profile, this.#options.seed)) return;
    this.#loss = new QuorumLoss(this.#cluster, afterLoss, this.#options.seed);
    this.#loss.run();
  }

  #checkProgress(withinUs: number, since: string): void {
    const halted = this.#scenario.halted?.() ?? null;
    if (halted === null) return;
    this.#timeline.fail("progress-resumes", `${withinUs / 1_000_000} s after ${since}, ${halted}`);
  }

  /** A core that is well is led by one: elections without end are no progress, though something may be done between two of them. */
  #checkCalm(healedUs: number, since: string): void {
    const timeline = this.#timeline;
    timeline.run(healedUs + PROGRESS_US);
    let begun = Infinity;
    for (let window = 0; window < CALM_WINDOWS && begun > CALM_TERMS; window++) {
      const before = this.#scenario.term?.() ?? 0;
      timeline.run(Math.max(timeline.nowUs, healedUs + PROGRESS_US) + CALM_US);
      if (timeline.failure !== null) return;
      begun = (this.#scenario.term?.() ?? 0) - before;
    }
    if (begun <= CALM_TERMS) return;
    const message = `Some time after ${since} there were ${begun} terms in ${CALM_US / 1_000_000} s`;
    timeline.fail("elections-end", `${message}, wanted at most ${CALM_TERMS}`);
  }

  #result(): SeedResult {
    const { seed, durationMs, everyFault, vms, upgradeFrom, order } = this.#options;
    const nodes = this.#nodes;
    const failure = this.#failure();
    return {
      seed,
      nodes,
      durationMs,
      profile: this.#profile,
      ...(vms !== undefined && { vms }),
      ...(upgradeFrom !== undefined && { upgradeFrom }),
      ...(everyFault === true && { everyFault }),
      ...(order !== undefined && { order }),
      ok: failure === undefined,
      ...(failure && { failure }),
      eventLogHash: this.#log.digest(),
      events: this.#log.lines,
      turns: this.#timeline.turns,
      simulatedMs: Math.round(this.#timeline.nowMs),
      faults: Object.fromEntries(this.#injector.counts),
      marks: {
        leaders: this.#leaders,
        ...this.#cluster.marks(),
        ...this.#scenario.marks(),
        ...coreMarks(this.recording.ending.ending ?? []),
        ...this.#upgrade?.marks(),
        ...this.#loss?.marks,
        ...(this.#order !== null && { "runs by priority": 1, "priorities changed": this.#order.changes }),
      },
    };
  }

  #failure(): SeedFailure | undefined {
    const { failure } = this.#timeline;
    if (failure === null) return undefined;
    const { invariant, message, atUs } = failure;
    return { invariant, message, atMs: atUs / 1000, lines: this.#log.tail() };
  }
}

/** No clock stands still where something bears no pause of one (`clock-blow-maker.ts`). */
function keepClocks(plan: FaultPlan, { standsOnClockRates }: Scenario): FaultPlan {
  if (standsOnClockRates !== true) return plan;
  return { ...plan, weights: new Map([...plan.weights].filter(([kind]) => kind !== "clock-freeze")) };
}

/** None where so many VMs are asked for, for measuring, and under software that may know of no disks. */
function storageOf(
  { seed, replay, vms, editions, everyFault = false, planted = {} }: RunOptions,
  profile: ProfileName,
): StoragePlan | null {
  if (vms !== undefined || editions !== undefined) return null;
  return drawStorage({ seed, chance: replay?.chance, profile, everyFault, isUnfenced: planted.lockUnfenced === true });
}

/** Only whole nodes have VMs, and are upgraded. */
function isOfWholeNodes({ vms, upgradeFrom }: RunOptions): boolean {
  return vms !== undefined || upgradeFrom !== undefined;
}
