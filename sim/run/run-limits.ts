/**
 * How large and how long a run may be, of our own nodes and of a user's actors alike; files of runs are held to the same.
 */
import type { ProfileName } from "../faults/profile.ts";
import type { RunOptions } from "./run-result.ts";

const NODES_MAX = 9;

/** As many with `vms`, where no member comes or goes: else a rule tries all pairs of quorums of two configurations. */
const NODES_OF_VMS_MAX = 100;

/** As few as a seed draws; from there it draws on. */
export const NODES_FROM = 3;

/** Nodes that a cluster whose membership changes can get beyond those that it begins with. */
const SPARES = 2;

/** Of a run of this profile; absent: of a user's actors. */
export function sparesOf(profile?: ProfileName): number {
  return profile === "membership" ? SPARES : 0;
}

/** VMs that may be asked for. */
const VMS_MAX = 1000;

/** Profiles without VMs: consensus alone, and what library users stand on. */
export const WITHOUT_VMS: ReadonlySet<ProfileName> = new Set([
  "elections",
  "disk",
  "membership",
  "library",
  "lost-quorum",
] as const);

/**
 * Simulated: a year, which at a thousand seconds a second takes nine hours of a core. Its microseconds are far below 2⁵³, from where on sums of
 * them are not exact; what is longer is a slip of the hand.
 */
export const DURATION_MAX_MS: number = 365 * 86_400_000;

/** @throws {RangeError} */
export function requireRange({
  seed,
  nodes = NODES_FROM,
  durationMs,
  profile,
  vms,
  upgradeFrom,
}: Pick<RunOptions, "seed" | "nodes" | "durationMs" | "profile" | "vms" | "upgradeFrom">): void {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`Cannot run seed ${seed}: wanted a safe integer`);
  const nodesMax = vms === undefined ? NODES_MAX : NODES_OF_VMS_MAX;
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > nodesMax) {
    throw new RangeError(`Cannot simulate ${nodes} nodes: wanted 1 to ${nodesMax}`);
  }
  if (vms !== undefined && (!Number.isInteger(vms) || vms < 1 || vms > VMS_MAX)) {
    throw new RangeError(`Cannot simulate ${vms} VMs: wanted 1 to ${VMS_MAX}`);
  }
  if (vms !== undefined && profile !== undefined && WITHOUT_VMS.has(profile)) {
    throw new RangeError(
      `Cannot simulate ${vms} VMs in profile "${profile}": it has none; "mixed", "leases", "months" and "calm" have`,
    );
  }
  if (upgradeFrom !== undefined && profile !== undefined && WITHOUT_VMS.has(profile)) {
    throw new RangeError(
      `Cannot upgrade nodes in profile "${profile}": "mixed", "leases", "months" and "calm" have whole nodes`,
    );
  }
  if (!(durationMs > 0 && durationMs <= DURATION_MAX_MS)) {
    throw new RangeError(
      `Cannot simulate ${durationMs} ms: wanted more than 0 and at most ${DURATION_MAX_MS} (365 days)`,
    );
  }
}
