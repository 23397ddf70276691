/**
 * How often what goes wrong in a rack that is looked after badly: the rates of profile `months`, in which a cluster lives for long between two faults.
 *
 * The other profiles strike each few seconds, since a fault is worth most where another one is not over. What they cannot show is what only time
 * brings: what grows, wraps around, is forgotten or never cleaned up, and a fault in a cluster that has been well for hours. So here the kinds stand
 * to each other about as measured in production, and all of them are on:
 *
 * - Nodes: Ford et al., Availability in Globally Distributed Storage Systems, OSDI 2010: a node goes away each 4.3 months, so one of five 14 times a
 *   year; fewer than one time in ten for longer than 15 min; 37 % of failures come in bursts, one within two minutes of the other.
 * - Disks: Schroeder and Gibson, Disk Failures in the Real World, FAST 2007: 2 to 4 % are replaced in a year, up to 13 %; Bairavasundaram et al., SIGMETRICS
 *   2007 and FAST 2008: 3.5 % have latent errors within 32 months, 0.9 % of the cheap ones wrong blocks within 17.
 * - Links: Gill et al., Understanding Network Failures in Data Centers, SIGCOMM 2011: switches of a rack are reliable, failures are short, most lose some
 *   of the small messages; Alquraan et al., An Analysis of Network-Partitioning Failures, OSDI 2018: complete partitions most, partial ones more than a
 *   quarter, one-way ones seldom, one node alone most.
 * - Guests, pauses and clocks: nobody has measured a rack of these; guests fail more often than what is under them.
 *
 * A month stands for ten years of such a rack (`COMPRESSION`), so it has some 900 faults, one each three quarters of an hour. What is rarer than once
 * in two years is taken for that often: each kind is to come some five times a month. Rates are of the whole rack, however many nodes it has.
 */
import type { FaultKind } from "./fault-kinds.ts";

/** Faults a year. */
const RATES: readonly (readonly [number, readonly FaultKind[]])[] = [
  // Nodes: 14 by Ford, half of them processes; standing still has never been counted, as nobody notices.
  [8, ["kill"]],
  [4, ["crash-point"]],
  [3, ["power-loss", "pause"]],
  [1, ["leader-kill", "leader-pause"]],
  // The rack as a whole: each ten years by Ford.
  [0.5, ["kill-all", "voters-kill"]],
  // Disks: at five of them a replacement in some years, and more that were slow, full or mute before.
  [3, ["disk-slow", "slow-follower"]],
  [1, ["disk-hang", "disk-full"]],
  [0.5, ["disk-error", "torn-write", "log-rot", "snapshot-error", "misdirected-write"]],
  // Links.
  [6, ["link-reset"]],
  [4, ["delay"]],
  [3, ["loss", "partition", "half-open"]],
  [2, ["link-weather", "flap", "leader-cut"]],
  [1, ["bandwidth", "clog", "reconnect-storm", "half-deaf"]],
  [0.5, ["one-way-cut", "vanguard-cut", "filter", "replay", "duplicate", "reorder", "lease-edge", "lease-squeeze"]],
  // Clocks, and guests.
  [2, ["wall-step", "clock-drift", "clock-freeze"]],
  [10, ["guest-crash"]],
  [6, ["guest-exit"]],
  [3, ["guest-hang", "guest-trouble"]],
];

const YEAR_US = 365 * 86_400_000_000;

/** By how much time is compressed: so many faults of a year come in a tenth of a month. */
const COMPRESSION = 120;

/** Share of faults that come within two minutes of another (Ford, section 4). */
const BURSTS = 0.37;
const BURST_US = 120_000_000;

/** What an injector stands on: when faults strike, and how often each kind beside the others. */
export interface FaultRates {
  readonly weights: ReadonlyMap<FaultKind, number>;
  /** Mean pause between two faults of a burst; means of the time that bursts may last, and of what lies between them. */
  readonly everyUs: number;
  readonly stormUs: number;
  readonly calmUs: number;
}

/**
 * Of the rack. A burst is a time in which faults come at random, each two minutes: of those in which any comes, so many faults are not alone that it is the
 * share that was measured (1 − e⁻ⁿ of them, where n is the mean number in a burst).
 */
export function ratesOfRack(): FaultRates {
  const weights = new Map(RATES.flatMap(([rate, kinds]) => kinds.map((kind) => [kind, rate] as const)));
  const inYear = [...weights.values()].reduce((sum, rate) => sum + rate, 0);
  const inBurst = -Math.log(1 - BURSTS);
  const stormUs = inBurst * BURST_US;
  return { weights, everyUs: BURST_US, stormUs, calmUs: (inBurst * YEAR_US) / (inYear * COMPRESSION) - stormUs };
}
