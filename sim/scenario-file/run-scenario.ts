/**
 * Runs one seed of a scenario: whole nodes as in production, in the cluster that the file describes.
 *
 *     start ─▶ VMs applied, all serve ─▶ t = 0: clients, faults, watch ─▶ duration ─▶ healed ─▶ settles, end checks ─▶ judged
 *
 * The rules of the simulator hold all the time, whatever the file expects. Everything is decided by the plan and the seed.
 */
import { createRandom, type Random } from "../../runtime/index.ts";
import { Cluster } from "../cluster/cluster.ts";
import { FaultInjector } from "../faults/fault-injector.ts";
import { drawPlan, drawWeather, type FaultPlan } from "../faults/fault-plan.ts";
import { usualStorage } from "../faults/storage-plan.ts";
import { isStorageBlow } from "../schedule/storage-blow.ts";
import type { RunRecord } from "../record/run-record.ts";
import { RunRecorder } from "../record/run-recorder.ts";
import type { SeedFailure } from "../run/run-result.ts";
import { MemberScenario } from "../scenarios/member-scenario.ts";
import { Recording } from "../schedule/schedule.ts";
import { EventLog } from "../timeline/event-log.ts";
import { withSealedGlobals } from "../timeline/sealed-globals.ts";
import { Timeline } from "../timeline/timeline.ts";
import { judgeRun, type ScenarioRun } from "./scenario-run.ts";
import type { Observation, ObservedVm } from "./observation.ts";
import { OutageWatch } from "./outage-watch.ts";
import { PlatformLoad } from "./platform-load.ts";
import type { ScenarioPlan } from "./scenario-plan.ts";
import { Striker } from "./striker.ts";

/** For an election, every VM's boot, and a start that fails; and until a cluster that is new lets VMs have disks. */
const WARM_UP_US = 60_000_000;
const WARM_UP_WITH_DISKS_US = 120_000_000;
const SETTLE_US = 120_000_000;
const LOOK_EVERY_US = 100_000;
const LINES_KEPT = 40;

/** Logs of usual length: compacted now and then within minutes. */
const COMPACTION = { everyEntries: 300, trailingEntries: 100 };

export interface ScenarioRunOptions {
  readonly plan: ScenarioPlan;
  /** A safe integer. */
  readonly seed: number;
  /** Gets each line of the event log, at once and synchronously. */
  onLine?(line: string): void;
}

export function runScenario(options: ScenarioRunOptions): ScenarioRun {
  return withSealedGlobals(globalThis, () => new Run(options, null).run());
}

/** A run, and what is drawn of it. */
export interface WatchedScenario {
  readonly run: ScenarioRun;
  readonly record: RunRecord;
  /** Turns of actors. */
  readonly turns: number;
  /** How often each fault struck. */
  readonly faults: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, number>>;
}

/** As `runScenario`, and writes down who did what, for a report (`sim/report`). */
export function watchScenario(options: ScenarioRunOptions): WatchedScenario {
  return withSealedGlobals(globalThis, () => {
    const recorder = new RunRecorder();
    const run = new Run(options, recorder);
    const result = run.run();
    return { run: result, record: recorder.record, ...run.reached };
  });
}

class Run {
  readonly #plan: ScenarioPlan;
  readonly #seed: number;
  readonly #log: EventLog;
  readonly #timeline: Timeline;
  readonly #scenario: MemberScenario;
  readonly #cluster: Cluster;
  readonly #striker: Striker;
  readonly #watch: OutageWatch;
  readonly #injector: FaultInjector;
  readonly #recorder: RunRecorder | null;
  #load!: PlatformLoad;
  #beganUs = 0;
  #endedUs = 0;
  #unsettled: string | null = null;
  #neverUp: ScenarioRun["neverUp"] = [];

