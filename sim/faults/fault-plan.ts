/**
 * Draws from the seed what a run is like: the weather, which kinds of faults there are, how often, how long.
 *
 * Swarm testing (Groce et al., 2012): whole kinds are off in a run, so that what hides behind a frequent fault is met in a
 * run without it. Times of storm and of calm alternate, so that there is something to lose when the next storm comes.
 */
import { createRandom, type Random } from "../../runtime/index.ts";
import type { Weather } from "../cluster/cluster.ts";
import { COMMON_FAULT_KINDS, LINK_FAULT_KINDS, RAFT_FAULT_KINDS, type FaultKind } from "./fault-kinds.ts";
import type { FaultLengths } from "./blow-maker.ts";
import { ratesOfRack } from "./fault-rates.ts";
import type { ProfileName } from "./profile.ts";
import type { StoragePlan } from "./storage-plan.ts";

export interface FaultPlan {
  readonly weather: Weather;
  /** Weight of each kind that is on. Empty: no faults. */
  readonly weights: ReadonlyMap<FaultKind, number>;
  readonly lengths: FaultLengths;
  /** Mean pause between two faults of a storm. */
  readonly everyUs: number;
  readonly stormUs: number;
  readonly calmUs: number;
  /** Probability that a leader is struck soon after it was elected or has committed its first entry. */
  readonly hunt: number;
  /** Longest wait of the hunter. */
  readonly huntWithinUs: number;
  /** Storage below the disks of VMs. Default: none. */
  readonly storage?: StoragePlan;
  /** How the run ends: with that probability a core is healed and nothing else ever is. Absent: never. */
  readonly core?: { readonly share: number; readonly mayHub: boolean };
}

/** Kinds of faults of links are many; so each is rarer, and all of them together are not more than the others. */
const LINK_SHARE = 0.4;

const SECOND_US = 1_000_000;

/** Of guests on their way to another host: enough that each step fails in some run. */
const MOVE_FAILURES = 0.4;

/** Share of checkpoints that fail, take long, or are found damaged. */
const CHECKPOINT_FAILURES = 0.3;

/** In a rack at most so many messages are lost, or late by a spike, when nothing is wrong; and so seldom a guest fails in what it does. */
const RACK_LOSS = 0.0002;
const RACK_GUESTS = { startFailures: 0.01, moveFailures: 0.05, checkpointFailures: 0.05, deafness: 0.05 };

/** Share of runs in which a kind is off. */
const OFF = 0.4;

/** Share of runs that end with a core alone being healed. */
const CORE = 0.4;

/** What tries leases. */
const LEASE_KINDS: readonly FaultKind[] = [
  "lease-edge",
  "lease-squeeze",
  "guest-trouble",
  "crash-point",
  "pause",
  "leader-pause",
  "leader-cut",
  "partition",
  "half-deaf",
  "kill",
  "power-loss",
  "wall-step",
  "clock-freeze",
  "clock-drift",
  "delay",
  "disk-slow",
  ...LINK_FAULT_KINDS.filter((kind) => kind !== "replay"),
];

/** Which kinds a profile may draw, where not all. */
const KINDS: Readonly<Partial<Record<ProfileName, readonly FaultKind[]>>> = {
  calm: [],
  elections: [
    "kill",
    "crash-point",
    "leader-cut",
    "leader-kill",
    "voters-kill",
    "vanguard-cut",
    "partition",
    "one-way-cut",
    "delay",
    "loss",
    "disk-slow",
    "link-reset",
    "duplicate",
    "reorder",
    ...LINK_FAULT_KINDS,
    "clock-drift",
  ],
  disk: [
    "kill",
    "crash-point",
    "power-loss",
    "torn-write",
    "kill-all",
    "disk-slow",
    "disk-hang",
    "disk-error",
    "disk-full",
    "log-rot",
    "snapshot-rot",
    "snapshot-error",
    "state-rot",
    "misdirected-write",
    "disk-loss",
    "slow-follower",
    "leader-kill",
  ],
  membership: RAFT_FAULT_KINDS,
  "lost-quorum": ["kill", "power-loss", "torn-write", "leader-kill", "leader-cut", "partition", "delay", "disk-slow"],
  library: [
    "lease-edge",
    "lease-squeeze",
    "pause",
    "leader-pause",
    "leader-cut",
    "leader-kill",
    "partition",
    "one-way-cut",
    "half-deaf",
    "link-reset",
    "kill",
    "kill-all",
    "power-loss",
    "wall-step",
    "clock-freeze",
    "clock-drift",
    "delay",
    "loss",
    "disk-slow",
    "disk-hang",
    ...LINK_FAULT_KINDS,
  ],
  leases: LEASE_KINDS,
  "broken-clocks": [...LEASE_KINDS, "clock-unbound"],
};

/** There are many points, and some are rarely come by. */
const POINT_SHARE = 3;

