/** Every kind of fault. What each does: `faults.ts`; when it strikes: `fault-injector.ts`. */
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
  /** A process stands still, sometimes longer than any lease. */
  | "pause"
  | "wall-step"
  | "guest-crash"
  | "guest-exit"
  | "guest-hang"
  /** The leader is cut off with less than a majority. */
  | "leader-cut"
  | "leader-kill"
  | "leader-pause"
  /** Those who may just have voted die and are back at once; the one they voted for is cut off. */
  | "voters-kill"
  /** The minority with the most advanced logs is cut off, the leader first, and everybody else is back. */
  | "vanguard-cut"
  /** What a node says is held back until about the end of its lease, and then all of it arrives. */
  | "lease-edge"
  /** A node hears late that its lease was renewed, and is lost the moment it does. */
  | "lease-squeeze";

export const FAULT_KINDS: readonly FaultKind[] = [
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
  "pause",
  "wall-step",
  "guest-crash",
  "guest-exit",
  "guest-hang",
  "leader-cut",
  "leader-kill",
  "leader-pause",
  "voters-kill",
  "vanguard-cut",
  "lease-edge",
  "lease-squeeze",
];
