/**
 * Raft's safety, asked after every event of whoever was touched by it (Ongaro's dissertation, figure 3.2).
 *
 * Incremental: a log is compared where it grows (`written-log.ts`), a commit where it moves (`committed-log.ts`), configurations where they
 * change (`configuration-checker.ts`). What it looks at are the disks and the logs of members, not what is answered.
 */
import type { Configuration, RaftGlance, RaftStatus, RaftView } from "../../actors/raft/index.ts";
import type { LogEntry, LogWrite } from "../../runtime/index.ts";
import type { Disk, DiskWatcher } from "../disk/disk.ts";
import type { Platter } from "../disk/platter.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { CommittedLog } from "./committed-log.ts";
import { ConfigurationChecker } from "./configuration-checker.ts";
import { describeConfiguration, isQuorum, votersOf } from "./quorums.ts";
import { KnownEntries, WrittenLog } from "./written-log.ts";

/** What is known of one life of a member. */
interface Watched {
  readonly view: RaftView;
  /** What it said when it was looked at before. */
  readonly seen: RaftGlance;
  term: number;
  commit: number;
  applied: number;
  base: number;
  leads: boolean;
  transferringTo: string | null;
  /** What was in force when it was looked at before. */
  configuration: Configuration;
}

/** Terms whose leader is remembered; nobody comes back from so many terms ago. */
const TERMS_MAX = 4096;

export interface RaftListener {
  /** A member leads a term that nobody has led before. */
  onLeader(node: number, term: number): void;
  /** An index was committed for the first time, by a leader of `term`. */
  onCommitted(entry: LogEntry, term: number): void;
  /** A leader has put another configuration into its log. */
  onChange?(node: number): void;
  /** A leader has begun to hand over to the member of that id. */
  onTransfer?(node: number, to: string): void;
}

export class RaftChecker implements DiskWatcher {
  readonly committed: CommittedLog;
  configurations: ConfigurationChecker;
  /** Snapshots of others that took the place of a log, and writes before which entries had to go. */
  installed = 0;
  truncated = 0;
  readonly #timeline: Timeline;
  readonly #listener: RaftListener;
  readonly #members: (Watched | null)[];
  readonly #disks: readonly Disk[];
  /** By node. */
  readonly #written: WrittenLog[];
  #known = new KnownEntries();
  readonly #leaders = new Map<number, number>();
  /** By member: what was on a disk that is lost. */
  readonly #lost = new Map<string, Platter>();
  /** Nodes whose log has got a configuration since they were looked at. */
  readonly #changed = new Set<number>();

  constructor(nodes: number, disks: readonly Disk[], timeline: Timeline, listener: RaftListener) {
    this.#timeline = timeline;
    this.#listener = listener;
    this.#disks = disks;
    this.#members = Array.from({ length: nodes }, () => null);
    this.#written = Array.from({ length: nodes }, () => new WrittenLog({ index: 0, term: 0 }, []));
    this.committed = new CommittedLog(timeline);
    this.configurations = this.#newConfigurations();
  }

