/**
 * Whether a run has storage below its VMs' disks, how it is set up, and what strikes it: drawn from streams of its own, so that a run without is the
 * run that it was before there was any, and its faults take no chance from others.
 */
import type { VmSpec } from "../../actors/index.ts";
import { createRandom, type Random } from "../../runtime/index.ts";
import type { CephSettings } from "../outside/ceph.ts";
import { STORAGE_BLOWS, type StorageBlow } from "../schedule/storage-blow.ts";
import { logUniform } from "./log-uniform.ts";
import type { ProfileName } from "./profile.ts";

/** Kinds of faults, as reports count them. */
export type StorageFaultKind = StorageBlow["type"];

export interface StoragePlan {
  readonly settings: CephSettings;
  /** Kinds that are on, each as often as any other. */
  readonly kinds: readonly StorageFaultKind[];
  /** Mean pause between two of them. */
  readonly everyUs: number;
  /** When what strikes. */
  readonly faults: Random;
  /** Delays, and where copies lie. */
  readonly chance: Random;
  /** A VM of that name with its disk, if it has one: always the same one. */
  readonly furnish: (name: string, spec: VmSpec) => VmSpec;
}

const SECOND_US = 1_000_000;

/** Share of runs with storage, of VMs with a disk on it, and of kinds of faults that are off in a run. */
const SHARE = 0.4;
const DISKED = 0.5;
const OFF = 0.3;

/** Ceph's defaults. In half of the runs its times are shorter: a run is a minute long, and what they part would hardly ever happen in it. */
const CEPH: CephSettings = {
  ...{ replicas: 3, minReplicas: 2, blocklists: true },
  ...{ graceUs: 20 * SECOND_US, watchTimeoutUs: 30 * SECOND_US, recoveryUs: 5 * SECOND_US },
  writeEveryUs: 0.5 * SECOND_US,
};
const UNCHANGED = 0.5;

/** Where faults of guests and leases are drawn and found, not looked for. */
const PROFILES: ReadonlySet<ProfileName> = new Set(["mixed", "leases"]);

export interface StorageCircumstances {
  readonly seed: number;
  /** Decides delays in place of the seed. */
  readonly chance: number | undefined;
  readonly profile: ProfileName;
  readonly everyFault: boolean;
  /** The rule that an owner is fenced first is broken on purpose. */
  readonly isUnfenced: boolean;
}

/** Null: this run has none. */
export function drawStorage({
  seed,
  chance,
  profile,
  everyFault,
  isUnfenced,
}: StorageCircumstances): StoragePlan | null {
  const random = createRandom(`storage ${seed}`);
  if (!PROFILES.has(profile) || (random.next() >= SHARE && !everyFault)) return null;
  const isUnchanged = random.next() < UNCHANGED;
  const settings: CephSettings = {
    ...CEPH,
    ...(!isUnchanged && {
      graceUs: logUniform(random, 2 * SECOND_US, CEPH.graceUs),
      watchTimeoutUs: logUniform(random, 3 * SECOND_US, CEPH.watchTimeoutUs),
    }),
    recoveryUs: logUniform(random, 0.3 * SECOND_US, 20 * SECOND_US),
    writeEveryUs: logUniform(random, 0.1 * SECOND_US, 2 * SECOND_US),
    blocklists: !isUnfenced,
  };
  const kinds = STORAGE_BLOWS.filter(() => random.next() >= OFF || everyFault);
  const everyUs = logUniform(random, 2 * SECOND_US, 30 * SECOND_US);
  const of = (what: string, by: number): Random => createRandom(`storage ${what} ${by}`);
  return {
    ...{ settings, kinds, everyUs, furnish: furnisher(seed) },
    ...{ faults: of("faults", seed), chance: of("chance", chance ?? seed) },
  };
}

/** As Ceph is set up by itself. */
export function usualStorage(seed: number): Pick<StoragePlan, "settings" | "chance"> {
  return { settings: CEPH, chance: createRandom(`storage chance ${seed}`) };
}

/** A VM that is checked is asked for what needs its disk, or only for a connection. */
function furnisher(seed: number): StoragePlan["furnish"] {
  return (name, spec) => {
    const own = createRandom(`storage disk ${seed} ${name}`);
    if (own.next() >= DISKED) return spec;
    const disks = [{ name: "data", source: `rbd:vms/${name}`, readOnly: false }];
    const isAsked = own.next() < 0.5 && spec.health?.type === "tcp";
    return { ...spec, disks, ...(isAsked && { health: { ...spec.health, type: "http" } }) } as VmSpec;
  };
}
