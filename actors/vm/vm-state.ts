/** What a VmActor knows of its instance between two messages, and what of it the map is told. */
import type { PortForward, Random } from "../../runtime/index.ts";
import type { Observation } from "../cluster/commands.ts";
import type { Ballooning } from "./ballooning.ts";
import { newHealth, type Health } from "./health.ts";
import { chooseHostPorts, toAddresses } from "./host-ports.ts";
import type { Vm } from "../resources/index.ts";
import type { MigrationWord, Wish } from "./vm-message.ts";

/** `receiving`: this node is the target of a migration, and has no right to run the instance yet. */
type Stage = "receiving" | "adopting" | "starting" | "booting" | "running" | "waiting" | "stopping" | "discarding";

export interface VmState {
  readonly stage: Stage;
  /** Counts starts; an answer of an earlier attempt is ignored. */
  readonly attempt: number;
  /** Consecutive failed runs. */
  readonly failures: number;
  readonly leaseUntilMs: number;
  readonly forwards: readonly PortForward[];
  readonly health: Health;
  /** Its heartbeat is waited for, since an interval of its health check began. */
  readonly listening: boolean;
  readonly message: string;
  /** The one call to the hypervisor that has not been answered. */
  readonly open: "none" | "start" | "end";
  /** While `waiting`: whether the hypervisor said that nothing is left of the last run. */
  readonly cleared: boolean;
  /** `Unstartable`: this node could not start it, time and again. */
  readonly releaseAs: "Stopped" | "Completed" | "Unstartable";
  /** Starts in a row that the hypervisor refused. */
  readonly refusals: number;
  /** The map's newest word. */
  readonly wish: Wish;
  /** Whether the guest's processors stand still; unknown of one that was found, or whose migration came to nothing. */
  readonly still: "no" | "yes" | "unknown";
  /** The call to pause or to resume that has not been answered; `rest`: one has failed, and is made again after a while. */
  readonly verb: { readonly id: number; readonly type: "pause" | "resume" | "rest" } | null;
  /** Counts those calls; an answer of an earlier one is ignored. */
  readonly verbs: number;
  /** How many in a row have failed. */
  readonly verbFailures: number;
  /** Null until its balloon was set for the first time. */
  readonly ballooning: Ballooning | null;
  /** What was said to the map of a migration and has not been answered. */
  readonly pending: { readonly migration: string; readonly word: MigrationWord } | null;
  readonly outgoing: Outgoing | null;
  readonly incoming: Incoming | null;
  /** The instance came by this migration, all of it at that time; it stood still for so long until it ran here. Null once the map is told. */
  readonly taken: { readonly migration: string; readonly arrivedMs: number; readonly stillMs: number | null } | null;
  /** It came by a migration a moment ago, and has the processors for itself (`aftermath.ts`). */
  readonly settling: boolean;
}

/** Of a migration from here. */
export interface Outgoing {
  readonly migration: string;
  /**
   * `waiting` for the target, `sending`, `sent` and standing still, `failed` and maybe standing still, `ending`: the map has ended it, and the
   * hypervisor has not yet.
   */
  readonly stage: "waiting" | "sending" | "sent" | "failed" | "ending";
  /** When it was told last how far it is. */
  readonly toldMs: number;
  /** Of one that is `sent`: how long it stood still until all of it had left. */
  readonly stillMs: number;
}

/** Of a migration to here. */
export interface Incoming {
  readonly migration: string;
  /** Nothing of `gone` is waited for, whatever is there of it. */
  readonly stage: "starting" | "listening" | "arrived" | "gone";
  readonly arrivedMs: number;
  /** Starts that were refused because a port was taken. */
  readonly tries: number;
}

/** What a VmActor begins with. */
interface Placed {
  readonly vm: Vm;
  readonly wish: Wish;
  readonly leaseUntilMs: number;
  /** Where the VM's ports are published. */
  readonly hostAddress: string;
}

export function initialState(
  { vm, wish, leaseUntilMs, hostAddress }: Placed,
  world: { readonly random: Random; readonly nowMs: number },
): VmState {
  // An earlier life of this instance may have published ports; a guest that still runs holds them. What is on its way here has its ports there.
  const published = wish.role === "own" ? vm.status.addresses : [];
  const ports = vm.spec.ports.map((port) => {
    const host = port.host ?? published.find((address) => address.name === port.name)?.port;
    return host === undefined ? port : { ...port, host };
  });
  return {
    stage: "adopting",
    attempt: vm.status.restarts,
    failures: 0,
    leaseUntilMs,
    forwards: chooseHostPorts(ports, hostAddress, world.random),
    health: newHealth(world.nowMs),
    listening: false,
    message: "",
    open: "none",
    cleared: true,
    releaseAs: "Stopped",
    refusals: 0,
    wish,
    still: "no",
    verb: null,
    verbs: 0,
    verbFailures: 0,
    ballooning: null,
    pending: null,
    outgoing: null,
    incoming: null,
    taken: null,
    settling: false,
  };
}

const PHASES: Readonly<Record<Exclude<Stage, "discarding" | "receiving">, Observation["phase"]>> = {
  adopting: "Starting",
  starting: "Starting",
  booting: "Starting",
  running: "Running",
  waiting: "Crashed",
  stopping: "Stopping",
};

/** Null when the map is to be told nothing: it has forgotten the instance, will not listen any more, or hears of it from another node. */
export function observationOf(state: VmState): Observation | null {
  const { stage, health, forwards, attempt, message } = state;
  if (stage === "discarding" || stage === "receiving") return null;
  const isPaused = stage === "running" && state.wish.paused && state.still === "yes";
  return {
    phase: isPaused ? "Paused" : PHASES[stage],
    health: stage === "running" && !isPaused ? health.verdict : "unknown",
    addresses: toAddresses(forwards),
    restarts: attempt,
    message,
  };
}
