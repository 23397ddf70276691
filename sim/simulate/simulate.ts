/**
 * Runs a user's own actors under one seed, from the start to the verdict.
 *
 *     start ──▶ load and faults for `durationMs` ──▶ healed ──eventually, within settleWithinMs?──▶ result
 *
 * The same timeline, network, disks and faults as the runs of Blixard's own actors. It is asynchronous for the sake of
 * `ctx.pipe` alone (virtual-work.ts) and keeps the event loop until it is done. While it runs, every source of time and
 * entropy of the platform throws, so a run is decided by its seed or it fails.
 */
import { createRandom } from "../../runtime/index.ts";
import { PayloadTypes } from "../../transport/index.ts";
import { drawActorPlan, type ActorFaults } from "./actor-faults.ts";
import { ActorScenario } from "./actor-scenario.ts";
import { checkSimulate } from "./check-simulate.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { EventLog } from "../timeline/event-log.ts";
import { FaultInjector, type FaultSource } from "../faults/fault-injector.ts";
import type { RunRecorder } from "../record/run-recorder.ts";
import { openRun } from "../run/open-run.ts";
import { requireRange } from "../run/run-limits.ts";
import { SchedulePlayer } from "../run/schedule-player.ts";
import { Recording, type Schedule } from "../schedule/schedule.ts";
import { whileSealed } from "../timeline/sealed-globals.ts";
import type { SimulateOptions, SimulationResult } from "./simulate-options.ts";
import type { EventTrace } from "../timeline/event-trace.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { VirtualWork } from "../timeline/virtual-work.ts";

const NODES_DEFAULT = 3;
const DURATION_MS_DEFAULT = 60_000;
const SETTLE_MS_DEFAULT = 120_000;

/** How often it is asked whether everything of `eventually` holds. */
const SETTLED_EVERY_US = 100_000;

/**
 * Simulates the actors that `start` puts into each node.
 *
 * Resolves also when a rule did not hold: see `ok` and `failure` of the result. One run at a time in a process.
 * @throws {RangeError} when an option is out of range, {TypeError} when a check is no function, or `start` or `load`
 * returns a promise; rejects with what `start` or `load` throws.
 */
export async function simulate<Step = unknown>(options: SimulateOptions<Step>): Promise<SimulationResult> {
  return (await trySimulation(options)).result;
}

/** As `simulate`, and answers what was done in the run, the load too: what repeats it, byte for byte. */
export async function trySimulation(
  options: SimulateOptions,
  trace: EventTrace | null = null,
  recorder: RunRecorder | null = null,
): Promise<{ readonly result: SimulationResult; readonly schedule: Schedule }> {
  const { seed, nodes = NODES_DEFAULT, durationMs = DURATION_MS_DEFAULT } = options;
  requireRange({ seed, nodes, durationMs });
  checkSimulate(options);
  return whileSealed(globalThis, async () => {
    const run = new ActorRun(options, { nodes, durationMs, trace, recorder });
    const result = await run.run();
    return { result, schedule: run.recording.whole };
  });
}

class ActorRun {
  readonly recording: Recording;
  readonly #options: SimulateOptions;
  readonly #nodes: number;
  readonly #durationMs: number;
  readonly #faults: ActorFaults;
  readonly #log: EventLog;
  readonly #timeline: Timeline;
  readonly #work: VirtualWork;
  readonly #scenario: ActorScenario;
  readonly #cluster: Cluster;
  readonly #injector: FaultSource;
  readonly #recorder: RunRecorder | null;

