/**
 * The rules that a cluster's states keep (Ongaro's dissertation, figure 3.2, and §4), judged where one member changes. They have the names that
 * they have in the simulator (`sim/checkers/`), and count quorums by the same code; there they look at one long run, here at two states.
 */
import { decodeConfiguration, type Configuration } from "../../../actors/raft/index.ts";
import type { LogEntry } from "../../../runtime/index.ts";
import { sameEntry } from "../../checkers/committed-log.ts";
import { describeConfiguration, disjointQuorums, isQuorum } from "../../checkers/quorums.ts";
import type { Answer, MemberState } from "./member-lives.ts";

/** sim/README.md says when each is broken. */
export const CLUSTER_RULES = [
  "election-safety",
  "elected-by-quorum",
  "log-matching",
  "leader-completeness",
  "committed-changes",
  "committed-on-quorum",
  "configurations-intersect",
  "state-machine-safety",
  "term-goes-back",
  "commit-goes-back",
  "applied-committed-last",
  "no-actor-crashes",
] as const;
export type ClusterRule = (typeof CLUSTER_RULES)[number];

interface Committed {
  readonly entry: LogEntry;
  /** Of the leader that committed it: it knows before anybody else. */
  readonly term: number;
}

/** What is remembered for the rules. */
export interface Noted {
  /** Member by term, by rising terms. */
  readonly leaders: ReadonlyMap<number, number>;
  /** By index, from 1. */
  readonly committed: readonly Committed[];
}

/** Something has happened to one member. */
export interface Happening {
  /** The member before; null when it has just been started. */
  readonly before: MemberState | null;
  readonly answer: Answer;
  /** All members after it, by place. */
  readonly members: readonly MemberState[];
  readonly names: readonly string[];
}

/** Hears of a rule that does not hold. */
type Fail = (rule: ClusterRule, message: string) => void;

/** Judges what has happened; what is to be remembered then. */
export function judge(noted: Noted, happening: Happening, fail: Fail): Noted {
  const { answer, names } = happening;
  if (answer.stopped !== undefined) {
    fail("no-actor-crashes", `${names[answer.next.self]} stops: ${answer.stopped}`);
    return noted;
  }
  judgeMarks(happening, fail);
  judgeLogs(happening, fail);
  const leaders = judgeLeader(noted, happening, fail);
  const committed = judgeCommit(noted, happening, fail);
  judgeConfigurations(committed, happening, fail);
  return { leaders, committed };
}

function judgeMarks({ before, answer: { next }, names }: Happening, fail: Fail): void {
  const { term, applied, commit, durable, lastIndex } = next.status;
  const name = names[next.self];
  if (applied > commit || commit > lastIndex || durable > lastIndex) {
    const order = `applied ${applied}, commit ${commit}, durable ${durable}, last ${lastIndex}`;
    fail("applied-committed-last", `${name}: ${order}`);
  }
  if (before === null) return;
  const { status } = before;
  if (term < status.term) fail("term-goes-back", `${name}: term ${status.term}, then ${term}`);
  if (commit < status.commit) fail("commit-goes-back", `${name}: commit ${status.commit}, then ${commit}`);
}

/** Two logs with one entry of the same index and term are equal up to it. */
function judgeLogs({ before, answer: { next }, members, names }: Happening, fail: Fail): void {
  if (before?.log === next.log) return;
  for (const other of members) {
    if (other.log === next.log) continue;
    const shared = next.log.findLastIndex(({ term }, at) => term === other.log[at]?.term);
    const differs = next.log.findIndex((entry, at) => at <= shared && !sameEntry(entry, other.log[at] as LogEntry));
    if (differs < 0) continue;
    const same = `both have an entry of term ${next.log[shared]?.term} at index ${shared + 1}`;
    fail("log-matching", `${names[next.self]} and ${names[other.self]}: ${same}, and differ at index ${differs + 1}`);
  }
}

function judgeLeader(noted: Noted, happening: Happening, fail: Fail): Noted["leaders"] {
  const { before, answer, names } = happening;
  const { self, status } = answer.next;
  const { role, term } = status;
  if (role !== "leader" || (before?.status.role === "leader" && before.status.term === term)) return noted.leaders;
  const other = noted.leaders.get(term);
  if (other !== undefined && other !== self) {
    fail("election-safety", `Term ${term} has two leaders, ${names[other]} and ${names[self]}`);
  }
  requireVotes(happening, fail);
  for (const committed of noted.committed) requireEntry(answer.next, committed, happening, fail);
  return new Map([...noted.leaders, [term, self] as const].toSorted(([one], [two]) => one - two));
}

