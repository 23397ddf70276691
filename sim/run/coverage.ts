/**
 * What the runs of a profile are for. A sweep in which one of these never happened has shown less than it seems to, and says so
 * (`report.ts`); which are asked for is decided by what the profile's faults can do, not by what was seen.
 */
import { CORE_MARKS, HUB_MARK } from "../faults/core-ending.ts";
import type { ProfileName } from "../faults/profile.ts";
import { LOSS_MARKS } from "./quorum-loss.ts";
import { crashMark, HAND_OVER_POINTS, MOVE_POINTS, RAFT_CRASH_POINTS } from "../schedule/crash-point.ts";

/** Of every cluster that is under faults. */
const FAULTY = ["leaders", "committed", "snapshots installed"];

/** Of consensus under clients whose history is judged. */
const HISTORY = ["acknowledged", "reads", "unknown", "writes repeated", "states compared"];

/** What the network does beyond cuts, breaks and delays. */
const LINKS = [
  "messages filtered",
  "messages in a burst",
  "messages in line",
  "messages to nobody",
  "connections stormed",
];

/** What a disk does to the log on it. */
const DISKS = ["torn writes found", "damage found", "disks full", "disks lost", "members replaced"];

/** A copy that cannot be read is found, and refused by name or made good from the others. */
const ROT = ["writes misdirected", "states refused"];

/** A snapshot that the store did not take, or could not read, while the log beside it was well. */
const SNAPSHOTS = ["snapshots refused"];

/** Members that come, go and hand over. */
const MEMBERS = ["members changed", "members removed", "joint configurations", "leaders handed over"];

/** What users do beside single requests, and what becomes of it. */
const USERS = [
  "updates of what is shared",
  "updates in conflict",
  "requests said again",
  "changes watched",
  "watches resumed",
  "watches told of a gap",
  "bursts of VMs",
  "levels raised",
  "VMs paused",
  "VMs restarted",
  "drains begun",
  "moves by stop and start",
  "migrations begun",
  "migrations cancelled",
  "guests moved",
  "migrations stalled",
];

/** Whole nodes, and the guests on them. */
const GUESTS = [
  "acknowledged",
  "reads",
  "proposals repeated",
  "guests started",
  "guests ended by lease",
  "starts refused",
  "boots hung",
  "control sockets lost",
  "instances given back",
  "maps compared",
  ...USERS,
];

/** Disks of guests on storage that fails. */
const STORAGE = [
  "writes to images",
  "locks given up",
  "locks taken over from the dead",
  "blocklisted writes refused",
  "writes stalled on full storage",
  "writes stalled below min_size",
  "storage degraded",
  "storage recovered",
];

/** What weeks bring. */
const LONG = ["torn writes found", "damage found", "disks full", "logs cut back", "VMs placed that require others"];

/** Crashes at named points: of consensus; guests have one of their own. */
const POINTS = RAFT_CRASH_POINTS.map(crashMark);
const HAND_OVERS = [...HAND_OVER_POINTS, ...MOVE_POINTS].map(crashMark);

/** By profile: names of marks. */
const WANTED: Readonly<Record<ProfileName, readonly string[]>> = {
  elections: [...FAULTY, ...CORE_MARKS, HUB_MARK, ...HISTORY, ...LINKS, "messages said again", "logs cut back"],
  disk: [...FAULTY, ...CORE_MARKS, ...HISTORY, ...DISKS, ...ROT, ...SNAPSHOTS],
  membership: [
    ...FAULTY,
    ...CORE_MARKS,
    HUB_MARK,
    ...POINTS,
    ...HISTORY,
    ...LINKS,
    "messages said again",
    ...DISKS,
    ...ROT,
    ...SNAPSHOTS,
    ...MEMBERS,
    "logs cut back",
  ],
  mixed: [
    ...FAULTY,
    ...CORE_MARKS,
    crashMark("guest started"),
    ...HAND_OVERS,
    "writes misdirected",
    ...GUESTS,
    ...STORAGE,
    ...LINKS,
    "messages said again",
    "logs cut back",
    "torn writes found",
    "damage found",
    "disks full",
  ],
  leases: [...FAULTY, ...CORE_MARKS, ...HAND_OVERS, ...GUESTS, ...STORAGE, ...LINKS],
  "broken-clocks": [...FAULTY, ...GUESTS],
  "lost-quorum": [...FAULTY, ...HISTORY, ...LOSS_MARKS, "refusals without a quorum", "clusters gone on alone"],
  months: [...FAULTY, ...CORE_MARKS, ...GUESTS, ...LINKS, ...LONG],
  calm: ["leaders", "committed", "acknowledged", "reads", "guests started"],
  library: [
    ...FAULTY,
    ...CORE_MARKS,
    ...LINKS,
    "messages said again",
    "acts",
    "effects fenced off",
    "reliable recorded",
    "nodes left",
    "maps compared",
  ],
};

/** Every profile that runs can be asked for. */
export const PROFILE_NAMES: readonly string[] = Object.keys(WANTED);

/** Marks that runs of these profiles are for, and that none of the counted runs has reached. */
export function neverReached(
  profiles: Readonly<Record<string, number>>,
  marks: Readonly<Record<string, number>>,
): readonly string[] {
  const wanted = new Set((Object.keys(profiles) as ProfileName[]).flatMap((profile) => WANTED[profile]));
  return [...wanted].filter((mark) => (marks[mark] ?? 0) === 0);
}
