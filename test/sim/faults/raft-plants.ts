/**
 * The faults of real Raft systems that the simulator is measured by: what each is, how it is put back, and where it shows. The tests
 * (`raft-plants.test.ts`) find each from a seed near it, `npm run seeds-to-find` counts how many seeds it takes from anywhere.
 *
 * How they are planted: most by a rule of `actors/raft/core/planted-faults.ts`; those of disks by `sim/faults/planted-disks.ts`; those
 * of the machine by the scenario's machine.
 */
import { runSeed, type PlantedFaults, type ProfileName, type RunOptions, type SeedResult } from "../../../sim/index.ts";

/** A fault that the simulator finds. */
export interface Plant {
  /** In the list of faults of real systems. */
  readonly number: number;
  readonly fault: string;
  /** What is broken, in this system's terms. */
  readonly planted: string;
  readonly profile: ProfileName;
  /** Default 5; null: as many as the seed draws. */
  readonly nodes?: number | null;
  /** Simulated time under faults. Default: a minute. */
  readonly durationMs?: number;
  /** Default: the fault of that number. */
  readonly faults?: PlantedFaults;
  /** A seed at or before one that shows it, for the test. */
  readonly near: number;
}

/** A fault that no seed can be expected to meet, and the test that shows it instead. */
export interface DirectedPlant {
  readonly number: number;
  readonly fault: string;
  readonly planted: string;
  /** Why not by the simulator. */
  readonly why: string;
}

const DURATION_MS = 60_000;
const NODES = 5;
const LIVENESS_MS = 20_000;

