/**
 * Raft's safety, asked after every event of whoever was touched by it (Raft paper, figure 3).
 *
 * Incremental: a log is compared where it grows, a commit where it moves. For log matching it is enough that an entry
 * (index, term) has the same content and the same predecessor's term wherever it is written; by induction so has
 * everything before it.
 */
import type { LogEntry, LogWrite } from "../../runtime/index.ts";
import type { RaftStatus, RaftView } from "../../actors/raft/index.ts";
import type { Disk, DiskWatcher } from "../disk.ts";
import type { Timeline } from "../timeline.ts";
import { CommittedLog, sameEntry } from "./committed-log.ts";

/** What is known of one life of a member. */
interface Watched {
  readonly view: RaftView;
  term: number;
  commit: number;
  applied: number;
  leads: boolean;
}

/** An entry as it was first written by anybody. */
interface Known {
  readonly entry: LogEntry;
  readonly previousTerm: number;
}

export interface RaftListener {
  /** A member leads a term that nobody has led before. */
  onLeader(node: number, term: number): void;
  /** An index was committed for the first time, by a leader of `term`. */
  onCommitted(entry: LogEntry, term: number): void;
}

export class RaftChecker implements DiskWatcher {
  readonly committed: CommittedLog;
  readonly #timeline: Timeline;
  readonly #listener: RaftListener;
  readonly #members: (Watched | null)[];
  readonly #disks: readonly Disk[];
  /** By node: its log as written, synced or not. */
  readonly #written: LogEntry[][];
  /** By index: every entry that was ever written there. */
  readonly #known: Known[][] = [];
  readonly #leaders = new Map<number, number>();

  constructor(nodes: number, disks: readonly Disk[], timeline: Timeline, listener: RaftListener) {
    this.#timeline = timeline;
    this.#listener = listener;
    this.#disks = disks;
    this.#members = Array.from({ length: nodes }, () => null);
    this.#written = Array.from({ length: nodes }, () => []);
    this.committed = new CommittedLog(timeline);
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

  view(node: number): RaftView | undefined {
    return this.#members[node]?.view;
  }

  /** A member has loaded its log. */
  onStart(node: number, view: RaftView): void {
    const { lastIndex, term } = view.status();
    this.#written[node] = [...view.entries(1, lastIndex)];
    this.#members[node] = { view, term, commit: 0, applied: 0, leads: false };
  }

  onEnd(node: number): void {
    this.#members[node] = null;
  }

  onWrite(node: number, write: LogWrite): void {
    const written = this.#written[node] as LogEntry[];
    for (const entry of write.entries) {
      written.length = Math.min(written.length, entry.index - 1);
      const previousTerm = written[entry.index - 2]?.term ?? 0;
      written.push(entry);
      this.#compare(node, entry, previousTerm);
    }
  }

  /** Something has happened at `node`. */
  check(node: number): void {
    const member = this.#members[node];
    if (!member) return;
    const status = member.view.status();
    this.#checkOrder(node, member, status);
    if (status.role === "leader" && (!member.leads || status.term !== member.term)) this.#onLeader(node, status);
    member.leads = status.role === "leader";
    member.term = status.term;
    member.applied = status.applied;
    if (status.commit > member.commit) this.#onCommit(node, member, status);
  }

  #checkOrder(node: number, member: Watched, status: RaftStatus): void {
    const { term, applied, commit, durable, lastIndex } = status;
    if (term < member.term) this.#fail("term-goes-back", `Node ${node}: term ${member.term}, then ${term}`);
    if (commit < member.commit) this.#fail("commit-goes-back", `Node ${node}: commit ${member.commit}, then ${commit}`);
    if (applied < member.applied) this.#fail("applied-goes-back", `Node ${node}: ${member.applied}, then ${applied}`);
    if (applied > commit || commit > durable || durable > lastIndex) {
      const order = `applied ${applied}, commit ${commit}, durable ${durable}, last ${lastIndex}`;
      this.#fail("applied-committed-last", `Node ${node}: ${order}`);
    }
  }

  #onLeader(node: number, { term, lastIndex }: RaftStatus): void {
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== node) {
      this.#fail("election-safety", `Term ${term} has two leaders, node ${other} and node ${node}`);
    }
    if (other === undefined) this.#listener.onLeader(node, term);
    this.#leaders.set(term, node);
    this.#timeline.note(`leader ${node} term ${term} last ${lastIndex}`);
    const owed = this.committed.lastBeforeTerm(term);
    if (owed !== undefined) this.#requireEntry(node, term, owed.entry, owed.term);
  }

  #onCommit(node: number, member: Watched, status: RaftStatus): void {
    const from = member.commit + 1;
    member.commit = status.commit;
    const isNews = status.commit > this.committed.lastIndex;
    for (const entry of member.view.entries(from, status.commit)) {
      if (this.committed.add(entry, { node, term: status.term })) this.#listener.onCommitted(entry, status.term);
    }
    if (isNews) this.#onFirstCommit(status);
  }

  /** The newest committed entry is on a quorum of disks, and in the log of everybody who leads a later term. */
  #onFirstCommit({ commit, term, voters }: RaftStatus): void {
    const entry = this.committed.entryAt(commit) as LogEntry;
    const holders = this.#disks.filter((disk) => disk.entryAt(commit)?.term === entry.term).length;
    if (holders * 2 <= voters.length) {
      this.#fail("committed-on-quorum", `Index ${commit} is committed, but durable on ${holders} of ${voters.length}`);
    }
    for (const [node, member] of this.#members.entries()) {
      if (member?.leads && member.term > term) this.#requireEntry(node, member.term, entry, term);
    }
  }

  #requireEntry(node: number, leaderTerm: number, entry: LogEntry, committedIn: number): void {
    const found = this.#members[node]?.view.termAt(entry.index);
    if (found === entry.term) return;
    const has = found === undefined ? "nothing" : `an entry of term ${found}`;
    this.#fail(
      "leader-completeness",
      `Index ${entry.index} of term ${entry.term} was committed in term ${committedIn}; node ${node}, leader of term ${leaderTerm}, has ${has} there`,
    );
  }

  #compare(node: number, entry: LogEntry, previousTerm: number): void {
    const known = (this.#known[entry.index] ??= []);
    const same = known.find((one) => one.entry.term === entry.term);
    if (same === undefined) {
      known.push({ entry, previousTerm });
      return;
    }
    if (same.previousTerm !== previousTerm || !sameEntry(same.entry, entry)) {
      const where = `index ${entry.index} of term ${entry.term}`;
      this.#fail("log-matching", `Node ${node} writes another ${where} than was written before`);
    }
  }

  #fail(invariant: string, message: string): void {
    this.#timeline.fail(invariant, message);
  }
}