  constructor(
    options: SimulateOptions,
    {
      nodes,
      durationMs,
      trace,
      recorder,
    }: {
      readonly nodes: number;
      readonly durationMs: number;
      readonly trace: EventTrace | null;
      readonly recorder: RunRecorder | null;
    },
  ) {
    const random = createRandom(options.seed);
    this.#options = options;
    this.#nodes = nodes;
    this.#durationMs = durationMs;
    this.#faults = options.faults ?? "mixed";
    const { log, timeline, forkChance } = openRun(options, random, { trace, recorder });
    this.#log = log;
    this.#timeline = timeline;
    const { replay } = options;
    this.recording = new Recording(this.#timeline);
    const plan = drawActorPlan(this.#faults, durationMs * 1000, random.fork());
    this.#work = new VirtualWork(this.#timeline, forkChance());
    const scenario = new ActorScenario(options, {
      work: this.#work,
      random: random.fork(),
      onAct: (act) => this.recording.add(act),
    });
    this.#scenario = scenario;
    this.#cluster = new Cluster({
      nodes,
      timeline: this.#timeline,
      random: forkChance(),
      weather: plan.weather,
      payloadTypes: new PayloadTypes(options.payloadTypes ?? []),
      hooks: {
        compose: (process) => scenario.compose(process),
        check: () => scenario.check(),
        onEnd: (node) => scenario.onEnd(node),
        onLeader: () => {},
        onCommitted: () => {},
        guests: scenario.guests,
        extendWorld: (life) => ({ work: this.#work.port(life) }),
        judgeCrash: (crash) => scenario.judgeCrash(crash),
      },
    });
    const { recording } = this;
    this.#injector =
      replay === undefined
        ? new FaultInjector(this.#cluster, { plan, random: random.fork(), recording })
        : new SchedulePlayer(this.#cluster, { schedule: replay.schedule, scenario, recording });
    scenario.attach(this.#cluster);
    this.#recorder = recorder;
    recorder?.attach(this.#cluster, recording);
  }

  async run(): Promise<SimulationResult> {
    try {
      await this.#live();
      // Before the processes are ended: a report's last lines are about what went wrong.
      return this.#result();
    } finally {
      this.#recorder?.finish();
      this.#cluster.close();
    }
  }

  async #live(): Promise<void> {
    const timeline = this.#timeline;
    for (const node of this.#cluster.nodes) node.start();
    this.#scenario.load(this.#options.replay?.schedule.load);
    this.#injector.start();
    await this.#runUntil(this.#durationMs * 1000);
    if (timeline.failure !== null || this.#options.replay?.isCutShort === true) return;
    this.#scenario.unload();
    this.#injector.stop();
    timeline.note("healed");
    const settleMs = this.#options.settleWithinMs ?? SETTLE_MS_DEFAULT;
    const untilUs = timeline.nowUs + settleMs * 1000;
    let unsettled = this.#scenario.unsettled();
    while (unsettled !== null && timeline.nowUs < untilUs && timeline.failure === null) {
      await this.#runUntil(timeline.nowUs + SETTLED_EVERY_US);
      unsettled = this.#scenario.unsettled();
    }
    if (timeline.failure !== null) return;
    if (unsettled === null) this.#scenario.checkEnd();
    else timeline.fail("eventually", `${settleMs / 1000} s after all faults ended, ${unsettled}`);
  }

  async #runUntil(untilUs: number): Promise<void> {
    const timeline = this.#timeline;
    do {
      timeline.settle();
      await this.#work.progress();
      timeline.settle();
    } while (timeline.step(untilUs));
  }

  #result(): SimulationResult {
    const { failure } = this.#timeline;
    return {
      seed: this.#options.seed,
      nodes: this.#nodes,
      durationMs: this.#durationMs,
      faultsAsked: this.#faults,
      ok: failure === null,
      ...(failure && {
        failure: {
          invariant: failure.invariant,
          message: failure.message,
          atMs: failure.atUs / 1000,
          lines: this.#log.tail(),
        },
      }),
      eventLogHash: this.#log.digest(),
      events: this.#log.lines,
      turns: this.#timeline.turns,
      simulatedMs: Math.round(this.#timeline.nowMs),
      // A replay counts the steps of the load, too.
      faults: Object.fromEntries([...this.#injector.counts].filter(([name]) => name !== "step")),
      marks: {
        delivered: this.#cluster.network.delivered,
        lost: this.#cluster.network.lost,
        ...this.#scenario.marks(),
      },
    };
  }
}
