/** Every kind of fault. What each does: `faults.ts`; when it strikes: `fault-injector.ts`. */
import { LINK_BLOWS } from "../schedule/link-blow.ts";

/** A kind of fault, as reports count it. */
export type FaultKind =
  /** `kill -9` of one process; it comes back. */
  | "kill"
  /** One host loses power. */
  | "power-loss"
  /** Every process, or every host, at once. */
  | "kill-all"
  /** Two groups that do not hear each other. */
  | "partition"
  /** One direction of one link. */
  | "one-way-cut"
  /** One node hears others but is not heard, or the other way round. */
  | "half-deaf"
  /** A connection breaks and is made again. */
  | "link-reset"
  | "loss"
  | "delay"
  | "disk-slow"
  | "disk-hang"
  | "disk-error"
  /** No room for a while. */
  | "disk-full"
  /** The power goes while a write is under way, and leaves a part of it. */
  | "torn-write"
  /** A bit of a durable entry changes; where the others still have it. */
  | "log-rot"
  /** A bit of the newest snapshot changes; where the others can do without. */
  | "snapshot-rot"
  /** The snapshot store alone fails to write, to sync or to read, or has no room; the log beside it is well. */
  | "snapshot-error"
  /** Identity, term and vote of a member rot; where the others can do without it. */
  | "state-rot"
  /** A write of entries lands where others stand; where the others have them. */
  | "misdirected-write"
  /** A process ends at a named point of what it does (`../schedule/crash-point.ts`). */
  | "crash-point"
  /** The disk is lost with all that was on it; where the others can do without. */
  | "disk-loss"
  /** One follower's disk and links are slow, the others go on. */
  | "slow-follower"
  /** Messages between Raft's members come twice, or in another order. */
  | "duplicate"
  | "reorder"
  /** Some directions lose, delay, repeat or reorder more than the others. */
  | "link-weather"
  /** Messages pass one behind the other, by their size. */
  | "bandwidth"
  /** Nothing passes, and then all of it at once. */
  | "clog"
  /** A link goes down and up and down. */
  | "flap"
  /** All messages of one kind are lost, of those that do pass there. */
  | "filter"
  /** What Raft's members have said to each other arrives once more, up to a minute later. */
  | "replay"
  /** Connections break, and each new one as soon as it stands. */
  | "reconnect-storm"
  /** One side has forgotten a connection, the other believes in it. */
  | "half-open"
  /** A process stands still, sometimes longer than any lease. */
  | "pause"
  /** Somebody sets a wall clock, forward or back. */
  | "wall-step"
  /** A monotonic clock stands still while its processes run on, for less than leases bear. */
  | "clock-freeze"
  /** A monotonic clock runs at another rate, within the stated bound. */
  | "clock-drift"
  /** A monotonic clock stands still, or runs at another rate, beyond all that is stated: only where it is asked for. */
  | "clock-unbound"
  | "guest-crash"
  | "guest-exit"
  | "guest-hang"
  /** A host's hypervisor refuses starts, loses control sockets, has guests hang in their boot, or is slow (`../outside/host-trouble.ts`). */
  | "guest-trouble"
  /** The leader is cut off with less than a majority. */
  | "leader-cut"
  | "leader-kill"
  | "leader-pause"
  /** Those who may just have voted die and are back at once; the one they voted for is cut off. */
  | "voters-kill"
  /** The minority with the most advanced logs is cut off, the leader first, and everybody else is back. */
  | "vanguard-cut"
  /** The two halves of a change of membership do not hear each other, or one of those who come or go hears nobody. */
  | "change-cut"
  /** Whoever is to lead next, or leads and hands over, is struck. */
  | "transfer-strike"
  /** What a node says is held back until about the end of its lease, and then all of it arrives. */
  | "lease-edge"
  /** A node hears late that its lease was renewed, and is lost the moment it does. */
  | "lease-squeeze";

/** Those that an operator must make good, so only where there is one (`operator.ts`). */
const FOR_OPERATORS: ReadonlySet<FaultKind> = new Set([
  "snapshot-rot",
  "state-rot",
  "disk-loss",
  "change-cut",
  "transfer-strike",
]);

/** Of the links between nodes, beyond cuts, breaks and worse weather everywhere. */
export const LINK_FAULT_KINDS: readonly FaultKind[] = LINK_BLOWS;

const FAULT_KINDS: readonly FaultKind[] = [
  "kill",
  "power-loss",
  "kill-all",
  "partition",
  "one-way-cut",
  "half-deaf",
  "link-reset",
  "loss",
  "delay",
  "disk-slow",
  "disk-hang",
  "disk-error",
  "disk-full",
  "torn-write",
  "log-rot",
  "snapshot-rot",
  "snapshot-error",
  "state-rot",
  "misdirected-write",
  "crash-point",
  "disk-loss",
  "slow-follower",
  "duplicate",
  "reorder",
  ...LINK_FAULT_KINDS,
  "pause",
  "wall-step",
  "clock-freeze",
  "clock-drift",
  "guest-crash",
  "guest-exit",
  "guest-hang",
  "guest-trouble",
  "leader-cut",
  "leader-kill",
  "leader-pause",
  "voters-kill",
  "vanguard-cut",
  "change-cut",
  "transfer-strike",
  "lease-edge",
  "lease-squeeze",
];

/** What any cluster may be put under. */
export const COMMON_FAULT_KINDS: readonly FaultKind[] = FAULT_KINDS.filter((kind) => !FOR_OPERATORS.has(kind));

/** What strikes consensus alone: nothing of guests and their leases. */
export const RAFT_FAULT_KINDS: readonly FaultKind[] = FAULT_KINDS.filter(
  (kind) => !kind.startsWith("guest-") && !kind.startsWith("lease-"),
);
