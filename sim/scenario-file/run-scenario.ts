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
import type { SeedFailure } from "../run/run-result.ts";
import { MemberScenario } from "../scenarios/member-scenario.ts";
import { Recording } from "../schedule/schedule.ts";
import { EventLog } from "../timeline/event-log.ts";
import { withSealedGlobals } from "../timeline/sealed-globals.ts";
import { Timeline } from "../timeline/timeline.ts";
import { diagnoseVms, diagnoseWait, type Finding } from "./diagnose.ts";
import { judge, longest, type Verdict } from "./judge.ts";
import type { Observation, ObservedVm } from "./observation.ts";
import { OutageWatch } from "./outage-watch.ts";
import { PlatformLoad } from "./platform-load.ts";
import type { ScenarioPlan } from "./scenario-plan.ts";
import { Striker } from "./striker.ts";

/** For an election, every VM's boot, and a start that fails. */
const WARM_UP_US = 60_000_000;
const SETTLE_US = 120_000_000;
const LOOK_EVERY_US = 100_000;
const LINES_KEPT = 40;

/** Logs of usual length: compacted now and then within minutes. */
const COMPACTION = { everyEntries: 300, trailingEntries: 100 };

/** Where only the file strikes. */
const NOBODY_DRAWS: FaultPlan["weights"] = new Map();

export interface ScenarioRunOptions {
  readonly plan: ScenarioPlan;
  /** A safe integer. */
  readonly seed: number;
  /** Gets each line of the event log, at once and synchronously. */
  onLine?(line: string): void;
}

/** What came of one seed, as plain data. */
export interface ScenarioRun {
  readonly seed: number;
  /** Everything expected was kept, and every rule of the simulator. */
  readonly ok: boolean;
  /** The rule of the simulator that was broken, which ended the run. */
  readonly rule: SeedFailure | null;
  /** One for each expectation, in their order. */
  readonly verdicts: readonly Verdict[];
  /** Of the VMs that broke expectations. */
  readonly findings: readonly Finding[];
  /** VMs that did not serve within a minute of the start, before any fault, and why. */
  readonly neverUp: readonly { readonly vm: string; readonly reason: string }[];
  readonly vms: readonly { readonly name: string; readonly longestMs: number; readonly isOpen: boolean }[];
  /** From each strike at who led until somebody leads who reaches a majority. */
  readonly newLeaderMs: readonly number[];
  readonly waits: { readonly writes: Wait | null; readonly reads: Wait | null };
  readonly notStruck: readonly { readonly fault: string; readonly why: string }[];
  /** What is wrong two minutes after all faults have ended; null: nothing. */
  readonly unsettled: string | null;
  readonly simulatedMs: number;
  readonly events: number;
  readonly eventLogHash: string;
}

export interface Wait {
  readonly count: number;
  readonly medianMs: number;
  readonly longestMs: number;
}

