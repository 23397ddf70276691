/** Each rule of the Raft checker is broken once, by views and writes made by hand; it must say which, and nothing else. */
import { expect, test } from "vitest";
import { createConfiguration, type RaftStatus, type RaftView } from "../../../actors/index.ts";
import { createRandom, type LogEntry, type LogWrite } from "../../../runtime/index.ts";
import { RaftChecker } from "../../../sim/checkers/raft-checker.ts";
import { Disk } from "../../../sim/disk/disk.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { ProcessLife } from "../../../sim/timeline/process-life.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";
import { commands } from "../../contract/log-store-calls.ts";

const NAMES = ["n1@1", "n2@1", "n3@1", "n4@1", "n5@1"];

type InForce = RaftStatus["configuration"];

function inForce(voters: readonly string[], placed: Partial<InForce & { outgoing: readonly string[] }> = {}): InForce {
  const { outgoing = [], index = 0, committed = true } = placed;
  return { configuration: { ...createConfiguration(voters), votersOutgoing: outgoing }, index, committed };
}

const ALL = inForce(NAMES.slice(0, 3));

/** A member that says whatever the test wants. */
class FakeMember implements RaftView {
  #status: RaftStatus;
  readonly #log: LogEntry[] = [];

  constructor(self: string) {
    const voters = ALL.configuration.voters;
    const zeros = { term: 0, applied: 0, commit: 0, durable: 0, lastIndex: 0, lastTerm: 0, base: 0 };
    const nobody = {
      leader: null,
      vote: null,
      transferringTo: null,
      peers: [],
      refusals: {} as RaftStatus["refusals"],
    };
    this.#status = { self, role: "follower", voters, configuration: ALL, recovering: false, ...nobody, ...zeros };
  }

