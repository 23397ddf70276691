/** A user's own actors as a scenario: what `simulate` was given, in the processes of a cluster. */
import { createRandom, jsonCodec, type CrashReport, type Random } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { decodeOnceCodec } from "../network/decode-once-codec.ts";
import type { GuestWatcher } from "../outside/guest.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import type { Process, SimNode } from "../cluster/sim-node.ts";
import { loggerOf } from "../timeline/simulated-logger.ts";
import type { Check, Checks, SimulatedNode, Simulation } from "./simulation.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { SimulateOptions, SimulationLoad } from "./simulate-options.ts";
import type { VirtualWork } from "../timeline/virtual-work.ts";

/** Mean pause between two acts of the load, unless the options say otherwise. */
const LOAD_EVERY_MS = 100;

/** Of the numbers that decide what a step draws. */
const CHANCES = 2 ** 32;

export class ActorScenario implements Scenario, Simulation {
  readonly guests: GuestWatcher = { onGuestStarted: () => {}, onGuestEnded: () => {} };
  phase: Simulation["phase"] = "load";
  readonly #options: SimulateOptions;
  readonly #work: VirtualWork;
  readonly #onAct: (act: LoadAct) => void;
  readonly #pauses: Random;
  /** One for all: a run is quicker when a command is decoded once. */
  readonly #codec = decodeOnceCodec(jsonCodec);
  readonly #processes = new Map<string, SimulatedNode>();
  readonly #marks = new Map<string, number>();
  #cluster!: Cluster;
  /** Of the step that is being done. */
  #random: Random;

  constructor(
    options: SimulateOptions,
    rest: { readonly work: VirtualWork; readonly random: Random; readonly onAct: (act: LoadAct) => void },
  ) {
    this.#options = options;
    this.#work = rest.work;
    this.#onAct = rest.onAct;
    this.#random = rest.random.fork();
    this.#pauses = rest.random.fork();
  }

  get random(): Random {
    return this.#random;
  }

  get seed(): number {
    return this.#options.seed;
  }

  get nowMs(): number {
    return this.#cluster.timeline.nowMs;
  }

  get names(): readonly string[] {
    return this.#cluster.names;
  }

  nodes(): readonly SimulatedNode[] {
    return this.names.flatMap((name) => this.node(name) ?? []);
  }

  node(name: string): SimulatedNode | undefined {
    return this.#processes.get(name);
  }

  note(line: string): void {
    this.#cluster.timeline.note(`note ${line}`);
  }

  mark(name: string): void {
    this.#marks.set(name, (this.#marks.get(name) ?? 0) + 1);
  }

  fail(rule: string, message: string): void {
    this.#cluster.timeline.fail(rule, message);
  }

  attach(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  compose(process: Process): void {
    const { node, life, world, system, store, snapshots } = process;
    const simulated: SimulatedNode = {
      name: node.name,
      index: node.index,
      life: life.number,
      names: this.names,
      system,
      world,
      cluster: {
        members: this.names,
        store,
        snapshots,
        codec: this.#codec,
        logger: loggerOf(node.index, life, this.#cluster.timeline),
        onRaftStart: (view) => this.#cluster.raft.onStart(node.index, view),
      },
      note: (line) => this.note(`${node.index} ${line}`),
      mark: (name) => this.mark(name),
    };
    this.#processes.set(node.name, simulated);
    refusePromise("start", this.#options.start(simulated));
  }

  check(): void {
    this.#ask(this.#options.always ?? {}, (rule, message) => this.fail(rule, message));
  }

  onEnd(node: SimNode): void {
    this.#processes.delete(node.name);
  }

  load(kind: Schedule["load"] = "drawn"): void {
    if (kind === "drawn" && this.#options.load !== undefined) this.#actSoon(this.#options.load);
  }

  perform(act: LoadAct): boolean {
    const { load } = this.#options;
    if (act.type !== "step" || load === undefined || this.phase !== "load") return false;
    this.#act(load, act);
    return true;
  }

  unload(): void {
    this.phase = "healing";
  }

  unsettled(): string | null {
    let found: string | null = null;
    this.#ask(this.#options.eventually ?? {}, (rule, message) => {
      found ??= `"${rule}" does not hold: ${message}`;
    });
    return found;
  }

  checkEnd(): void {
    const count = this.#work.unsettled();
    if (count === 0) return;
    const promises = count === 1 ? "1 promise" : `${count} promises`;
    const message = `${promises} given to ctx.pipe never settled: nothing outside of the run, as a socket, a file or a timer of the platform, settles one`;
    this.fail("work-settles", message);
  }

  marks(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#marks);
  }

  judgeCrash(crash: CrashReport): string | null {
    if (this.#options.allowCrash?.(crash) === true) return null;
    return `Actor ${crash.ref.toString()} crashed: ${String(crash.error)}`;
  }

  /** Aside, as faults are drawn: a replay has the steps as events and does without. */
  #actSoon(load: SimulationLoad): void {
    const meanUs = 1000 * (load.everyMs ?? LOAD_EVERY_MS);
    this.#cluster.timeline.afterAside(
      -Math.log(1 - this.#pauses.next()) * meanUs,
      () => {
        if (this.phase !== "load") return;
        const act = this.#draw(load, this.#pauses.integer(CHANCES));
        if (act !== null) {
          this.#onAct(act);
          this.#act(load, act);
        }
        this.#actSoon(load);
      },
      "load",
    );
  }

  #draw(load: SimulationLoad, chance: number): StepAct | null {
    if (load.draw === undefined) return { type: "step", chance };
    this.#random = createRandom(chance).fork();
    const step: unknown = load.draw(this);
    refusePromise("load.draw", step);
    return step === null || step === undefined ? null : { type: "step", chance, step: plainCopy(step) };
  }

  #act(load: SimulationLoad, { chance, step }: StepAct): void {
    if (step !== undefined) this.note(`step ${JSON.stringify(step)}`);
    this.#random = createRandom(chance);
    refusePromise("load.act", load.act(this, step));
  }

  #ask(checks: Checks, wrong: (rule: string, message: string) => void): void {
    for (const [rule, check] of Object.entries(checks)) {
      const message = answerOf(check, this);
      if (message !== null) wrong(rule, message);
    }
  }
}

type StepAct = Extract<LoadAct, { readonly type: "step" }>;

/** What a file would hold of it, so that the recorded run and its replay do the same. */
function plainCopy(step: unknown): unknown {
  const text: unknown = JSON.stringify(step);
  if (typeof text === "string") return JSON.parse(text);
  throw new TypeError(`Cannot simulate: \`load.draw\` returned a ${typeof step}, wanted plain data or null`);
}

/**
 * What it did behind an `await` would happen outside of the run, and a rejection would end the process: it is let run out, and refused.
 */
function refusePromise(what: string, returned: unknown): void {
  if (!(returned instanceof Promise)) return;
  returned.catch(() => {});
  throw new TypeError(
    `Cannot simulate: \`${what}\` returned a promise, which no run waits for; prepare before simulate(), and await in actors by ctx.pipe`,
  );
}

function answerOf(check: Check, run: Simulation): string | null {
  try {
    const answer: unknown = check(run) ?? null;
    if (answer === null || typeof answer === "string") return answer;
    const what = answer instanceof Promise ? "a promise" : `a value of type ${typeof answer}`;
    return `its check answered ${what}, wanted what is wrong as text, or nothing`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
