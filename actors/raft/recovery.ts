/**
 * What to write on one member's disk so that it goes on alone, after a majority was lost for good. Pure.
 *
 *     what the disk holds ──▶ planRecovery ──▶ plan, for a person ──▶ recoveryWrite ──▶ one durable write
 *
 * This is not consensus. Entries that only the lost majority had are lost, though they were acknowledged; entries that the member
 * had and nobody knew to be committed stay. What makes it bearable:
 *
 * - the member becomes somebody else: another incarnation in another cluster. Those that were given up, should they come back with
 *   their disks, are of another cluster to it and are refused by name, and it is to them (faults 29 and 33);
 * - all goes into one write, so a crash leaves either the disk that was or the one that is wanted;
 * - its term is later than any that the member has seen, so nothing of an earlier leader is taken for its own;
 * - the last entry of the log tells of it, in the log itself.
 *
 * Source: etcd's `--force-new-cluster` and `etcdutl snapshot restore`, Consul's `peers.json`; Ongaro's dissertation §11.2 says why no
 * protocol can do it.
 */
import type { LogEntry, LogPosition, LogWrite } from "../../runtime/ports/log-store.ts";
import type { Random } from "../../runtime/ports/random.ts";
import type { FinishedSnapshot } from "../../runtime/ports/snapshot-store.ts";
import { decodeConfiguration, encodeConfiguration } from "./core/configuration-codec.ts";
import { allMembers, allVoters, createConfiguration, isJoint, type Configuration } from "./core/configuration.ts";
import { mintClusterId, mintMemberId, nodeOf } from "./member-id.ts";
import type { MemberStart } from "./member-start.ts";

/** What a disk holds, for a person who decides. */
export interface RecoveryFindings {
  readonly member: string;
  readonly cluster: string;
  readonly term: number;
  /** The last entry that can be read. */
  readonly last: LogPosition;
  /** Highest index that the member knew to be committed; what comes behind it may never have been acknowledged, and stays. */
  readonly commit: number;
  readonly snapshot: Pick<FinishedSnapshot, "index" | "term" | "sizeBytes"> | null;
  /** In force at the end of the log. */
  readonly configuration: Configuration;
  /** What cannot be read, and is lost too; null when all can be. */
  readonly damage: string | null;
}

export type RecoveryPlan =
  | {
      readonly type: "recover";
      readonly findings: RecoveryFindings;
      /** Ids of the other members, who count no more. */
      readonly givenUp: readonly string[];
      /** Of the new cluster and the only voter in it. */
      readonly cluster: string;
      readonly member: string;
      readonly term: number;
      /** Where the configuration comes to stand; what tells of the recovery stands behind it. */
      readonly configurationIndex: number;
      /** The snapshot is ahead of the log, which begins behind it then. */
      readonly reset: LogPosition | null;
    }
  /** The member is the only one of its cluster: it needs nobody. */
  | { readonly type: "not-needed"; readonly findings: RecoveryFindings }
  | { readonly type: "impossible"; readonly why: string };

/** `random` mints the ids of the new member and cluster. */
export function planRecovery(start: MemberStart, random: Random): RecoveryPlan {
  const { loaded, snapshots } = start;
  const { identity, hardState } = loaded;
  if (identity === null) return { type: "impossible", why: "there is no log: the disk was lost, or is another node's" };
  const { member, cluster } = identity;
  if (cluster === null) return { type: "impossible", why: `"${member}" has never belonged to a cluster` };
  const configuration = configurationAt(start);
  if (configuration === null) return { type: "impossible", why: "no configuration can be read in log or snapshot" };
  const { newest } = snapshots;
  const last = lastOf(start);
  const findings: RecoveryFindings = {
    member,
    cluster,
    term: hardState.term,
    last,
    commit: Math.min(hardState.commit, last.index),
    snapshot: newest === null ? null : { index: newest.index, term: newest.term, sizeBytes: newest.sizeBytes },
    configuration,
    damage: loaded.damage?.message ?? null,
  };
  const isAlone = !isJoint(configuration) && configuration.learners.length === 0 && configuration.voters[0] === member;
  if (isAlone && configuration.voters.length === 1 && loaded.damage === null) return { type: "not-needed", findings };
  return {
    type: "recover",
    findings,
    givenUp: allMembers(configuration).filter((other) => other !== member),
    cluster: mintClusterId(random),
    member: mintMemberId(nodeOf(member), random),
    term: Math.max(hardState.term, last.term) + 1,
    configurationIndex: last.index + 1,
    reset:
      newest !== null && newest.index > lastLogged(start).index ? { index: newest.index, term: newest.term } : null,
  };
}

/** How many voters were given up, of how many. */
export function votersGivenUp({ findings, givenUp }: Extract<RecoveryPlan, { readonly type: "recover" }>): {
  readonly givenUp: number;
  readonly all: number;
} {
  const voters = allVoters(findings.configuration);
  return { givenUp: voters.filter((voter) => givenUp.includes(voter)).length, all: voters.length };
}

/** `note`: the payload of the command that tells of the recovery. All of it must be made durable at once. */
export function recoveryWrite(plan: Extract<RecoveryPlan, { readonly type: "recover" }>, note: Uint8Array): LogWrite {
  const { member, cluster, term, configurationIndex: index, reset, findings } = plan;
  const payload = encodeConfiguration(createConfiguration([member]));
  const entries: readonly LogEntry[] = [
    { index, term, type: "configuration", payload },
    { index: index + 1, term, type: "command", payload: note },
  ];
  return {
    identity: { member, cluster },
    hardState: { term, vote: null, commit: Math.max(findings.commit, reset?.index ?? 0) },
    ...(reset && { reset }),
    entries,
  };
}

function lastLogged({ loaded: { entries, base } }: MemberStart): LogPosition {
  const entry = entries.at(-1);
  return entry === undefined ? base : { index: entry.index, term: entry.term };
}

function lastOf(start: MemberStart): LogPosition {
  const { newest } = start.snapshots;
  const logged = lastLogged(start);
  return newest !== null && newest.index > logged.index ? { index: newest.index, term: newest.term } : logged;
}

/** The last one counts, committed or not, as for a member that starts (Ongaro's dissertation §4.1). Null: none can be read. */
function configurationAt({ loaded, snapshots, configuration }: MemberStart): Configuration | null {
  const covered = snapshots.newest?.index ?? 0;
  const entry = loaded.entries.findLast(({ type, index }) => type === "configuration" && index > covered);
  if (entry === undefined) return configuration.voters.length === 0 ? null : configuration;
  try {
    return decodeConfiguration(entry.payload);
  } catch {
    return null;
  }
}
