/** Each rule of the Raft checker is broken once, by views and writes made by hand; it must say which, and nothing else. */
import { expect, test } from "vitest";
import type { RaftStatus, RaftView } from "../../actors/index.ts";
import { createRandom, type LogEntry } from "../../runtime/index.ts";
import { RaftChecker } from "../../sim/checkers/raft-checker.ts";
import { Disk } from "../../sim/disk.ts";
import { EventLog } from "../../sim/event-log.ts";
import { ProcessLife } from "../../sim/process-life.ts";
import { Timeline } from "../../sim/timeline.ts";
import { commands } from "../contract/log-store-calls.ts";

const NODES = 3;

/** A member that says whatever the test wants. */
class FakeMember implements RaftView {
  #status: RaftStatus;
  readonly #log: LogEntry[] = [];

  constructor(self: string) {
    const voters = ["n1", "n2", "n3"];
    const zeros = { term: 0, applied: 0, commit: 0, durable: 0, lastIndex: 0, lastTerm: 0 };
    this.#status = { self, role: "follower", leader: null, vote: null, voters, peers: [], ...zeros };
  }

  status(): RaftStatus {
    return this.#status;
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
    this.set({ lastIndex: this.#log.length, durable: this.#log.length });
  }
}

class Bench {
  readonly random = createRandom(1);
  readonly timeline: Timeline = new Timeline(this.random.fork(), new EventLog({ linesKept: 10 }));
  readonly members: readonly FakeMember[] = ["n1", "n2", "n3"].map((name) => new FakeMember(name));
  readonly checker: RaftChecker;
  readonly #stores;

  constructor() {
    const weather = { syncMinUs: 1, syncMeanUs: 1, slowness: 1 };
    const disks = this.members.map((_, node) => {
      const watcher = { onWrite: () => {} };
      return new Disk({ node, timeline: this.timeline, random: this.random, weather, watcher });
    });
    this.#stores = disks.map((disk) => disk.open(new ProcessLife(1)));
    this.checker = new RaftChecker(NODES, disks, this.timeline, { onLeader: () => {}, onCommitted: () => {} });
    for (const [node, member] of this.members.entries()) this.checker.onStart(node, member);
  }

  member(node: number): FakeMember {
    return this.members[node] as FakeMember;
  }

  /** Entries at the end of a node's log, durable at once. */
  write(node: number, entries: readonly LogEntry[]): void {
    this.member(node).write(entries);
    this.checker.onWrite(node, { entries });
    this.#stores[node]?.append({ entries }, () => {});
    this.timeline.run(this.timeline.nowUs + 1000);
  }

  become(node: number, status: Partial<RaftStatus>): void {
    this.member(node).set(status);
    this.checker.check(node);
  }

  get broken(): string | undefined {
    return this.timeline.failure?.invariant;
  }
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

test.each([
  ["term-goes-back", { term: 4 }],
  ["commit-goes-back", { commit: 1 }],
  ["applied-goes-back", { applied: 0 }],
  ["applied-committed-last", { applied: 3 }],
] as const)("the checker finds that %s", (invariant, status) => {
  const bench = new Bench();
  for (const node of [0, 1]) bench.write(node, commands(1, 5, 5));
  bench.become(0, { term: 5, commit: 2, applied: 2 });
  expect(bench.broken).toBeUndefined();
  bench.become(0, status);
  expect(bench.broken).toBe(invariant);
});
