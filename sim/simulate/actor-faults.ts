/** Which faults strike a user's own actors, and how often: what `simulate` asks for, turned into a plan of the injector. */
import type { Random } from "../../runtime/index.ts";
import type { Weather } from "../cluster/cluster.ts";
import type { FaultKind } from "../faults/fault-kinds.ts";
import { drawWeather, drawWeights, type FaultPlan } from "../faults/fault-plan.ts";

/** The kinds of faults that any actors can be put under; what each does is in `fault-kinds.ts`. */
export type ActorFaultKind = Extract<
  FaultKind,
  | "partition"
  | "one-way-cut"
  | "half-deaf"
  | "link-reset"
  | "loss"
  | "delay"
  | "link-weather"
  | "bandwidth"
  | "clog"
  | "flap"
  | "filter"
  | "reconnect-storm"
  | "half-open"
  | "kill"
  | "power-loss"
  | "kill-all"
  | "disk-slow"
  | "disk-hang"
  | "disk-error"
  | "pause"
  | "wall-step"
  | "clock-drift"
  | "clock-freeze"
  | "clock-unbound"
>;

const NETWORK_KINDS: readonly ActorFaultKind[] = [
  "partition",
  "one-way-cut",
  "half-deaf",
  "link-reset",
  "loss",
  "delay",
  "link-weather",
  "bandwidth",
  "clog",
  "flap",
  "filter",
  "reconnect-storm",
  "half-open",
];
const CRASH_KINDS: readonly ActorFaultKind[] = ["kill", "power-loss", "kill-all"];
const DISK_AND_CLOCK_KINDS: readonly ActorFaultKind[] = [
  "disk-slow",
  "disk-hang",
  "disk-error",
  "pause",
  "wall-step",
  "clock-drift",
];

/** Only where they are named: what leases bear and a rate alone does not, and what nothing bears that stands on clocks. */
const NAMED_KINDS: readonly ActorFaultKind[] = ["clock-freeze", "clock-unbound"];

/**
 * `mixed`: every kind; `network`: partitions, cuts, loss, delay, narrow lines, clogs, flapping links, one kind of messages lost, storms of
 * reconnects, half-open connections; `crashes`: processes and hosts that end and come back;
 * `none`: nothing, and clear weather. A list: these kinds. Of what is allowed each seed leaves some kinds out. Only in a list:
 * `clock-freeze`, monotonic clocks that stand still for up to 150 ms, which leases bear and reads under leases do not; `clock-unbound`, those
 * that stand still for longer or run at another rate than any lease bears, to see what then breaks.
 */
export type ActorFaults = "mixed" | "network" | "crashes" | "none" | readonly ActorFaultKind[];

const SECOND_US = 1_000_000;

/** A fault lasts, and a node stays away, at most this; shorter in a short run, so that there is a time after it. */
const LENGTH_MAX_US = 25 * SECOND_US;
const AWAY_MAX_US = 20 * SECOND_US;

function kindsOf(faults: ActorFaults): readonly ActorFaultKind[] {
  switch (faults) {
    case "mixed":
      return [...NETWORK_KINDS, ...CRASH_KINDS, ...DISK_AND_CLOCK_KINDS];
    case "network":
      return NETWORK_KINDS;
    case "crashes":
      return CRASH_KINDS;
    case "none":
      return [];
    default:
      return faults;
  }
}

/** Whether these are faults that can strike; a program without types may have named others. */
export function isActorFaults(faults: unknown): boolean {
  const kinds: ReadonlySet<unknown> = new Set([...kindsOf("mixed"), ...NAMED_KINDS]);
  if (Array.isArray(faults)) return faults.every((kind) => kinds.has(kind));
  return typeof faults === "string" && ["mixed", "network", "crashes", "none"].includes(faults);
}

/** Draws what one run is like. Times follow its length, so that a run of ten seconds meets faults too. */
export function drawActorPlan(faults: ActorFaults, durationUs: number, random: Random): FaultPlan {
  const kinds = kindsOf(faults);
  const stormUs = durationUs * (0.1 + 0.3 * random.next());
  return {
    weather: drawActorWeather(kinds, random),
    weights: drawWeights(kinds, random),
    lengths: {
      minUs: 0.01 * SECOND_US,
      maxUs: Math.min(LENGTH_MAX_US, durationUs / 3),
      restartMinUs: 0.01 * SECOND_US,
      restartMaxUs: Math.min(AWAY_MAX_US, durationUs / 4),
    },
    everyUs: (stormUs / 20) * 10 ** random.next(),
    stormUs,
    calmUs: stormUs * (0.1 + 0.6 * random.next()),
    hunt: 0,
    huntWithinUs: 0,
  };
}

function drawActorWeather(kinds: readonly ActorFaultKind[], random: Random): Weather {
  const weather = drawWeather(kinds.length === 0 ? "calm" : "mixed", random);
  const { network } = weather;
  return {
    ...weather,
    network: {
      ...network,
      loss: kinds.includes("loss") ? network.loss : 0,
      spikes: kinds.includes("delay") ? network.spikes : 0,
    },
    // What no frame could carry, and who changes what it has sent, is found in every run.
    strict: true,
  };
}