export function drawProfile(random: Random): ProfileName {
  const drawn = random.next();
  if (drawn < 0.4) return "mixed";
  if (drawn < 0.55) return "leases";
  if (drawn < 0.7) return "disk";
  return drawn < 0.85 ? "elections" : "membership";
}

export function drawPlan(profile: ProfileName, random: Random, everyFault = false): FaultPlan {
  if (profile === "months") return planMonths(random);
  const elections = profile === "elections";
  const isQuick = elections || profile === "membership";
  return {
    weather: drawWeather(profile, random),
    weights: drawWeights(KINDS[profile] ?? COMMON_FAULT_KINDS, random, everyFault),
    lengths: isQuick
      ? { minUs: 0.1 * SECOND_US, maxUs: 6 * SECOND_US, restartMinUs: 0.02 * SECOND_US, restartMaxUs: 3 * SECOND_US }
      : { minUs: 0.1 * SECOND_US, maxUs: 25 * SECOND_US, restartMinUs: 0.3 * SECOND_US, restartMaxUs: 20 * SECOND_US },
    everyUs: (isQuick ? 0.5 : 1) * SECOND_US * 10 ** random.next(),
    stormUs: (10 + random.integer(60)) * SECOND_US,
    calmUs: (2 + random.integer(isQuick ? 5 : 30)) * SECOND_US,
    hunt: isQuick ? 0.3 + 0.6 * random.next() : profile === "calm" ? 0 : 0.2 * random.next(),
    huntWithinUs: 1000 * 10 ** (random.next() * (isQuick ? 2 : 3)),
    core: { share: profile === "calm" || profile === "lost-quorum" ? 0 : CORE, mayHub: isQuick || profile === "disk" },
  };
}

/** Nothing is off, nobody hunts, and the weather is that of one rack. What lasts for longer than 15 minutes is less than a tenth. */
function planMonths(random: Random): FaultPlan {
  const weather = drawWeather("calm", random);
  return {
    ...ratesOfRack(),
    weather: {
      ...weather,
      network: { ...weather.network, loss: RACK_LOSS * random.next(), spikes: RACK_LOSS * random.next() },
      guests: { ...weather.guests, ...RACK_GUESTS },
      drift: true,
      strict: false,
    },
    lengths: {
      ...{ minUs: 0.5 * SECOND_US, maxUs: 1800 * SECOND_US },
      ...{ restartMinUs: SECOND_US, restartMaxUs: 1800 * SECOND_US, troublesEnd: true },
    },
    hunt: 0,
    huntWithinUs: 0,
    core: { share: CORE, mayHub: false },
  };
}

export function drawWeather(profile: ProfileName, random: Random): Weather {
  const calm = profile === "calm";
  return {
    network: {
      delayMinUs: 50 + random.integer(500),
      delayMeanUs: calm ? 300 : (profile === "elections" ? 500 : 100) * 10 ** (random.next() * 2),
      loss: calm || random.next() < 0.6 ? 0 : random.next() * 0.02,
      spikes: calm || random.next() < 0.5 ? 0 : random.next() * 0.02,
      spikeUs: 0.5 * SECOND_US,
      duplicates: 0,
      reordered: 0,
      spread: calm || random.next() < 0.6 ? 1 : 10 ** random.next(),
    },
    disk: { syncMinUs: 100, syncMeanUs: calm ? 300 : 100 * 10 ** (random.next() * 2), slowness: 1 },
    guests: {
      spawnMaxUs: 50_000,
      bootMinUs: 300_000,
      bootMaxUs: 5 * SECOND_US,
      startFailures: calm || random.next() < 0.5 ? 0 : random.next() * 0.1,
      moveFailures: calm ? 0 : MOVE_FAILURES,
      checkpointFailures: calm ? 0 : CHECKPOINT_FAILURES,
      deafness: calm ? 0 : random.next() * 0.3,
    },
    drift: !calm && random.next() < 0.7,
    strict: random.next() < 0.05,
  };
}

/** At least one kind is on where any may be; each is where `every` kind is asked for, which changes nothing else that is drawn. */
export function drawWeights(
  kinds: readonly FaultKind[],
  random: Random,
  every = false,
): ReadonlyMap<FaultKind, number> {
  const weights = new Map<FaultKind, number>();
  const base = random.integer(2 ** 32);
  for (const kind of kinds) {
    // By its name, so that another kind in the list changes nothing for this one.
    const own = createRandom(`${base} ${kind}`);
    const weight =
      own.next() * (LINK_FAULT_KINDS.includes(kind) ? LINK_SHARE : kind === "crash-point" ? POINT_SHARE : 1);
    if (kind === "clock-unbound") weights.set(kind, 1);
    else if (own.next() >= OFF || every) weights.set(kind, weight);
  }
  const first = kinds[random.integer(Math.max(1, kinds.length))];
  if (weights.size === 0 && first !== undefined) weights.set(first, 1);
  return weights;
}
