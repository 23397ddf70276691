/**
 * The atlas of faults: which copies of what are damaged or about to be, so that faults destroy nothing that a quorum needs without saying so.
 *
 * Raft promises to bear the loss of a minority, and a fault that takes more shows nothing but that. So whoever destroys data asks here first
 * (`canMiss`), also when the harm is done later (`doom`); the operator asks before it gives a member up; the end of a run asks who alone
 * would be enough (`suffices`).
 *
 * Invariant: each configuration that may still elect or commit has a quorum of members all of whose acknowledged data can be
 * read. As TigerBeetle's `ClusterFaultAtlas` (src/testing/storage.zig) does for blocks and write-ahead logs; here members are looked at as
 * they are, not spared by a plan that is drawn beforehand, so that faults follow changes of membership.
 */
import { decodeConfiguration, type Configuration } from "../../actors/raft/index.ts";
import { isQuorum, votersOf } from "../checkers/quorums.ts";
import type { RaftChecker } from "../checkers/raft-checker.ts";
import type { Disk } from "../disk/disk.ts";

/** Why a node's copy does not count. */
export type Damage =
  /** No member of a cluster has its data there: it is spare, or its disk was lost. */
  | "no member"
  | "the log is rotten"
  | "the state is rotten"
  | "a snapshot is rotten"
  /** Its log was damaged, and it takes it from a leader anew. */
  | "recovering"
  /** Harm is under way that has not been done yet. */
  | "doomed";

export class FaultAtlas {
  readonly #raft: RaftChecker;
  readonly #disks: readonly Disk[];
  readonly #doomed = new Set<number>();

  constructor(raft: RaftChecker, disks: readonly Disk[]) {
    this.#raft = raft;
    this.#disks = disks;
  }

  /** Why what that node ever acknowledged cannot all be read from its disk; null where it can. */
  damageOf(node: number): Damage | null {
    const disk = this.#disks[node];
    const { rottenFrom, hardState, identity, isStateRotten } = disk?.platter ?? {};
    if (disk === undefined || (identity?.cluster ?? null) === null) return "no member";
    if (this.#doomed.has(node)) return "doomed";
    if (isStateRotten === true) return "the state is rotten";
    if (rottenFrom !== null) return "the log is rotten";
    if (disk.snapshots.isRotten) return "a snapshot is rotten";
    const isRecovering = this.#raft.view(node)?.status().recovering === true;
    return isRecovering || hardState?.damagedTerm !== undefined ? "recovering" : null;
  }

  /** Whether all that a node ever acknowledged can be read from its disk. */
  isSound(node: number): boolean {
    return this.damageOf(node) === null;
  }

  /** Whether the cluster could still elect and commit if that node's disk were lost or damaged; a learner is never missed. */
  canMiss(node: number): boolean {
    const relevant = this.#raft.configurations.relevant();
    const isLeft = (member: string): boolean => this.#isSoundMember(member) && this.#raft.nodeOf(member) !== node;
    return relevant.length > 0 && relevant.every(({ configuration }) => isQuorum(configuration, isLeft));
  }

  /** Whether it could still, if that voter left that configuration. */
  canLeave(configuration: Configuration, leaving: string): boolean {
    const without = { ...configuration, voters: configuration.voters.filter((voter) => voter !== leaving) };
    const others = this.#raft.configurations.relevant().map((placed) => placed.configuration);
    return [...others, without].every((one) => isQuorum(one, (member) => this.#isSoundMember(member)));
  }

  /**
   * Whether that learner may become a voter: where not all members are sound, only if the others are enough without it. It is heard of too late
   * that it is lost, and a configuration of which it was half the hope can neither go on nor be left.
   */
  canJoin(configuration: Configuration, joining: string): boolean {
    const grown = { ...configuration, voters: [...configuration.voters, joining] };
    const isSound = (member: string): boolean => this.#isSoundMember(member);
    return votersOf(grown).every(isSound) || isQuorum(grown, (member) => member !== joining && isSound(member));
  }

  /** Whether these nodes alone could elect and commit, whatever of what is in anybody's log counts. */
  suffices(nodes: ReadonlySet<number>): boolean {
    const all = this.#mayCount();
    const isAmong = (member: string): boolean =>
      this.#isSoundMember(member) && nodes.has(this.#raft.nodeOf(member) as number);
    return all.length > 0 && all.every((configuration) => isQuorum(configuration, isAmong));
  }

  /** Nodes whose member votes in all that may still count, whether it is sound or not. */
  voters(): readonly number[] {
    const all = this.#mayCount();
    const votes = (member: string): boolean => all.every((one) => votersOf(one).includes(member));
    return (all[0] === undefined ? [] : votersOf(all[0]).filter(votes)).flatMap((one) => this.#raft.nodeOf(one) ?? []);
  }

  /** Whether a node's member votes, whatever becomes of a change that is under way. */
  staysVoter(node: number): boolean {
    return this.#mayCount().every(({ voters }) => voters.some((member) => this.#raft.nodeOf(member) === node));
  }

  /** That node's data will be harmed: nobody else's may be meanwhile that could not be missed beside it. */
  doom(node: number): void {
    this.#doomed.add(node);
  }

  /** The harm has been done, or will not be. */
  spare(node: number): void {
    this.#doomed.delete(node);
  }

  #isSoundMember(member: string): boolean {
    const node = this.#raft.nodeOf(member);
    return node !== undefined && this.isSound(node);
  }

  /** What is committed, what is in force anywhere, and what stands behind in a log on disk: whoever starts again puts it in force. */
  #mayCount(): readonly Configuration[] {
    const relevant = this.#raft.configurations.relevant();
    const committed = this.#raft.configurations.committed?.index ?? 0;
    const onDisks = this.#disks.flatMap(({ platter }) => {
      const found: Configuration[] = [];
      for (let index = committed + 1; index <= platter.lastIndex; index++) {
        const entry = platter.entryAt(index);
        if (entry?.type === "configuration") found.push(decodeConfiguration(entry.payload));
      }
      return found;
    });
    return relevant.length === 0 ? [] : [...relevant.map(({ configuration }) => configuration), ...onDisks];
  }
}