  constructor(options: ScenarioRunOptions, recorder: RunRecorder | null) {
    const { plan, seed } = options;
    const random = createRandom(seed);
    this.#plan = plan;
    this.#seed = seed;
    this.#log = new EventLog({
      linesKept: LINES_KEPT,
      ...(recorder
        ? { onLine: recorder.lines(options) }
        : options.onLine && { onLine: (line) => options.onLine?.(line) }),
    });
    this.#timeline = new Timeline(random.fork(), this.#log);
    const recording = new Recording(this.#timeline);
    this.#scenario = new MemberScenario({
      random: random.fork(),
      timeline: this.#timeline,
      planted: {},
      limits: { trailingEntries: COMPACTION.trailingEntries },
      compaction: COMPACTION,
      vms: { count: plan.vms.length, atOnce: true },
      everyUs: 0,
      // Its load is what the file says.
      onAct: () => {},
      platform: {
        nodeSpec: (index) => {
          const { labels = {}, memoryMiB = 1, vcpus = 1 } = plan.nodes[index] ?? {};
          return { labels, memoryMiB, vcpus };
        },
        makeLoad: (own, checker) => {
          this.#load = new PlatformLoad({ random: own, checker, vms: plan.vms });
          return this.#load;
        },
      },
    });
    this.#cluster = new Cluster({
      nodes: plan.nodes.length,
      names: plan.nodes.map(({ name }) => name),
      timeline: this.#timeline,
      random: random.fork(),
      weather: weatherOf(plan, random.fork()),
      storage: hasStorage(plan) ? usualStorage(seed) : undefined,
      hooks: {
        compose: (process) => this.#scenario.compose(process),
        check: (node) => this.#scenario.check(node),
        onEnd: (node) => this.#scenario.onEnd(node),
        onLeader: () => this.#injector.onLeader(),
        onCommitted: (_, term) => this.#injector.onCommitted(term),
        onSnapshot: (node) => this.#injector.onSnapshot(node),
        guests: this.#scenario.guests,
      },
    });
    const own = random.fork();
    this.#injector = new FaultInjector(this.#cluster, { plan: faultPlanOf(plan, own), random: own, recording });
    this.#striker = new Striker(this.#cluster, { plan, random: random.fork(), recording });
    this.#watch = new OutageWatch(this.#cluster, this.#scenario, running(plan));
    this.#scenario.attach(this.#cluster);
    this.#recorder = recorder;
    recorder?.attach(this.#cluster, recording);
  }

  run(): ScenarioRun {
    try {
      this.#warmUp();
      this.#live();
      this.#settle();
    } finally {
      this.#recorder?.finish();
      this.#cluster.close();
    }
    return this.#result();
  }

  /** For reports. */
  get reached(): Pick<WatchedScenario, "turns" | "faults" | "marks"> {
    const faults: Record<string, number> = Object.fromEntries(this.#injector.counts);
    for (const { fault, notStruck } of this.#striker.strikes) {
      if (notStruck === null) faults[fault] = (faults[fault] ?? 0) + 1;
    }
    return { turns: this.#timeline.turns, faults, marks: { ...this.#cluster.marks(), ...this.#scenario.marks() } };
  }

  #warmUp(): void {
    const timeline = this.#timeline;
    for (const node of this.#cluster.nodes) node.start();
    this.#scenario.load();
    const isUp = (): boolean => this.#watch.isLed && this.#watch.areAllUp;
    const warmUpUs = this.#cluster.storage === null ? WARM_UP_US : WARM_UP_WITH_DISKS_US;
    while (timeline.nowUs < warmUpUs && timeline.failure === null && !isUp()) {
      timeline.run(timeline.nowUs + LOOK_EVERY_US);
    }
    this.#neverUp = this.#watch.missing();
    this.#beganUs = timeline.nowUs;
  }

  #live(): void {
    const timeline = this.#timeline;
    timeline.note(`scenario begins: ${this.#plan.name}`);
    this.#load.begin(this.#plan.clients);
    this.#watch.start();
    this.#striker.start();
    this.#injector.start();
    timeline.run(this.#beganUs + this.#plan.durationMs * 1000);
    this.#endedUs = timeline.nowUs;
    this.#watch.stop();
    timeline.note("scenario ends");
  }

  #settle(): void {
    const timeline = this.#timeline;
    if (timeline.failure !== null) return;
    this.#scenario.unload();
    this.#injector.stop();
    this.#striker.stop();
    this.#scenario.probe();
    const untilUs = timeline.nowUs + SETTLE_US;
    let unsettled = this.#scenario.unsettled();
    while (unsettled !== null && timeline.nowUs < untilUs && timeline.failure === null) {
      timeline.run(timeline.nowUs + LOOK_EVERY_US);
      unsettled = this.#scenario.unsettled();
    }
    if (timeline.failure !== null) return;
    // A VM that never had a place has none now: that is told already.
    if (unsettled !== null && this.#neverUp.length === 0) this.#unsettled = unsettled;
    if (unsettled === null) this.#scenario.checkEnd();
  }

  #result(): ScenarioRun {
    const ran = { seed: this.#seed, rule: this.#rule(), neverUp: this.#neverUp, unsettled: this.#unsettled };
    const { lines: events } = this.#log;
    const measured = { simulatedMs: Math.round(this.#timeline.nowMs), events, eventLogHash: this.#log.digest() };
    return { ...judgeRun(this.#plan, this.#observe(), ran), ...measured };
  }

  #rule(): SeedFailure | null {
    const { failure } = this.#timeline;
    if (failure === null) return null;
    const { invariant, message, atUs } = failure;
    return { invariant, message, atMs: (atUs - this.#beganUs) / 1000, lines: this.#log.tail() };
  }

  #observe(): Observation {
    const spanUs = this.#endedUs - this.#beganUs;
    const ms = (atUs: number): number => (atUs - this.#beganUs) / 1000;
    const within = (atUs: number | null): number | null => (atUs === null || atUs > this.#endedUs ? null : ms(atUs));
    return {
      spanMs: spanUs / 1000,
      vms: this.#watch.vms.map(({ name, outages }): ObservedVm => ({
        name,
        outages: outages.map(({ fromUs, untilUs, reason, node }) => {
          return { fromMs: ms(fromUs), untilMs: within(untilUs), reason, node };
        }),
      })),
      leaderless: this.#watch.leaderless.map(({ fromUs, untilUs }) => ({
        fromMs: ms(fromUs),
        untilMs: within(untilUs),
      })),
      requests: [...this.#load.answered, ...this.#load.unanswered]
        .filter(({ startedUs }) => startedUs <= this.#endedUs)
        .map(({ what, startedUs, answeredUs }) => ({ what, startedMs: ms(startedUs), answeredMs: within(answeredUs) })),
      strikes: this.#striker.strikes.map(({ atUs, untilUs, ...strike }) => {
        return { ...strike, atMs: ms(atUs), untilMs: ms(untilUs) };
      }),
    };
  }
}

/** VMs that are to run. */
function running({ vms }: ScenarioPlan): readonly string[] {
  return vms.filter(({ spec }) => spec.running).map(({ name }) => name);
}

/** Whether VMs have disks, or storage is to be struck. */
function hasStorage({ vms, faults }: ScenarioPlan): boolean {
  return (
    vms.some(({ spec }) => spec.disks !== undefined) ||
    faults.some(({ act: { blow } }) => isStorageBlow({ type: blow }))
  );
}

/** Like a good day in one data centre, but for what the file says; clocks drift on any day. */
function weatherOf({ network, random: drawn }: ScenarioPlan, random: Random): ReturnType<typeof drawWeather> {
  const weather = drawWeather(drawn?.profile ?? "calm", random);
  const meanUs = (network.delayMs * 1000) / 2;
  const isDrawn = drawn !== null;
  return {
    ...weather,
    drift: true,
    network: {
      ...weather.network,
      ...(!isDrawn && { delayMinUs: meanUs, delayMeanUs: meanUs }),
      loss: Math.max(network.loss, weather.network.loss),
    },
  };
}

/** What is drawn beside the file; at the end everything is healed, since the file says what is to last. */
function faultPlanOf({ random: drawn }: ScenarioPlan, random: Random): FaultPlan {
  const { core: _, ...plan } = drawPlan(drawn?.profile ?? "calm", random.fork(), drawn?.everyFault === true);
  return drawn === null ? { ...plan, weights: new Map(), hunt: 0 } : plan;
}
