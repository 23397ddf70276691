/** A modelled guest, what it does by itself, and who is told of it. Its host (`host.ts`) is who runs it. */
import type { InstanceLaunch } from "../../runtime/index.ts";
import type { KeptCheckpoint } from "./checkpoint-making.ts";
import type { GuestMemory, Stance } from "./guest-memory.ts";

/** Guests of one run of the simulator, in microseconds. */
export interface GuestWeather {
  spawnMaxUs: number;
  bootMinUs: number;
  bootMaxUs: number;
  /** Share of starts that fail. */
  startFailures: number;
  /** Share of stops in which the guest does not listen and is ended at the end of the grace. */
  deafness: number;
  /** Share of migrations that do not go well. Default: none. */
  moveFailures?: number;
  /** Share of checkpoints that do not go well. Default: none. */
  checkpointFailures?: number;
}

/** What a guest does by itself; a harness may give guests other programs than serving forever. */
export interface GuestProgram {
  /** Lines for its console, each so many milliseconds after the boot. */
  readonly says?: readonly { readonly afterMs: number; readonly line: string }[];
  /** Ends by itself with this code, so many milliseconds after the boot. */
  readonly exits?: { readonly afterMs: number; readonly code: number };
  /** Does not listen when it is asked to shut down. */
  readonly deaf?: boolean;
}

/** Somebody who reads a console as it is written. */
export interface ConsoleFollower {
  line(line: string): void;
  /** The guest has ended; nothing more will come. */
  end(): void;
}

export interface Guest {
  readonly program: GuestProgram;
  readonly launch: InstanceLaunch;
  readonly pid: number;
  readonly startedUs: number;
  readonly lines: string[];
  readonly followers: Set<ConsoleFollower>;
  deadlineMs: number;
  booted: boolean;
  /** Runs but answers nobody. */
  hung: boolean;
  stance: Stance;
  /** As of when its processors stood still last. */
  memory: GuestMemory;
  /** Since when they run. */
  runsSinceUs: number;
  /** How long it had run when its program began. */
  programFromUs: number;
}

/** Told when a guest begins and ends to run; asked after every such event. */
export interface GuestWatcher {
  /** Its processors stand still; go on, with what they had or what has come from another host. Default: nobody cares. */
  onGuestStands?(host: number, launch: InstanceLaunch, memory: GuestMemory): void;
  onGuestGoes?(host: number, launch: InstanceLaunch, memory: GuestMemory): void;
  /** `memory`: what it begins with. */
  onGuestStarted(host: number, launch: InstanceLaunch, memory: GuestMemory): void;
  /** A checkpoint of a guest is on a host's disk, and is there no more. Default: nobody cares. */
  onCheckpointKept?(host: number, id: string, kept: KeptCheckpoint): void;
  onCheckpointGone?(host: number, id: string): void;
  onGuestEnded(host: number, launch: InstanceLaunch, reason: string): void;
  /** A process wants a guest, which does not run yet; it has moved the deadline of a guard. Default: nobody cares. */
  onGuestAsked?(host: number): void;
  onGuardArmed?(host: number): void;
  /** All of a guest has come from another host, and nobody has heard of it. Default: nobody cares. */
  onGuestCame?(host: number): void;
}