export const PLANTS: readonly Plant[] = [
  {
    number: 1,
    fault: "an earlier term's entry is committed by counting (figure 8)",
    planted: "what a quorum has counts in whatever term",
    profile: "elections",
    near: 137,
  },
  {
    number: 2,
    fault: "single-server membership changes, two at once across terms (Ongaro 2015)",
    planted: "one member at a time without a joint configuration, before the own term has committed",
    profile: "membership",
    nodes: 4,
    near: 50,
  },
  {
    number: 3,
    fault: "a vote is granted though its write failed (sofa-jraft #1241)",
    planted: "the store says of a vote that failed that it is written",
    profile: "disk",
    near: 46,
  },
  {
    number: 4,
    fault: "a vote is asked for before the own one is durable",
    planted: "the store answers for the own vote before the sync",
    profile: "elections",
    near: 18,
  },
  {
    number: 5,
    fault: "term and vote in two writes, crash between (hashicorp/raft #661)",
    planted: "the store writes the term, answers, and then the vote",
    profile: "elections",
    near: 6,
  },
  {
    number: 6,
    fault: "a heartbeat raises the term while the leader appends (hashicorp/raft #695)",
    planted: "no handler waits, so a leader stays one instead when its term is over",
    profile: "elections",
    near: 4,
  },
  {
    number: 7,
    fault: "a commit without a quorum: a sorted list lost its order (openraft #1802)",
    planted: "no list is kept sorted, so the match at the quorum's place of the unsorted list counts",
    profile: "elections",
    near: 1,
  },
  {
    number: 8,
    fault: "learners counted, the joint configuration ignored",
    planted: "commits count learners as voters and nobody outgoing",
    profile: "membership",
    nodes: null,
    near: 4,
  },
  {
    number: 9,
    fault: "logs compared as vectors, not term first",
    planted: "a log that is longer or of a later term is up to date",
    profile: "elections",
    near: 45,
  },
  {
    number: 10,
    fault: "a delayed or repeated append deletes matching entries",
    planted: "an append replaces what it brings, also where it is there",
    profile: "elections",
    near: 2,
  },
  {
    number: 11,
    fault: "a purged previous entry is a conflict",
    planted: "a position before the log's base does not match",
    profile: "elections",
    near: 95,
  },
  {
    number: 12,
    fault: "reads before the new leader has committed (etcd #7331, tikv #6340)",
    planted: "a leader serves reads at once",
    profile: "elections",
    near: 16,
  },
  {
    number: 13,
    fault: "a retried ReadIndex reuses old acknowledgements (etcd #20418)",
    planted: "all rounds of heartbeats have one number",
    profile: "elections",
    near: 24,
  },
  {
    number: 14,
    fault: "read index from a stale commit after restart (etcd-io/raft #105)",
    planted: "a lone voter serves reads from the commit index on its disk",
    profile: "disk",
    nodes: 1,
    near: 7,
  },
  {
    number: 15,
    fault: "local reads on whoever believes to lead",
    planted: "a leader answers without asking anybody",
    profile: "elections",
    near: 1,
  },
  {
    number: 16,
    fault: "locks and leases under pauses (Jepsen: etcd 3.4.3)",
    planted: "the holder of a lease goes on when its session has ended",
    profile: "library",
    faults: { deadlineIgnored: true },
    near: 2,
  },
  {
    number: 18,
    fault: "a replaced leader keeps its suffix (CCF #5674)",
    planted: "an entry that stands where a leader's belongs is taken for it",
    profile: "elections",
    near: 1,
  },
  {
    number: 19,
    fault: "a one-node cluster acknowledges before the sync (etcd #14370)",
    planted: "a leader's own log counts before it is durable",
    profile: "disk",
    nodes: 1,
    near: 1,
  },
  {
    number: 20,
    fault: "applied index and data not written together (etcd #13766)",
    planted: "a snapshot's data is of when it is written, its index of when it was begun",
    profile: "disk",
    near: 80,
  },
  {
    number: 21,
    fault: "acknowledged before durable; power loss (NATS 2.12.1)",
    planted: "the store answers for entries before the sync",
    profile: "disk",
    near: 1,
  },
  {
    number: 22,
    fault: "the sync fails, a retry succeeds, the page was dropped",
    planted: "the store says that a failed write is written, and goes on",
    profile: "disk",
    near: 4,
  },
  {
    number: 23,
    fault: "damage in the middle is cut off as a torn tail (etcd #6515, ra #283)",
    planted: "the store tells of no damage, only of the entries before it",
    profile: "disk",
    near: 5,
  },
  {
    number: 24,
    fault: "log start and snapshot index disagree at restart (redisraft #43)",
    planted: "the snapshot store answers before the snapshot is durable",
    profile: "disk",
    near: 3,
  },
  {
    number: 25,
    fault: "InstallSnapshot leaves a conflicting entry at its last index (hashicorp/raft #704)",
    planted: "the log stays behind a snapshot whatever the term there",
    profile: "elections",
    nodes: 3,
    near: 2000081,
  },
  {
    number: 26,
    fault: "stale membership in a snapshot",
    planted: "each snapshot on a disk names the members of that disk's first one",
    profile: "membership",
    nodes: null,
    near: 1000044,
  },
  {
    number: 27,
    fault: "ABA across asynchronous appends",
    planted: "a write in flight counts for what has replaced its entries",
    profile: "elections",
    near: 17,
  },
  {
    number: 28,
    fault: "fail-over loses the state machine (redisraft #14)",
    planted: "the machine of a member that begins to lead is emptied",
    profile: "elections",
    near: 1,
  },
  {
    number: 29,
    fault: "split brain under partition, kill, pause and membership (redisraft #17, #28, #44, #52)",
    planted: "elections count the incoming half alone",
    profile: "membership",
    nodes: null,
    near: 5,
  },
  {
    number: 30,
    fault: "a heartbeat's commit counts where the logs differ",
    planted: "a follower commits what it is told and has, not what the leader's appends have shown",
    profile: "elections",
    near: 1,
  },
  {
    number: 31,
    fault: "a follower acknowledged, lost its write, and takes part (etcd #10166)",
    planted: "a member with a damaged log votes before a later leader's log has replaced it",
    profile: "disk",
    near: 6,
  },
  {
    number: 32,
    fault: "a half-finished joint change is forgotten at restart",
    planted: "joint configurations in the log on disk do not count",
    profile: "membership",
    nodes: null,
    near: 1,
  },
  {
    number: 33,
    fault: "a server's identity is used again after its disk was lost",
    planted: "a node's empty disk gets the identity of the lost one",
    profile: "membership",
    nodes: null,
    near: 20,
  },
  {
    number: 45,
    fault: "a snapshot whose sync failed is taken for made, and the log goes for it",
    planted: "the snapshot store says of a snapshot whose sync failed that it is kept",
    profile: "disk",
    near: 19,
  },
  {
    number: 46,
    fault: "a snapshot store that fails ends a member whose log is well",
    planted: "a member is out of service when a snapshot cannot be written",
    profile: "disk",
    near: 6,
  },
];

