/** What a VmActor knows of its instance between two messages, and what of it the map is told. */
import type { PortForward, Random, StartFailure } from "../../runtime/index.ts";
import type { Observation } from "../cluster/commands.ts";
import { newHealth, type Health } from "./health.ts";
import { chooseHostPorts, toAddresses } from "./host-ports.ts";
import type { Vm } from "../resources/index.ts";

type Stage = "adopting" | "starting" | "booting" | "running" | "waiting" | "stopping" | "discarding";

export interface VmState {
  readonly stage: Stage;
  /** Counts starts; an answer of an earlier attempt is ignored. */
  readonly attempt: number;
  /** Consecutive failed runs. */
  readonly failures: number;
  readonly leaseUntilMs: number;
  readonly forwards: readonly PortForward[];
  readonly health: Health;
  readonly message: string;
  /** The one call to the hypervisor that has not been answered. */
  readonly open: "none" | "start" | "end";
  /** While `waiting`: whether the hypervisor said that nothing is left of the last run. */
  readonly cleared: boolean;
  /** `Unstartable`: this node could not start it, time and again. */
  readonly releaseAs: "Stopped" | "Completed" | "Unstartable";
  /** What the hypervisor refused the last starts with, and how many in a row; null after one that it did not refuse. */
  readonly refused: { readonly code: StartFailure; readonly times: number } | null;
}

/** What a VmActor begins with. */
interface Placed {
  readonly vm: Vm;
  readonly leaseUntilMs: number;
  /** Where the VM's ports are published. */
  readonly hostAddress: string;
}

export function initialState(
  { vm, leaseUntilMs, hostAddress }: Placed,
  world: { readonly random: Random; readonly nowMs: number },
): VmState {
  // An earlier life of this instance may have published ports; a guest that still runs holds them.
  const ports = vm.spec.ports.map((port) => {
    const host = port.host ?? vm.status.addresses.find((address) => address.name === port.name)?.port;
    return host === undefined ? port : { ...port, host };
  });
  return {
    stage: "adopting",
    attempt: vm.status.restarts,
    failures: 0,
    leaseUntilMs,
    forwards: chooseHostPorts(ports, hostAddress, world.random),
    health: newHealth(world.nowMs),
    message: "",
    open: "none",
    cleared: true,
    releaseAs: "Stopped",
    refused: null,
  };
}

const PHASES: Readonly<Record<Exclude<Stage, "discarding">, Observation["phase"]>> = {
  adopting: "Starting",
  starting: "Starting",
  booting: "Starting",
  running: "Running",
  waiting: "Crashed",
  stopping: "Stopping",
};

/** Null when the map is to be told nothing: it has forgotten the instance, or will not listen any more. */
export function observationOf({ stage, health, forwards, attempt, message }: VmState): Observation | null {
  if (stage === "discarding") return null;
  return {
    phase: PHASES[stage],
    health: stage === "running" ? health.verdict : "unknown",
    addresses: toAddresses(forwards),
    restarts: attempt,
    message,
  };
}