export function runScenario(options: ScenarioRunOptions): ScenarioRun {
  return withSealedGlobals(globalThis, () => new Run(options).run());
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
  #load!: PlatformLoad;
  #beganUs = 0;
  #endedUs = 0;
  #unsettled: string | null = null;
  #neverUp: ScenarioRun["neverUp"] = [];

  constructor(options: ScenarioRunOptions) {
    const { plan, seed } = options;
    const random = createRandom(seed);
    this.#plan = plan;
    this.#seed = seed;
    this.#log = new EventLog({
      linesKept: LINES_KEPT,
      ...(options.onLine && { onLine: (line) => options.onLine?.(line) }),
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
  }

  run(): ScenarioRun {
    try {
      this.#warmUp();
      this.#live();
      this.#settle();
    } finally {
      this.#cluster.close();
    }
    return this.#result();
  }

  #warmUp(): void {
    const timeline = this.#timeline;
    for (const node of this.#cluster.nodes) node.start();
    this.#scenario.load();
    const isUp = (): boolean => this.#watch.isLed && this.#watch.areAllUp;
    while (timeline.nowUs < WARM_UP_US && timeline.failure === null && !isUp()) {
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
    const plan = this.#plan;
    const seen = this.#observe();
    const rule = this.#rule();
    const verdicts = plan.expectations.map((one) => judge(one, seen, rule?.invariant ?? null));
    const areKept = verdicts.every(({ isKept, notJudged }) => isKept || notJudged !== null);
    return {
      seed: this.#seed,
      ok: rule === null && areKept && this.#unsettled === null,
      rule,
      verdicts,
      findings: findingsOf(plan, seen, verdicts),
      neverUp: this.#neverUp,
      vms: seen.vms.map(({ name, outages }) => {
        const { ms: longestMs, isOpen } = longest(outages, seen.spanMs);
        return { name, longestMs, isOpen };
      }),
      newLeaderMs: newLeaderTimes(seen),
      waits: { writes: waitOf(seen, "writes"), reads: waitOf(seen, "reads") },
      notStruck: seen.strikes.flatMap(({ fault, notStruck }) =>
        notStruck === null ? [] : [{ fault, why: notStruck }],
      ),
      unsettled: this.#unsettled,
      simulatedMs: Math.round(this.#timeline.nowMs),
      events: this.#log.lines,
      eventLogHash: this.#log.digest(),
    };
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

/** Why what was broken was broken. */
function findingsOf(plan: ScenarioPlan, seen: Observation, verdicts: readonly Verdict[]): readonly Finding[] {
  const broken = verdicts.map(({ isKept, notJudged }) => !isKept && notJudged === null);
  const vms = verdicts.flatMap((verdict, index) => (broken[index] === true ? verdict.vms : []));
  const waits = plan.expectations.flatMap((expectation, index) => {
    if (broken[index] !== true) return [];
    if (expectation.type === "leader") return diagnoseWait(plan, seen, seen.leaderless) ?? [];
    if (expectation.type !== "answered") return [];
    const asked = seen.requests.filter(({ what }) => what === expectation.what);
    return (
      diagnoseWait(
        plan,
        seen,
        asked.map(({ startedMs, answeredMs }) => ({ fromMs: startedMs, untilMs: answeredMs })),
      ) ?? []
    );
  });
  const found = [...diagnoseVms(plan, seen, [...new Set(vms)]), ...waits];
  return found.filter(({ why }, index) => found.findIndex((one) => one.why === why) === index);
}

/** VMs that are to run. */
function running({ vms }: ScenarioPlan): readonly string[] {
  return vms.filter(({ spec }) => spec.running).map(({ name }) => name);
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
  const plan: FaultPlan & { core?: unknown } = drawPlan(
    drawn?.profile ?? "calm",
    random.fork(),
    drawn?.everyFault === true,
  );
  delete plan.core;
  return drawn === null ? { ...plan, weights: NOBODY_DRAWS, hunt: 0 } : plan;
}

function newLeaderTimes({ strikes, leaderless, spanMs }: Observation): readonly number[] {
  return strikes.flatMap(({ atMs, nodes, leader, notStruck }) => {
    if (notStruck !== null || leader === null || !nodes.includes(leader)) return [];
    const gap = leaderless.find(
      ({ fromMs, untilMs }) => fromMs >= atMs - 100 && fromMs < atMs + 5000 && untilMs !== null,
    );
    return gap === undefined ? [] : [Math.max(0, (gap.untilMs ?? spanMs) - atMs)];
  });
}

function waitOf({ requests, spanMs }: Observation, what: "writes" | "reads"): Wait | null {
  const waits = requests
    .filter((request) => request.what === what)
    .map(({ startedMs, answeredMs }) => (answeredMs ?? spanMs) - startedMs)
    .toSorted((one, other) => one - other);
  const longestMs = waits.at(-1);
  if (longestMs === undefined) return null;
  return { count: waits.length, medianMs: waits[Math.floor(waits.length / 2)] ?? 0, longestMs };
}
