/**
 * Somebody must be electable, and nobody else may keep it from being elected (faults 37 to 40 of the list of this project): whose log is the
 * longest, whatever its term; whose configuration is only in its log; and not who lacks the log.
 *
 * Sources: etcd #8501, openraft #1796; NuRaft #134; etcd #12359; Ongaro's dissertation §4.1, §4.2.1, §9.6.
 */
import { describe, expect, test } from "vitest";
import { RaftCluster } from "../../actors/raft/raft-cluster.ts";
import { highestTerm, progresses } from "./progress.ts";

/** A leader is missed, and another elected: twice the longest election timeout, and a poll that was in vain. */
const FAIL_OVER_MS = 4000;

/** `a` leads, and has committed in its term. */
function led(options: ConstructorParameters<typeof RaftCluster>[1] = {}): RaftCluster {
  const cluster = new RaftCluster(["a", "b", "c"], options);
  cluster.timeout("a");
  cluster.deliver();
  expect(cluster.leader()).toBe("a");
  return cluster;
}

/** Who has this on disk after a crash: terms of its entries, and the term it was in. */
function restartedWith(logs: Readonly<Record<string, readonly [readonly number[], number]>>): RaftCluster {
  const cluster = new RaftCluster(Object.keys(logs));
  for (const [name, [terms, term]] of Object.entries(logs)) cluster.restartWith(name, terms, term);
  return cluster;
}

describe("fault 37: the deadlock of pre-vote", () => {
  // The member of the later term ignores the poll for an earlier one; the member of the longer log refuses every vote. Whoever polls
  // must be told the later term.
  test("the longest log on an old term hears of the later one, and leads", () => {
    const cluster = restartedWith({ a: [[1, 1], 9], b: [[1, 1, 1], 1], c: [[1], 1] });
    cluster.crash("c");
    progresses(cluster, FAIL_OVER_MS);
    expect(cluster.leader()).toBe("b");
    expect(highestTerm(cluster)).toBe(10);
  });

  test("three members of three terms elect one, in a term after the latest", () => {
    const cluster = restartedWith({ a: [[1, 1], 9], b: [[1, 2, 2], 4], c: [[1, 3], 3] });
    progresses(cluster, FAIL_OVER_MS);
    const term = highestTerm(cluster);
    cluster.run(60_000);
    expect([highestTerm(cluster) === term, term <= 11]).toEqual([true, true]);
  });

  test("a member of a later term than its leader's makes it step down once, and follows the next", () => {
    const cluster = led();
    cluster.crash("c");
    cluster.node("c").disk.hardState = { term: 9, vote: "c", commit: 0 };
    cluster.restart("c");
    cluster.run(FAIL_OVER_MS);
    progresses(cluster, 1000, "c");
    const term = highestTerm(cluster);
    cluster.run(60_000);
    expect([cluster.core("c").status().leader, highestTerm(cluster)]).toEqual([cluster.leader(), term]);
    expect(term).toBeLessThanOrEqual(11);
  });
});

describe("fault 38: a pre-vote that does not look at the log", () => {
  // c cannot win, and times out before b every time. Were its polls granted, each would end in an election that it loses, and that begins b's
  // wait anew.
  test("a member that lacks entries polls first again and again, and keeps nobody from being elected", () => {
    const cluster = led({ preferences: (name) => ({ priority: name === "b" ? -10 : 0 }) });
    cluster.cut("a", "c");
    cluster.propose("a", "only-at-a-and-b");
    cluster.deliver();
    cluster.crash("a");
    progresses(cluster, FAIL_OVER_MS);
    expect([cluster.leader(), highestTerm(cluster)]).toEqual(["b", 2]);
    expect(cluster.appliedTexts("c")).toContain("only-at-a-and-b");
  });
});

