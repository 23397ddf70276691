/** Which scenario a profile is, with all that its seed draws for it: how large its logs grow, how often somebody acts, what its map keeps. */
import type { ClusterLimits } from "../../actors/index.ts";
import type { RaftLimits } from "../../actors/raft/index.ts";
import type { Random } from "../../runtime/index.ts";
import type { PlantedFaults } from "../faults/planted-faults.ts";
import type { ProfileName } from "../faults/profile.ts";
import type { StoragePlan } from "../faults/storage-plan.ts";
import { LibraryScenario } from "../scenarios/library-scenario.ts";
import type { Compaction } from "../scenarios/log-length.ts";
import { MemberScenario, type MemberScenarioOptions } from "../scenarios/member-scenario.ts";
import { RaftScenario } from "../scenarios/raft-scenario.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** VMs of one run when nobody says how many; all of them fit on one node, so a VM never waits for room. */
const VMS_DRAWN_MAX = 8;

/** Events that a map keeps: from next to none up to the default of production. */
const EVENTS_MIN = 16;
const EVENTS_RANGE = 64;

/** Entries of each VM that must have come before its cluster makes another snapshot; eight VMs have those of the shortest log. */
const ENTRIES_OF_A_VM = 4;

/** Events of a map, and the time that sessions are remembered, for one entry more between two snapshots: else most of a run would be their making. */
const EVENTS_OF_AN_ENTRY = 4;
const SESSIONS_MS_OF_AN_ENTRY = 20_000;

/** How long sessions are remembered: from less than a run up to the default of production. */
const SESSIONS_MIN_MS = 20_000;
const SESSIONS_RANGE = 180;

/**
 * Who uses a small platform for months: some ten requests a minute of all users, of which there is every kind; VMs enough that it has something to do,
 * and few enough that each node could run all. Logs are cut back about as often as by hundreds of VMs in production.
 */
const LONG_LIFE = {
  everyUs: 20_000_000,
  users: { slower: 60, everyKind: true },
  vmsMin: 5,
  vmsRange: 16,
  compaction: { everyEntries: 4000, trailingEntries: 200 },
} as const;

/** What it is drawn for. */
interface Circumstances {
  readonly planted: PlantedFaults;
  readonly timeline: Timeline;
  readonly random: Random;
  /** Those that the cluster begins with. */
  readonly nodes: number;
  /** All of them are created at once. Default: drawn, and made one by one. */
  readonly vms?: number;
  readonly onAct: (act: LoadAct) => void;
  /** Storage below the disks of VMs. Default: none. */
  readonly storage?: StoragePlan | undefined;
}

/** The scenario of a run, drawn. */
export function makeScenario(profile: ProfileName, circumstances: Circumstances): Scenario {
  const { planted, timeline, random, nodes, vms, onAct, storage } = circumstances;
  const shared = {
    random: random.fork(),
    planted,
    // Figure 8 of the Raft paper needs a message to end between two entries, and the next one not to be under way yet.
    limits: random.next() < 0.5 ? { entriesPerMessageMax: 1, appendsInFlightMax: 1 } : {},
  };
  const pauseUs = 10_000 * 10 ** (random.next() * 2);
  const changeUs = 700_000 * 10 ** random.next();
  if (profile === "elections" || profile === "disk" || profile === "membership" || profile === "lost-quorum") {
    const changeEveryUs = profile === "membership" ? changeUs : null;
    return new RaftScenario({ ...shared, everyUs: pauseUs, founders: nodes, changeEveryUs, onAct });
  }
  const compacting = drawCompaction(shared.limits, random);
  if (profile === "library") {
    return new LibraryScenario({ ...shared, ...compacting, timeline, everyUs: pauseUs / 2, onAct });
  }
  const drawnVms = vmsOf(1 + random.integer(VMS_DRAWN_MAX), vms);
  const state = {
    eventsMax: Math.round(EVENTS_MIN * EVENTS_RANGE ** random.next()),
    sessionExpiryMs: Math.round(SESSIONS_MIN_MS * SESSIONS_RANGE ** random.next()),
  };
  if (profile === "months") {
    const { everyUs, users, vmsMin, vmsRange, compaction } = LONG_LIFE;
    const ofLife = vmsOf(vmsMin + random.integer(vmsRange), vms);
    const limits = { trailingEntries: compaction.trailingEntries };
    const own = {
      everyUs,
      users,
      state,
      limits,
      vms: ofLife,
      compaction: compactionOf(ofLife.count, state, compaction),
    };
    return new MemberScenario({ ...shared, ...own, timeline, onAct });
  }
  return new MemberScenario({
    ...shared,
    limits: compacting.limits,
    compaction: compactionOf(drawnVms.count, state, compacting.compaction),
    timeline,
    onAct,
    vms: drawnVms,
    everyUs: 10 * pauseUs,
    state,
    ...(storage !== undefined && { furnish: storage.furnish }),
  });
}

function vmsOf(drawn: number, wanted: number | undefined): MemberScenarioOptions["vms"] {
  return wanted === undefined ? { count: drawn, atOnce: false } : { count: wanted, atOnce: true };
}

/** A snapshot costs what the state is large, so one of many VMs, Events or sessions comes no sooner than some entries for each. */
function compactionOf(
  vms: number,
  { eventsMax, sessionExpiryMs }: Pick<ClusterLimits, "eventsMax" | "sessionExpiryMs">,
  { everyEntries, trailingEntries }: Compaction,
): Compaction {
  const ofState = Math.round(eventsMax / EVENTS_OF_AN_ENTRY + sessionExpiryMs / SESSIONS_MS_OF_AN_ENTRY);
  return { everyEntries: Math.max(ENTRIES_OF_A_VM * vms, ofState, everyEntries), trailingEntries };
}

/** Logs that are compacted now and then, so that replicas are restored and members fall back on snapshots. */
function drawCompaction(
  limits: Partial<RaftLimits>,
  random: Random,
): { readonly limits: Partial<RaftLimits>; readonly compaction: Compaction } {
  const everyEntries = Math.round(30 * 30 ** random.next());
  const trailingEntries = random.integer(100);
  return { limits: { ...limits, trailingEntries }, compaction: { everyEntries, trailingEntries } };
}