/** The votes of a quorum are on its disks; whoever is in a later term can vote in this one no more. */
function requireVotes({ before, answer: { next }, members, names }: Happening, fail: Fail): void {
  const { self, term } = next.status;
  const voted = (name: string): boolean => {
    const hardState = members[names.indexOf(name)]?.disk.hardState;
    if (hardState?.term !== term) return (hardState?.term ?? 0) > term;
    return hardState.vote === self;
  };
  const configuration = before?.status.configuration.configuration ?? next.status.configuration.configuration;
  if (isQuorum(configuration, voted)) return;
  const of = describeConfiguration(configuration);
  const voters = names.filter(voted).join(" ");
  fail("elected-by-quorum", `${self} leads term ${term}, but votes for it are durable only on {${voters}} of ${of}`);
}

/** A leader has what was committed in an earlier term. */
function requireEntry(leader: MemberState, { entry, term }: Committed, { names }: Happening, fail: Fail): void {
  const found = leader.log[entry.index - 1];
  if (leader.status.term <= term || found?.term === entry.term) return;
  const has = found === undefined ? "nothing" : `an entry of term ${found.term}`;
  const what = `Index ${entry.index} of term ${entry.term} was committed in term ${term}`;
  fail("leader-completeness", `${what}; ${names[leader.self]}, leader of term ${leader.status.term}, has ${has} there`);
}

function judgeCommit(noted: Noted, happening: Happening, fail: Fail): Noted["committed"] {
  const { before, answer, members, names } = happening;
  const { next } = answer;
  const name = names[next.self];
  const committed = [...noted.committed];
  for (const entry of next.log.slice(before?.status.commit ?? 0, next.status.commit)) {
    const known = committed[entry.index - 1];
    if (known === undefined) {
      const news: Committed = { entry, term: next.status.term };
      committed.push(news);
      for (const member of members) if (member.status.role === "leader") requireEntry(member, news, happening, fail);
      if (entry.index === next.status.commit) requireQuorum(entry, happening, fail);
    } else if (!sameEntry(known.entry, entry)) {
      const was = `Index ${entry.index} was committed with an entry of term ${known.entry.term}`;
      fail("committed-changes", `${was}; ${name} commits one of term ${entry.term}`);
    }
  }
  for (const entry of answer.committed) {
    const known = committed[entry.index - 1];
    if (known !== undefined && sameEntry(known.entry, entry)) continue;
    const others = known === undefined ? "nothing" : `one of term ${known.entry.term}`;
    fail("state-machine-safety", `${name} applies index ${entry.index} of term ${entry.term}; committed is ${others}`);
  }
  return committed.length === noted.committed.length ? noted.committed : committed;
}

/** What is committed for the first time is on the disks of a quorum, of the configuration before the commit or of the one after it. */
function requireQuorum(entry: LogEntry, { before, answer: { next }, members, names }: Happening, fail: Fail): void {
  const holds = (name: string): boolean => {
    const found = members[names.indexOf(name)]?.disk.entries[entry.index - 1];
    return found !== undefined && sameEntry(found, entry);
  };
  const after = next.status.configuration.configuration;
  const counted: readonly Configuration[] = [before?.status.configuration.configuration ?? after, after];
  if (counted.some((configuration) => isQuorum(configuration, holds))) return;
  const holders = names.filter(holds).join(" ");
  const of = describeConfiguration(after);
  fail("committed-on-quorum", `Index ${entry.index} is committed, but durable only on {${holders}} of ${of}`);
}

/**
 * Configurations that may still elect have no disjoint quorums: the last that is committed, and each that stands behind it in a log that holds
 * it. As in `sim/checkers/configuration-checker.ts`.
 */
function judgeConfigurations(committed: Noted["committed"], { before, answer, members }: Happening, fail: Fail): void {
  if (before?.log === answer.next.log && before.status.commit === answer.next.status.commit) return;
  const last = committed.findLast(({ entry }) => entry.type === "configuration")?.entry;
  if (last === undefined) return;
  const behind = members
    .filter(({ log, status }) => status.configuration.index > last.index && log[last.index - 1]?.term === last.term)
    .map(({ status }) => status.configuration.configuration);
  const relevant = [decodeConfiguration(last.payload), ...behind];
  for (const [at, one] of relevant.entries()) {
    for (const other of relevant.slice(at + 1)) {
      const sets = disjointQuorums(one, other)?.map((set) => `{${set.join(" ")}}`);
      if (sets === undefined) continue;
      const both = `${describeConfiguration(one)} and ${describeConfiguration(other)} may both elect`;
      fail("configurations-intersect", `${both}, and have the disjoint quorums ${sets.join(" and ")}`);
    }
  }
}