describe("fault 39: a configuration that counts only when it is applied", () => {
  // etcd #12359, example 1. The voters are a, b, c; c is to be a learner and d a voter. a and d have the joint configuration and more; c has
  // the joint configuration; b has neither. Then a crashes. c lacks entries that d has, so only d can be elected, and by what is
  // known to be committed d is a learner.
  test("a learner that is a voter in its log only is elected, where nobody else can be", () => {
    const cluster = led({ spares: ["d"] });
    cluster.change("a", [{ type: "add-learner", member: "d" }]);
    cluster.run(500);
    cluster.crash("b");
    const change = cluster.change("a", [
      { type: "promote", member: "d" },
      { type: "demote", member: "c" },
    ]);
    expect(change.ok).toBe(true);
    // They get the configuration; a does not hear that they have it.
    cluster.deliver(({ from }) => from === "a");
    cluster.cut("a", "c");
    cluster.drop(({ to }) => to === "a");
    cluster.nowMs += 400;
    cluster.propose("a", "only-at-a-and-d");
    cluster.cut("d", "a");
    cluster.run(400);
    expect(["c", "d"].map((name) => cluster.core(name).status().lastIndex)).toEqual([3, 4]);
    expect(cluster.core("d").status().configuration.committed).toBe(false);
    cluster.crash("a");
    cluster.restart("b");
    progresses(cluster, FAIL_OVER_MS);
    expect(cluster.leader()).toBe("d");
    cluster.run(1000);
    expect(cluster.core("d").status().configuration).toMatchObject({
      configuration: { voters: ["a", "b", "d"], votersOutgoing: [] },
      committed: true,
    });
  });

  test("a voter whose removal is in its log only is elected, where nobody else can be", () => {
    const cluster = restartedWith({ a: [[1], 1], b: [[1], 1], c: [[1], 1], d: [[1], 1] });
    cluster.timeout("a");
    cluster.deliver();
    cluster.crash("c");
    expect(cluster.change("a", [{ type: "remove", member: "a" }]).ok).toBe(true);
    // The joint configuration is committed; the one behind it, without a, is at a only when it crashes.
    cluster.deliver(({ from }) => from === "a");
    cluster.deliver(({ to }) => to === "a");
    cluster.drop(() => true);
    expect(cluster.core("a").status()).toMatchObject({ commit: 3, lastIndex: 4 });
    cluster.crash("a");
    cluster.restart("a");
    // Of b and d alone no three votes come, and a refuses them: its log is longer.
    progresses(cluster, FAIL_OVER_MS);
    expect(cluster.trace).toContain("a leader term=3 leader=a");
    cluster.run(FAIL_OVER_MS);
    const placed = cluster.core(cluster.leader() ?? "").status().configuration;
    expect(placed).toMatchObject({ configuration: { voters: ["b", "c", "d"], votersOutgoing: [] }, committed: true });
    expect(highestTerm(cluster)).toBeLessThanOrEqual(5);
  });
});

describe("fault 40: a dead voter is added", () => {
  test("while one is down already: it begins as a learner, is not promoted, and writes go on", () => {
    const cluster = led({ spares: ["d"] });
    cluster.crash("d");
    cluster.crash("c");
    expect(cluster.change("a", [{ type: "add-learner", member: "d" }]).ok).toBe(true);
    progresses(cluster, 100);
    expect(cluster.change("a", [{ type: "promote", member: "d" }])).toMatchObject({ ok: false, code: "not-caught-up" });
    progresses(cluster, 100);
    expect(cluster.core("a").status().configuration).toMatchObject({
      configuration: { voters: ["a", "b", "c"], learners: ["d"], votersOutgoing: [] },
      committed: true,
    });
    // Nor by a change of several members at once.
    expect(
      cluster.change("a", [
        { type: "remove", member: "c" },
        { type: "promote", member: "d" },
      ]),
    ).toMatchObject({ ok: false, code: "not-caught-up" });
    progresses(cluster, 100);
    expect(cluster.change("a", [{ type: "remove", member: "d" }]).ok).toBe(true);
    progresses(cluster, 100);
    expect(highestTerm(cluster)).toBe(1);
  });

  test("that died after it had caught up: it is not promoted either", () => {
    const cluster = led({ spares: ["d"] });
    cluster.change("a", [{ type: "add-learner", member: "d" }]);
    cluster.run(1000);
    cluster.crash("d");
    cluster.run(1000);
    expect(cluster.change("a", [{ type: "promote", member: "d" }])).toMatchObject({ ok: false, code: "not-caught-up" });
    cluster.crash("c");
    progresses(cluster, 100);
  });
});
