/** What one simulated run is asked for and what it answers. Everything in it is plain data, the same in every process. */
import type { UpgradeEditions } from "../load/rolling-upgrade.ts";
import type { PlantedFaults } from "../faults/planted-faults.ts";
import type { ProfileName } from "../faults/profile.ts";
import type { OrderKind } from "../search/index.ts";
import type { Schedule } from "../schedule/schedule.ts";

export interface RunOptions {
  /** Decides everything: faults, delays, the order of turns, the workload. A safe integer. */
  readonly seed: number;
  /** Members of the cluster, 1 to 9, or to 100 with `vms`. Default: 3 to 7, drawn from the seed. */
  readonly nodes?: number;
  /** Simulated time under faults and load. Healing and the last checks come on top (about a minute of simulated time). */
  readonly durationMs: number;
  /** Which faults are drawn and how hard they hit. Default: drawn from the seed. */
  readonly profile?: ProfileName;
  /** VMs of whole nodes (`mixed`, `leases`, `calm`), all created at once at the start; from 1 to 1000. Default: up to 8, made one by one, drawn from the seed. */
  readonly vms?: number;
  /** No kind of fault that the profile may draw is left out. Default: each seed leaves some out (swarm testing). */
  readonly everyFault?: boolean;
  /** How the order of turns is decided: `even`, or `pct`, by priorities (`../search/priority-order.ts`). Default: drawn from the seed. */
  readonly order?: OrderKind;
  /** Folder of the software that all nodes begin with; they are upgraded to this one while the run lasts. Default: all run this one. */
  readonly upgradeFrom?: string;
  /** With `upgradeFrom`: both, loaded (`../node/load-edition.ts`). */
  readonly editions?: UpgradeEditions;
  /** Rules broken on purpose, to see that the checkers notice. Default: none. */
  readonly planted?: PlantedFaults;
  /** What is done to the cluster, in place of what the seed draws. Default: what the seed draws. */
  readonly replay?: Replay;
  /** Lines of the event log kept for the report of a failure. Default 40. */
  readonly linesKept?: number;
  /**
   * Gets every line of the event log, at once. Must not use timers or streams: they throw while a simulation runs; write
   * synchronously or collect.
   */
  onLine?(line: string): void;
}

/** How a run repeats another, whole or in part. */
export interface Replay {
  readonly schedule: Schedule;
  /** Decides delays, the order of turns and the like in place of the run's seed. Default: the run's seed. */
  readonly chance?: number;
  /** The run ends with its `durationMs`: nothing is healed, and what must be true of the whole is not asked. Default: false. */
  readonly isCutShort?: boolean;
}

export interface SeedResult {
  readonly seed: number;
  /** Members of the cluster at first. */
  readonly nodes: number;
  readonly durationMs: number;
  readonly profile: ProfileName;
  /** Present when they were asked for. */
  readonly vms?: number;
  readonly upgradeFrom?: string;
  /** Present, and true, when no kind of fault was left out. */
  readonly everyFault?: boolean;
  /** Present when it was asked for. */
  readonly order?: OrderKind;
  readonly ok: boolean;
  /** Present when `ok` is false. */
  readonly failure?: SeedFailure;
  /** 16 hexadecimal digits over every line of the event log. Equal for equal seed, options and software. */
  readonly eventLogHash: string;
  /** Lines of the event log. */
  readonly events: number;
  /** Turns of actors. */
  readonly turns: number;
  readonly simulatedMs: number;
  /** How often each kind of fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
  /** What the run reached: leaders elected, entries committed, guests started, reads answered, ... */
  readonly marks: Readonly<Record<string, number>>;
}

/** The first rule that did not hold in a run. */
export interface SeedFailure {
  /** The name of the rule that did not hold; see README.md. */
  readonly invariant: string;
  readonly message: string;
  /** Simulated time since the start. */
  readonly atMs: number;
  /** The last lines of the event log. */
  readonly lines: readonly string[];
}