  /** The leader of the newest term among the members that run; undefined without one. */
  leader(): number | undefined {
    let found: number | undefined;
    for (const [node, member] of this.#members.entries()) {
      if (!member?.leads) continue;
      if (found === undefined || member.term > (this.#members[found]?.term ?? 0)) found = node;
    }
    return found;
  }

  /** Undefined while the node does not take part. */
  view(node: number): RaftView | undefined {
    return this.#members[node]?.view;
  }

  /** The node of a member, while its disk exists. */
  nodeOf(member: string): number | undefined {
    const found = this.#disks.findIndex(({ platter }) => platter.identity?.member === member);
    return found < 0 ? undefined : found;
  }

  /** A member takes part: it has loaded its log, or was just made one. */
  onStart(node: number, view: RaftView): void {
    const { lastIndex, term, base, configuration } = view.status();
    const position = { index: base, term: view.termAt(base) ?? 0 };
    this.#written[node] = new WrittenLog(position, view.entries(base + 1, lastIndex));
    const seen = { term: -1, role: null, applied: -1, commit: -1, durable: -1, lastIndex: -1, base: -1 };
    const fresh = {
      seen: { ...seen, configuration: null, transferringTo: null },
      commit: 0,
      applied: 0,
      base: 0,
      leads: false,
      transferringTo: null,
    };
    this.#members[node] = { view, term, ...fresh, configuration: configuration.configuration };
    this.#changed.add(node);
  }

  onEnd(node: number): void {
    this.#members[node] = null;
    this.configurations.onEnd(node);
  }

  /**
   * A node goes on alone, as another member of another cluster, with what its disk holds up to `through`: what its cluster committed and it lacks
   * counts no more, nor does what anybody else has.
   */
  beginAnew(node: number, through: number): void {
    const platter = this.#disks[node]?.platter;
    const { firstIndex, lastIndex } = this.committed;
    let held = Math.min(through, lastIndex);
    for (let index = Math.max(firstIndex, (platter?.base.index ?? 0) + 1); index <= held; index++) {
      if (this.committed.entryAt(index)?.term !== platter?.termAt(index)) held = index - 1;
    }
    this.committed.cutBack(held);
    const { joint, removed } = this.configurations;
    this.configurations = Object.assign(this.#newConfigurations(), { joint, removed });
    this.#known = new KnownEntries();
    this.#leaders.clear();
    this.#lost.clear();
  }

  #newConfigurations(): ConfigurationChecker {
    return new ConfigurationChecker(this.#timeline, (configuration, log) => this.#isElectable(configuration, log));
  }

  onWipe(_: number, lost: Platter): void {
    if (lost.identity !== null) this.#lost.set(lost.identity.member, lost);
  }

  onWrite(node: number, write: LogWrite): void {
    const replaced = this.#written[node]?.write(write, (entry, previousTerm) => {
      if (entry.type === "configuration") this.#changed.add(node);
      if (this.#known.agrees(entry, previousTerm)) return;
      const where = `index ${entry.index} of term ${entry.term}`;
      this.#fail("log-matching", `Node ${node} writes another ${where} than was written before`);
    });
    if ((replaced ?? 0) > 0) this.truncated += 1;
    if ((write.reset?.index ?? 0) > 0) this.installed += 1;
  }

  /** Something has happened at `node`. */
  check(node: number): void {
    const member = this.#members[node];
    // All rules here are about what a glance sees, but for those about a configuration that was written and about the term of its entry.
    if (!member || (!member.view.glance(member.seen) && !this.#changed.has(node))) return;
    const status = member.view.status();
    this.#checkOrder(node, member, status);
    if (status.base > member.base) this.#onCompacted(node, member, status);
    if (status.role === "leader" && (!member.leads || status.term !== member.term))
      this.#onLeader(node, member, status);
    member.leads = status.role === "leader";
    member.term = status.term;
    member.applied = status.applied;
    if (status.commit > member.commit) this.#onCommit(node, member, status);
    this.#checkConfiguration(node, member, status);
  }

  #checkOrder(node: number, member: Watched, status: RaftStatus): void {
    const { term, applied, commit, durable, lastIndex, base } = status;
    if (term < member.term) this.#fail("term-goes-back", `Node ${node}: term ${member.term}, then ${term}`);
    if (commit < member.commit) this.#fail("commit-goes-back", `Node ${node}: commit ${member.commit}, then ${commit}`);
    if (applied < member.applied) this.#fail("applied-goes-back", `Node ${node}: ${member.applied}, then ${applied}`);
    if (base > applied || applied > commit || commit > lastIndex || durable > lastIndex) {
      const order = `base ${base}, applied ${applied}, commit ${commit}, durable ${durable}, last ${lastIndex}`;
      this.#fail("applied-committed-last", `Node ${node}: ${order}`);
    }
  }

  /** What is compacted was committed, and is what everybody committed. */
  #onCompacted(node: number, member: Watched, { base }: RaftStatus): void {
    member.base = base;
    const term = member.view.termAt(base);
    const committed = this.committed.entryAt(base);
    const isKnown = base < this.committed.firstIndex || committed?.term === term;
    if (!isKnown) {
      const has = committed === undefined ? "nothing" : `an entry of term ${committed.term}`;
      const message = `Node ${node} begins its log behind index ${base} of term ${term}, where ${has} is committed`;
      this.#fail("compacted-is-committed", message);
    }
    this.#written[node]?.compact({ index: base, term: term ?? 0 });
    const holders = this.#disks.map(({ platter }) => platter).filter(({ isEmpty }) => !isEmpty);
    const oldest = Math.min(...holders.map((platter) => platter.base.index));
    this.#known.forget(oldest);
    this.committed.forget(oldest);
  }

  #onLeader(node: number, before: Watched, status: RaftStatus): void {
    const { term, lastIndex, base } = status;
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== node) {
      this.#fail("election-safety", `Term ${term} has two leaders, node ${other} and node ${node}`);
    }
    if (other === undefined) this.#listener.onLeader(node, term);
    this.#leaders.set(term, node);
    const [oldest] = this.#leaders.size > TERMS_MAX ? this.#leaders.keys() : [];
    if (oldest !== undefined) this.#leaders.delete(oldest);
    this.#timeline.note(`leader ${node} term ${term} last ${lastIndex}`);
    this.#requireVotes(before, status);
    const owed = this.committed.lastBeforeTerm(term);
    if (owed !== undefined && owed.entry.index >= base) this.#requireEntry(node, term, owed.entry, owed.term);
  }

