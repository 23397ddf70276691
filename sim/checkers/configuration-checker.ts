/**
 * Safety of membership changes: one at a time, in force as soon as in the log, and never two configurations that could each
 * elect a leader or commit something without the other (Ongaro's dissertation §4; faults 2, 8, 32, 39).
 *
 * Two configurations matter at once when both may still elect: the last that is known to be committed, and each that stands uncommitted
 * behind it in a log that holds it. (A log that lacks what is committed elects nobody: that is leader completeness.) Any two of
 * these must have no disjoint quorums. So the harm is seen when it becomes possible, not when it is done.
 */
import { decodeConfiguration, type Configuration, type RaftStatus, type RaftView } from "../../actors/raft/index.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { describeConfiguration, disjointQuorums, membersOf } from "./quorums.ts";

/** A configuration and the entry that holds it. */
export interface PlacedConfiguration {
  readonly configuration: Configuration;
  readonly index: number;
  readonly term: number;
}

export class ConfigurationChecker {
  /** Joint configurations that were committed, and members that a committed configuration has no more. */
  joint = 0;
  removed = 0;
  readonly #timeline: Timeline;
  /** Whether a quorum of a configuration would vote for a log, by what is on disks. */
  readonly #isElectable: (configuration: Configuration, log: RaftStatus) => boolean;
  #committed: PlacedConfiguration | null = null;
  /** By node: what is in force there. */
  readonly #inForce = new Map<number, { readonly placed: PlacedConfiguration; readonly view: RaftView }>();

  constructor(timeline: Timeline, isElectable: (configuration: Configuration, log: RaftStatus) => boolean) {
    this.#timeline = timeline;
    this.#isElectable = isElectable;
  }

  /** The newest configuration that is known to be committed; null before there is a cluster. */
  get committed(): PlacedConfiguration | null {
    return this.#committed;
  }

  /** All that are in force somewhere. */
  inForce(): readonly Configuration[] {
    return [...this.#inForce.values()].map(({ placed }) => placed.configuration);
  }

  /** Those that may still elect or commit: the last that is committed, and what stands behind it in a log that holds it. */
  relevant(): readonly PlacedConfiguration[] {
    const committed = this.#committed;
    if (committed === null) return [];
    const behind = [...this.#inForce.values()].filter(({ placed, view }) => {
      if (placed.index <= committed.index) return false;
      return view.termAt(committed.index) === committed.term || view.status().base > committed.index;
    });
    return [committed, ...behind.map(({ placed }) => placed)];
  }

  onEnd(node: number): void {
    this.#inForce.delete(node);
  }

  /** After each event of a member. True when another configuration is in force there than before. */
  check(node: number, view: RaftView, status: RaftStatus): boolean {
    const { configuration, index, committed } = status.configuration;
    const before = this.#inForce.get(node);
    const term = this.#termOf(view, index, before?.placed);
    const isNews = before?.placed.index !== index || before.placed.term !== term || before.view !== view;
    const isNewest = committed && configuration.voters.length > 0 && index > (this.#committed?.index ?? -1);
    if (isNewest) this.#onNewest({ configuration, index, term });
    if (!isNews) return false;
    if (before !== undefined && before.view === view) this.#passOver(before.placed, index, view, status);
    this.#inForce.set(node, { placed: { configuration, index, term }, view });
    this.#timeline.note(`configuration ${node} ${index} ${describeConfiguration(configuration)}`);
    this.#checkInForce(node, view, status);
    this.#checkIntersections();
    return true;
  }

  /** Where one is committed and the next stands in the log in the same event, no status ever tells of the first that it is committed. */
  #passOver(before: PlacedConfiguration, index: number, view: RaftView, { commit, base }: RaftStatus): void {
    const from = Math.max(before.index, base + 1, (this.#committed?.index ?? 0) + 1);
    for (const entry of view.entries(from, Math.min(commit, index - 1))) {
      if (entry.type !== "configuration") continue;
      const configuration = decodeConfiguration(entry.payload);
      if (configuration.voters.length > 0) this.#onNewest({ configuration, index: entry.index, term: entry.term });
    }
  }

  #onNewest(placed: PlacedConfiguration): void {
    const before = this.#committed;
    this.#committed = placed;
    if (placed.configuration.votersOutgoing.length > 0) this.joint += 1;
    const members = new Set(membersOf(placed.configuration));
    if (before !== null) this.removed += membersOf(before.configuration).filter((one) => !members.has(one)).length;
  }

  /** The term of a compacted entry is not known any more; it is the one that it had. */
  #termOf(view: RaftView, index: number, before: PlacedConfiguration | undefined): number {
    return view.termAt(index) ?? (before?.index === index ? before.term : 0);
  }

  /** It is the last in the log, whether that is committed or not. */
  #checkInForce(node: number, view: RaftView, { base, lastIndex, configuration }: RaftStatus): void {
    const last = view.entries(base + 1, lastIndex).findLast(({ type }) => type === "configuration");
    if (last === undefined ? configuration.index <= base : configuration.index === last.index) return;
    const wanted = last === undefined ? `that of its snapshot as of ${base}` : `the one at ${last.index}`;
    const message = `At node ${node} the configuration of index ${configuration.index} is in force, not ${wanted}`;
    this.#timeline.fail("configuration-in-force", message);
  }

  #checkIntersections(): void {
    const placed = this.relevant().filter((one) => one === this.#committed || this.#mayElect(one));
    for (const [at, one] of placed.entries()) {
      for (const other of placed.slice(at + 1)) this.#checkPair(one, other);
    }
  }

  /** One that stands in logs which nobody votes for any more harms nobody: where members change one at a time, that is what saves them. */
  #mayElect(one: PlacedConfiguration): boolean {
    const holders = [...this.#inForce.values()].filter(({ placed }) => placed === one);
    return holders.some(({ view }) => this.#isElectable(one.configuration, view.status()));
  }

  #checkPair(one: PlacedConfiguration, other: PlacedConfiguration): void {
    if (one.configuration === other.configuration) return;
    const found = disjointQuorums(one.configuration, other.configuration);
    if (found === null) return;
    const describe = ({ configuration, index }: PlacedConfiguration): string =>
      `${describeConfiguration(configuration)} of index ${index}`;
    const sets = found.map((set) => `{${set.join(" ")}}`).join(" and ");
    this.#timeline.fail(
      "configurations-intersect",
      `${describe(one)} and ${describe(other)} may both elect, and have the disjoint quorums ${sets}`,
    );
  }
}
