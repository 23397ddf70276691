/**
 * What is done to a cluster: kinds of faults, and for each kind whom or what it may hit. Whom exactly is decided when the fault begins, by who
 * leads then; `schedule.ts` draws the faults, `nemesis.ts` carries them out.
 */

/** Each kind with its targets, all of which a schedule draws in turn. */
export const FAULTS = {
  /** `kill -9`, and a start on what the disk holds. */
  kill: ["leader", "follower"],
  /** SIGSTOP for longer than an election takes, then SIGCONT: it wakes up believing what was true before. */
  pause: ["leader", "follower", "majority"],
  /** The node's disk has no room left, and later has it again. */
  "disk-full": ["leader", "follower", "everybody"],
  /**
   * Between nodes; clients reach all of them. `leader-mute` and `leader-deaf` are cut in one direction only; `two-apart`: the leader and one
   * follower do not see each other, all others see both.
   */
  partition: ["leader-alone", "minority-apart", "leader-mute", "leader-deaf", "two-apart"],
  /** `kill -9` of all nodes within a moment, as when the power fails, and a start of all. */
  "restart-all": ["everybody"],
} as const;

export type FaultKind = keyof typeof FAULTS;

export type FaultTarget = (typeof FAULTS)[FaultKind][number];

export const FAULT_KINDS: readonly FaultKind[] = Object.keys(FAULTS) as readonly FaultKind[];

export interface Fault {
  readonly kind: FaultKind;
  readonly target: FaultTarget;
  /** Begins so long after its round does. */
  readonly afterMs: number;
  readonly forMs: number;
  /** In [0, 1): which of those whom it may hit. */
  readonly pick: number;
}

/** One or two faults that may overlap. When all have ended the cluster must serve again, and then has `calmMs` for itself. */
export interface Round {
  readonly faults: readonly Fault[];
  readonly calmMs: number;
}

/** What it is called in reports. */
export function nameOf({ kind, target }: Pick<Fault, "kind" | "target">): string {
  return `${kind} ${target}`;
}
