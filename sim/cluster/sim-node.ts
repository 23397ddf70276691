/**
 * One node of a simulated cluster: a host, a disk and, most of the time, a process with an actor system.
 *
 * A process that crashes leaves its disk and its guests behind; a host that loses power leaves only its disk. The next
 * process is the same code on what was left, as in production.
 */
import type {
  ActorSystem,
  CrashReport,
  Journal,
  LogStore,
  Random,
  Remoting,
  SnapshotStore,
  World,
} from "../../runtime/index.ts";
import { remotingFor, THIS_EDITION, type Edition } from "./edition.ts";
import type { Disk } from "../disk/disk.ts";
import type { Host } from "../outside/host.ts";
import type { SimulatedJournal } from "../disk/journal.ts";
import type { Network } from "../network/network.ts";
import { ProcessLife } from "../timeline/process-life.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { clockOf } from "../timeline/virtual-clock.ts";

/** What the actors of one life get. */
export interface Process {
  readonly node: SimNode;
  readonly life: ProcessLife;
  readonly world: World & { readonly journal: Journal };
  readonly system: ActorSystem;
  readonly store: LogStore;
  readonly snapshots: SnapshotStore;
  /** The software that it runs. */
  readonly edition: Edition;
}

/** Puts the actors into a new process. */
export type Compose = (process: Process) => void;

export interface SimNodeOptions {
  readonly index: number;
  readonly name: string;
  readonly disk: Disk;
  readonly journal: SimulatedJournal;
  readonly host: Host;
  readonly network: Network;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly compose: Compose;
  /** What else the world of a life has. */
  readonly extendWorld: (life: ProcessLife) => Partial<World>;
  /** Something has entered the process since the checkers last looked. */
  readonly onTouched: (index: number) => void;
  /** The process is gone. */
  readonly onEnd: (index: number) => void;
  readonly onCrash: (index: number, crash: CrashReport) => void;
}

export class SimNode {
  readonly index: number;
  readonly name: string;
  readonly disk: Disk;
  /** On the same disk, beside the Raft log. */
  readonly journal: SimulatedJournal;
  readonly host: Host;
  readonly #options: SimNodeOptions;
  #process: Process | null = null;
  #lives = 0;
  /** What is installed; a process runs what was installed when it started. */
  edition: Edition = THIS_EDITION;

  constructor(options: SimNodeOptions) {
    this.index = options.index;
    this.name = options.name;
    this.disk = options.disk;
    this.journal = options.journal;
    this.host = options.host;
    this.#options = options;
  }

  get process(): Process | null {
    return this.#process;
  }

  get running(): boolean {
    return this.#process !== null;
  }

  get paused(): boolean {
    return this.#process?.life.paused === true;
  }

  start(): void {
    if (this.#process !== null) return;
    const { network, timeline, random, compose, extendWorld, onCrash } = this.#options;
    this.#lives += 1;
    this.host.isPowered = true;
    timeline.note(`start ${this.index} life ${this.#lives}`);
    const life = new ProcessLife(this.#lives, () => this.#options.onTouched(this.index));
    const { edition } = this;
    const remoting: Remoting = remotingFor(edition, network.attach(this.name, `${this.name}-data`, life));
    const clock = clockOf(this.host.clock, timeline, (run) => life.enter(run));
    const own: Process["world"] = {
      clock,
      random: random.fork(),
      dispatcher: timeline.dispatcher,
      remoting,
      journal: this.journal.open(life),
      ...extendWorld(life),
    };
    const world = timeline.watched(own, this.name);
    const system = edition.createSystem({
      node: this.name,
      world,
      onCrash: (crash) => {
        if (life.alive) onCrash(this.index, crash);
      },
    });
    const [store, snapshots] = [this.disk.open(life), this.disk.snapshots.open(life)];
    this.#process = { node: this, life, world, system, store, snapshots, edition };
    compose(this.#process);
  }

  /** `kill -9`: the disk keeps some of what was not synced, the guests run on. */
  kill(): void {
    if (this.#end(true)) this.#options.timeline.note(`kill ${this.index}`);
  }

  /** The host loses power: guests are gone too. */
  losePower(): void {
    this.#end(false);
    this.host.losePower();
    this.#options.timeline.note(`power-loss ${this.index}`);
  }

  /** The disk is lost with all that was on it, and an empty one put in; the process ends over it. */
  loseDisk(): void {
    this.#end(true);
    this.disk.wipe();
    this.host.loseDisk();
  }

  /** Everything of the process stands still, longer than it knows. */
  pause(): void {
    this.#process?.life.pause();
    this.#options.timeline.note(`pause ${this.index}`);
  }

  resume(): void {
    this.#options.timeline.note(`resume ${this.index}`);
    this.#process?.life.resume();
  }

  #end(kernelSurvives: boolean): boolean {
    const process = this.#process;
    if (process === null) return false;
    this.#process = null;
    process.life.end();
    this.host.listen(null);
    this.#options.network.detach(this.index, kernelSurvives);
    this.disk.crash(!kernelSurvives);
    this.journal.crash(process.life);
    process.system.stop();
    this.#options.onEnd(this.index);
    return true;
  }
}