  /** A quorum has it on disk that it voted for this leader, or in a later term; who recovers from damage has no vote. */
  #requireVotes(before: Watched, { self, term, configuration }: RaftStatus): void {
    const voted = (member: string): boolean => {
      const hardState = this.#platterOf(member)?.hardState;
      if (hardState === undefined || hardState.term !== term) return (hardState?.term ?? 0) > term;
      return hardState.vote === self && hardState.damagedTerm === undefined;
    };
    // It may have changed members in the moment in which it was elected.
    const counted = [before.configuration, configuration.configuration];
    if (counted.some((one) => isQuorum(one, voted))) return;
    const voters = votersOf(configuration.configuration).filter(voted).join(" ");
    const of = describeConfiguration(configuration.configuration);
    this.#fail(
      "elected-by-quorum",
      `"${self}" leads term ${term}, but votes for it are durable only on {${voters}} of ${of}`,
    );
  }

  #onCommit(node: number, member: Watched, status: RaftStatus): void {
    const from = Math.max(member.commit, status.base) + 1;
    member.commit = status.commit;
    const isNews = status.commit > this.committed.lastIndex;
    for (const entry of member.view.entries(from, status.commit)) {
      if (this.committed.add(entry, { node, term: status.term })) this.#listener.onCommitted(entry, status.term);
    }
    if (isNews) this.#onFirstCommit(member, status);
  }

  /** The newest committed entry is on a quorum of disks, and in the log of everybody who leads a later term. */
  #onFirstCommit(before: Watched, { commit, term, configuration }: RaftStatus): void {
    const entry = this.committed.entryAt(commit);
    // The entry that a cluster begins with is agreed on before there is one; whoever joins writes the same (formation).
    if (entry === undefined || (commit === 1 && entry.type === "configuration")) return;
    const holds = (member: string): boolean => this.#platterOf(member)?.holds(entry) === true;
    // A commit may have led to the next configuration in the same moment; it was counted under the one before.
    const counted = [before.configuration, configuration.configuration];
    if (!counted.some((one) => isQuorum(one, holds))) {
      const { voters, votersOutgoing } = configuration.configuration;
      const holders = [...new Set([...voters, ...votersOutgoing])].filter(holds).join(" ");
      const of = describeConfiguration(configuration.configuration);
      this.#fail("committed-on-quorum", `Index ${commit} is committed, but durable only on {${holders}} of ${of}`);
    }
    for (const [node, member] of this.#members.entries()) {
      if (member?.leads && member.term > term) this.#requireEntry(node, member.term, entry, term);
    }
  }

  /** Whether a quorum has no log on disk that is more up to date. */
  #isElectable(configuration: Configuration, { lastIndex, lastTerm }: RaftStatus): boolean {
    return isQuorum(configuration, (member) => {
      const platter = this.#platterOf(member);
      const term = platter?.termAt(platter.lastIndex) ?? 0;
      return term < lastTerm || (term === lastTerm && (platter?.lastIndex ?? 0) <= lastIndex);
    });
  }

  /** What is, or was until it was lost, on the disk of a member. */
  #platterOf(member: string): Platter | undefined {
    const node = this.nodeOf(member);
    return node === undefined ? this.#lost.get(member) : this.#disks[node]?.platter;
  }

  #requireEntry(node: number, leaderTerm: number, entry: LogEntry, committedIn: number): void {
    const view = this.#members[node]?.view;
    const found = view?.termAt(entry.index);
    if (found === entry.term || (view?.status().base ?? 0) > entry.index) return;
    const has = found === undefined ? "nothing" : `an entry of term ${found}`;
    this.#fail(
      "leader-completeness",
      `Index ${entry.index} of term ${entry.term} was committed in term ${committedIn}; node ${node}, leader of term ${leaderTerm}, has ${has} there`,
    );
  }

  #checkConfiguration(node: number, member: Watched, status: RaftStatus): void {
    const isNews = this.configurations.check(node, member.view, status);
    member.configuration = status.configuration.configuration;
    if (isNews && member.leads && !status.configuration.committed) this.#listener.onChange?.(node);
    if (status.transferringTo !== null && member.transferringTo === null) {
      this.#listener.onTransfer?.(node, status.transferringTo);
    }
    member.transferringTo = status.transferringTo;
    if (!this.#changed.delete(node)) return;
    const open = this.#written[node]?.configurationsBehind(this.committed.lastIndex) ?? 0;
    if (open > 1)
      this.#fail("one-change-at-a-time", `The log of node ${node} has ${open} configurations that are not committed`);
  }

  #fail(invariant: string, message: string): void {
    this.#timeline.fail(invariant, message);
  }
}