  status(): RaftStatus {
    return this.#status;
  }
  glance(): boolean {
    return true;
  }
  termAt(index: number): number | undefined {
    return index === 0 ? 0 : this.#log[index - 1]?.term;
  }
  entries(from: number, to: number): readonly LogEntry[] {
    return this.#log.slice(from - 1, to);
  }
  set(status: Partial<RaftStatus>): void {
    this.#status = { ...this.#status, ...status };
  }
  write(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#log.splice(entry.index - 1, Infinity, entry);
    const lastIndex = this.#log.length;
    this.set({ lastIndex, durable: lastIndex, lastTerm: this.#log.at(-1)?.term ?? 0 });
  }
}

class Bench {
  readonly random = createRandom(1);
  readonly timeline: Timeline = new Timeline(this.random.fork(), new EventLog({ linesKept: 10 }));
  readonly members: readonly FakeMember[] = NAMES.map((name) => new FakeMember(name));
  readonly checker: RaftChecker;
  readonly disks: readonly Disk[];
  readonly #stores;

  constructor() {
    const weather = { syncMinUs: 1, syncMeanUs: 1, slowness: 1 };
    const watcher = {
      onWrite: (): void => {},
      onWipe: (node: number, lost: Disk["platter"]) => this.checker.onWipe(node, lost),
    };
    this.disks = this.members.map(
      (_, node) => new Disk({ node, timeline: this.timeline, random: this.random, weather, watcher }),
    );
    this.#stores = this.disks.map((disk) => disk.open(new ProcessLife(1)));
    this.checker = new RaftChecker(NAMES.length, this.disks, this.timeline, {
      onLeader: () => {},
      onCommitted: () => {},
    });
    for (const [node, member] of this.members.entries()) {
      this.#append(node, { identity: { member: NAMES[node] as string, cluster: "c" }, entries: [] });
      this.checker.onStart(node, member);
    }
  }

  member(node: number): FakeMember {
    return this.members[node] as FakeMember;
  }

  /** Entries at the end of a node's log, durable at once. */
  write(node: number, entries: readonly LogEntry[]): void {
    this.member(node).write(entries);
    this.checker.onWrite(node, { entries });
    this.#append(node, { entries });
  }

  /** Who is to lead has been voted for by everybody who is not in that term yet. */
  become(node: number, status: Partial<RaftStatus>): void {
    if (status.role === "leader") this.vote(node, status.term ?? 0);
    this.member(node).set(status);
    this.checker.check(node);
  }

  vote(candidate: number, term: number, voters: readonly number[] = NAMES.map((_, node) => node)): void {
    const hardState = { term, vote: NAMES[candidate] as string, commit: 0 };
    for (const node of voters) {
      const isNew = (this.disks[node]?.hardState.term ?? 0) < term;
      if (isNew) this.#append(node, { hardState, entries: [] });
    }
  }

  get broken(): string | undefined {
    return this.timeline.failure?.invariant;
  }

  #append(node: number, write: LogWrite): void {
    this.#stores[node]?.append(write, () => {});
    this.timeline.run(this.timeline.nowUs + 1000);
  }
}

/** An entry that holds a configuration; what it says is in the status, as the checker decodes none. */
function change(index: number, term: number): LogEntry {
  return { index, term, type: "configuration", payload: Uint8Array.of(index) };
}

test("the checker is content with a cluster that elects, replicates and commits", () => {
  const bench = new Bench();
  bench.become(0, { term: 1, role: "leader" });
  for (const node of [0, 1]) bench.write(node, commands(1, 1, 1));
  bench.become(0, { commit: 2 });
  bench.become(0, { applied: 2 });
  bench.become(1, { term: 1, commit: 2, applied: 1 });
  bench.become(0, { role: "follower", term: 2 });
  bench.become(1, { role: "leader", term: 2 });
  expect(bench.timeline.failure).toBeNull();
  expect(bench.checker.committed.lastIndex).toBe(2);
  expect(bench.checker.leader()).toBe(1);
});

test("the checker finds two leaders of a term, also when the first is gone", () => {
  const bench = new Bench();
  bench.become(0, { term: 3, role: "leader" });
  bench.checker.onEnd(0);
  bench.become(1, { term: 3, role: "leader" });
  expect(bench.broken).toBe("election-safety");
});

test("the checker finds a leader without the durable votes of a quorum (faults 3, 4, 5)", () => {
  for (const [voters, broken] of [
    [[0], "elected-by-quorum"],
    [[0, 2], undefined],
  ] as const) {
    const bench = new Bench();
    bench.vote(0, 3, voters);
    bench.vote(1, 3, [1]);
    bench.vote(2, 3, [2]);
    bench.become(0, { term: 3, role: "leader" });
    expect(bench.broken).toBe(broken);
  }
});

test("the checker counts no vote of a member that recovers from damage (fault 31)", () => {
  const bench = new Bench();
  bench.vote(0, 3, [0]);
  bench.disks[1]
    ?.open(new ProcessLife(2))
    .append({ hardState: { term: 3, vote: NAMES[0] as string, commit: 0, damagedTerm: 2 }, entries: [] }, () => {});
  bench.vote(2, 3, [2]);
  bench.become(0, { term: 3, role: "leader" });
  expect(bench.broken).toBe("elected-by-quorum");
});

test("the checker finds another entry at the same index and term", () => {
  const bench = new Bench();
  bench.write(0, commands(1, 1));
  bench.write(1, [{ index: 1, term: 1, type: "command", payload: Uint8Array.of(99) }]);
  expect(bench.broken).toBe("log-matching");
});

test("the checker finds the same entry behind another predecessor", () => {
  const bench = new Bench();
  bench.write(0, commands(1, 1, 3));
  const [first] = commands(1, 2);
  const [, second] = commands(1, 1, 3);
  bench.write(1, [first as LogEntry, second as LogEntry]);
  expect(bench.broken).toBe("log-matching");
});

test("the checker finds a leader without a committed entry", () => {
  const bench = new Bench();
  bench.become(0, { term: 1, role: "leader" });
  for (const node of [0, 1]) bench.write(node, commands(1, 1));
  bench.become(0, { commit: 1 });
  bench.become(2, { term: 2, role: "leader" });
  expect(bench.broken).toBe("leader-completeness");
});

test("the checker finds a commit behind the back of a later leader", () => {
  const bench = new Bench();
  bench.become(2, { term: 2, role: "leader" });
  for (const node of [0, 1]) bench.write(node, commands(1, 1));
  bench.become(0, { term: 1, role: "leader", commit: 1 });
  expect(bench.broken).toBe("leader-completeness");
});

test("the checker finds a committed index that changes", () => {
  const bench = new Bench();
  for (const node of [0, 1]) bench.write(node, commands(1, 1));
  bench.become(0, { term: 1, commit: 1 });
  bench.write(2, commands(1, 2));
  bench.become(2, { term: 2, commit: 1 });
  expect(bench.broken).toBe("committed-changes");
});

test("the checker finds a commit that is not on a quorum of disks", () => {
  const bench = new Bench();
  bench.write(0, commands(1, 1));
  bench.become(0, { term: 1, role: "leader", commit: 1 });
  expect(bench.broken).toBe("committed-on-quorum");
});

test("the checker counts both halves of a joint configuration, and no learner", () => {
  const joint = inForce(["n1@1", "n2@1"], { outgoing: ["n3@1", "n4@1"], index: 1, committed: false });
  for (const [holders, broken] of [
    [[0, 1], "committed-on-quorum"],
    [[0, 1, 2, 3], undefined],
  ] as const) {
    const bench = new Bench();
    for (const node of holders) bench.write(node, [change(1, 1), ...commands(2, 1)]);
    bench.become(0, { term: 1, role: "leader", configuration: joint });
    bench.become(0, { commit: 2 });
    expect(bench.broken).toBe(broken);
  }
});

test("the checker counts what was on a disk until it was lost or rotted", () => {
  const bench = new Bench();
  for (const node of [0, 1]) bench.write(node, commands(1, 1));
  bench.disks[1]?.wipe();
  bench.become(0, { term: 1, role: "leader", commit: 1 });
  expect(bench.timeline.failure).toBeNull();
});

test("the checker finds two changes of membership that are not committed in one log", () => {
  const bench = new Bench();
  bench.write(0, [change(1, 1), change(2, 1)]);
  bench.become(0, {
    term: 1,
    role: "leader",
    configuration: inForce(NAMES.slice(0, 3), { index: 2, committed: false }),
  });
  expect(bench.broken).toBe("one-change-at-a-time");
});

test("the checker finds a configuration in force that is not the last in the log", () => {
  const bench = new Bench();
  bench.write(0, [change(1, 1), change(2, 1)]);
  bench.become(0, { term: 1, configuration: inForce(NAMES.slice(0, 3), { index: 1, committed: false }) });
  expect(bench.broken).toBe("configuration-in-force");
});

test.each([
  ["finds two configurations that may both elect and have disjoint quorums (fault 2)", [], "configurations-intersect"],
  ["fears no configuration in a log that no quorum votes for any more", [2, 3], undefined],
] as const)("the checker %s", (_, ahead, broken) => {
  const bench = new Bench();
  bench.become(1, { configuration: inForce(NAMES.slice(0, 4)) });
  bench.write(0, [change(1, 1)]);
  bench.become(0, { term: 1, role: "leader", configuration: inForce(NAMES, { index: 1, committed: false }) });
  expect(bench.timeline.failure).toBeNull();
  bench.write(1, [change(1, 2)]);
  const smaller = inForce(NAMES.slice(0, 3), { index: 1, committed: false });
  for (const node of ahead) bench.write(node, [change(1, 2)]);
  bench.become(1, { term: 2, role: "leader", configuration: smaller });
  expect(bench.broken).toBe(broken);
});

test("the checker finds a log that was compacted beyond what is committed", () => {
  const bench = new Bench();
  for (const node of [0, 1]) bench.write(node, commands(1, 1, 1));
  bench.become(0, { term: 1, role: "leader", commit: 1, applied: 1 });
  bench.become(1, { term: 1, commit: 2, applied: 2, base: 2 });
  expect(bench.broken).toBe("compacted-is-committed");
});

test.each([
  ["term-goes-back", { term: 4 }],
  ["commit-goes-back", { commit: 1 }],
  ["applied-goes-back", { applied: 0 }],
  ["applied-committed-last", { applied: 3 }],
  ["applied-committed-last", { base: 3 }],
  ["applied-committed-last", { commit: 3 }],
] as const)("the checker finds that %s", (invariant, status) => {
  const bench = new Bench();
  for (const node of [0, 1]) bench.write(node, commands(1, 5, 5));
  bench.become(0, { term: 5, commit: 2, applied: 2 });
  expect(bench.broken).toBeUndefined();
  bench.become(0, status);
  expect(bench.broken).toBe(invariant);
});

test("the checker counts logs that are cut back, and snapshots of others that take their place", () => {
  const bench = new Bench();
  bench.write(0, commands(1, 1, 1));
  bench.write(0, [{ index: 3, term: 2, type: "command", payload: Uint8Array.of(1) }]);
  expect([bench.checker.truncated, bench.checker.installed]).toEqual([0, 0]);
  bench.write(0, [{ index: 2, term: 3, type: "command", payload: Uint8Array.of(2) }]);
  expect([bench.checker.truncated, bench.checker.installed]).toEqual([1, 0]);
  bench.checker.onWrite(0, { reset: { index: 9, term: 3 }, entries: [] });
  expect([bench.checker.truncated, bench.checker.installed]).toEqual([1, 1]);
});

test("the checker counts joint configurations, and members that are no longer in one", () => {
  const bench = new Bench();
  const [three, two] = [NAMES.slice(0, 3), NAMES.slice(0, 2)];
  bench.become(0, { term: 1 });
  bench.write(0, [change(1, 1), change(2, 1)]);
  bench.become(0, { commit: 1, configuration: inForce(two, { outgoing: three, index: 1 }) });
  expect(bench.checker.configurations).toMatchObject({ joint: 1, removed: 0 });
  bench.become(0, { commit: 2, configuration: inForce(two, { index: 2 }) });
  expect(bench.checker.configurations).toMatchObject({ joint: 1, removed: 1 });
});