/** Faults of liveness: found where a core is healed and other faults never end. A few seconds under faults are enough. */
export const LIVENESS_PLANTS: readonly Plant[] = [
  {
    number: 35,
    fault: "a partial partition and an election storm (Cloudflare 2020)",
    planted: "no poll before an election, and nobody keeps to a leader that it hears",
    profile: "elections",
    durationMs: LIVENESS_MS,
    near: 2,
  },
  {
    number: 36,
    fault: "quorum loss under partial links (OmniPaxos)",
    planted: "a leader that hears no quorum leads on",
    profile: "elections",
    durationMs: LIVENESS_MS,
    near: 75,
  },
  {
    number: 38,
    fault: "a pre-vote that ignores the log (NuRaft #134)",
    planted: "polls are granted whatever the log",
    profile: "elections",
    durationMs: LIVENESS_MS,
    near: 215,
  },
  {
    number: 41,
    fault: "a hung disk with live heartbeats",
    planted: "a leader that cannot write leads on",
    profile: "disk",
    durationMs: LIVENESS_MS,
    near: 244,
  },
  {
    number: 44,
    fault: "a member that is not heard by enough to be elected holds up who is",
    planted: "of two polls that cross the one of the lower name refuses the other for as long as it lasts",
    profile: "elections",
    durationMs: LIVENESS_MS,
    near: 899,
  },
];

export const DIRECTED_PLANTS: readonly DirectedPlant[] = [
  {
    number: 17,
    fault: "two leaders in a term tolerated silently",
    planted: "a second leader of a term is followed like any other",
    why: "there never are two: only another fault makes them, and the simulator tells of that one first",
  },
  {
    number: 34,
    fault: "no vote for a candidate outside the own configuration",
    planted: "only voters of the own configuration are voted for",
    why: "it delays an election until a member is back, and in the simulator each comes back",
  },
  {
    number: 37,
    fault: "the deadlock of pre-vote: the longest log is on an old term (openraft #1796, etcd #8501)",
    planted: "who asks for a vote in an earlier term gets no answer",
    why: "it ends by itself: whoever polls twice in vain asks for the better log that refused it, and tells the later term with that",
  },
];

export function optionsOf(plant: Plant): RunOptions {
  const { number, profile, nodes = NODES, durationMs = DURATION_MS, faults = { raft: [number] } } = plant;
  return { seed: 0, durationMs, profile, planted: faults, ...(nodes !== null && { nodes }) };
}

export interface Search {
  /** The first seed to try. */
  readonly from: number;
  readonly seedsMax: number;
  /** Asked before each seed but the first. */
  readonly goesOn?: (tried: number) => boolean;
}

/** The first failure, and how many seeds it took; undefined when there was none. */
export function findPlant(
  plant: Plant,
  { from, seedsMax, goesOn = () => true }: Search,
): { readonly seeds: number; readonly result: SeedResult } | undefined {
  const options = optionsOf(plant);
  for (let tried = 0; tried < seedsMax && (tried === 0 || goesOn(tried)); tried++) {
    const result = runSeed({ ...options, seed: from + tried });
    if (!result.ok) return { seeds: tried + 1, result };
  }
  return undefined;
}
