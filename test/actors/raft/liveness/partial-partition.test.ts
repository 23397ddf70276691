/**
 * Partial partitions: two members that cannot hear each other and both hear a third. A cluster must find the leader that a quorum hears,
 * and then keep it (faults 35, 36 and 44 of the list of this project).
 *
 * Sources: Cloudflare, "A Byzantine failure in the real world" (2020); Ng, Haridi and Carbone, "Omni-Paxos: Breaking the Barriers of
 * Partial Connectivity" (EuroSys 2023); Ongaro's dissertation §4.2.3, §6.2, §9.6.
 */
import { describe, expect, test } from "vitest";
import { RaftCluster } from "../raft-cluster.ts";
import { highestTerm, progresses } from "./progress.ts";

/** Of a storm, fifty elections. */
const LONG_MS = 60_000;

/** A leader notices that it has lost its quorum, and another is elected: twice the longest election timeout, and a poll that was in vain. */
const FAIL_OVER_MS = 4000;

/** `a` leads, and has committed in its term. */
function led(...names: readonly string[]): RaftCluster {
  const cluster = new RaftCluster(names);
  cluster.timeout("a");
  cluster.deliver();
  expect(cluster.leader()).toBe("a");
  return cluster;
}

/** Only these pairs hear each other. */
function onlyLinks(cluster: RaftCluster, ...pairs: readonly string[]): void {
  for (const from of cluster.nodes.keys()) {
    for (const to of cluster.nodes.keys()) {
      if (from !== to && !pairs.includes(from + to) && !pairs.includes(to + from)) cluster.cut(from, to);
    }
  }
}

/** A write a second for a long time, each within 100 ms; how many terms that took. */
function termsPassed(cluster: RaftCluster): number {
  const before = highestTerm(cluster);
  for (const untilMs = cluster.nowMs + LONG_MS; cluster.nowMs < untilMs; cluster.run(900)) {
    progresses(cluster, 100);
  }
  return highestTerm(cluster) - before;
}

describe("fault 35: a partial partition", () => {
  // The switch that failed at Cloudflare cut one member from the leader; it called elections that the third answered, and the leaders
  // took turns for six hours.
  test("between the leader and one follower moves no term, and costs no write", () => {
    const cluster = led("a", "b", "c");
    onlyLinks(cluster, "ab", "bc");
    expect(termsPassed(cluster)).toBe(0);
    expect(cluster.leader()).toBe("a");
  });

  test("in an idle cluster, where every log is as good as the leader's, moves no term either", () => {
    const cluster = led("a", "b", "c");
    onlyLinks(cluster, "ab", "bc");
    cluster.run(LONG_MS);
    expect([cluster.leader(), highestTerm(cluster)]).toEqual(["a", 1]);
  });

  test("that leaves the leader a bare quorum is no reason to replace it", () => {
    const cluster = led("a", "b", "c", "d", "e");
    for (const cutOff of ["d", "e"]) {
      cluster.cut("a", cutOff);
      cluster.cut(cutOff, "a");
    }
    expect(termsPassed(cluster)).toBe(0);
    expect(cluster.leader()).toBe("a");
  });

  test("ends, and who was cut off is back within an election timeout", () => {
    const cluster = led("a", "b", "c");
    onlyLinks(cluster, "ab", "bc");
    termsPassed(cluster);
    cluster.heal();
    progresses(cluster, 1200, "c");
    expect(highestTerm(cluster)).toBe(1);
  });

  test("a request for a vote that nobody asked for moves nobody who hears a leader", () => {
    const cluster = led("a", "b", "c");
    const message = { type: "vote-request", term: 5, lastIndex: 9, lastTerm: 4, transfer: false } as const;
    cluster.inject("c", "b", message);
    cluster.inject("c", "a", message);
    expect(progresses(cluster, 100)).toBeLessThanOrEqual(100);
    expect(highestTerm(cluster)).toBe(1);
  });
});

describe("fault 36: the partial partitions of OmniPaxos", () => {
  test("quorum loss: the one member that hears a quorum follows a leader that hears only it, and takes over", () => {
    const cluster = led("a", "b", "c", "d", "e");
    onlyLinks(cluster, "ba", "bc", "bd", "be");
    progresses(cluster, FAIL_OVER_MS);
    expect(cluster.leader()).toBe("b");
    expect(termsPassed(cluster)).toBe(0);
    expect(cluster.core("a").status()).toMatchObject({ role: "follower", leader: "b" });
  });

  test("chained, three members: a leader at the end of the chain goes on, and the other end disturbs nobody", () => {
    const cluster = led("a", "b", "c");
    onlyLinks(cluster, "ab", "bc");
    expect(termsPassed(cluster)).toBe(0);
  });

  test("chained, five members: a leader at the end of the chain gives way to one that hears a quorum", () => {
    const cluster = led("a", "b", "c", "d", "e");
    onlyLinks(cluster, "ab", "bc", "cd", "de");
    progresses(cluster, FAIL_OVER_MS);
    expect(["b", "c", "d"]).toContain(cluster.leader());
    expect(termsPassed(cluster)).toBe(0);
  });

  test("chained, a ring of five: whoever leads keeps leading", () => {
    const cluster = led("a", "b", "c", "d", "e");
    onlyLinks(cluster, "ab", "bc", "cd", "de", "ea");
    expect(termsPassed(cluster)).toBe(0);
    expect(cluster.leader()).toBe("a");
  });
});

describe("fault 44: a member that sends but does not receive", () => {
  function deafen(cluster: RaftCluster, deaf: string): void {
    for (const name of cluster.nodes.keys()) if (name !== deaf) cluster.cut(name, deaf);
  }

  test("as a follower: it polls for ever, and nobody's term moves", () => {
    const cluster = led("a", "b", "c");
    deafen(cluster, "c");
    expect(termsPassed(cluster)).toBe(0);
    expect([cluster.leader(), cluster.core("c").status().role]).toEqual(["a", "pre-candidate"]);
  });

  test("as the leader: it steps down, though everybody hears it, and its polls do not keep the others from electing", () => {
    const cluster = led("a", "b", "c");
    deafen(cluster, "a");
    progresses(cluster, FAIL_OVER_MS);
    expect(["b", "c"]).toContain(cluster.leader());
    expect(termsPassed(cluster)).toBe(0);
    cluster.heal();
    progresses(cluster, 1200, "a");
  });

  test("the other way round, a member that receives but does not send: it refuses nobody its vote by a poll that nobody hears", () => {
    const cluster = led("a", "b", "c");
    for (const name of ["b", "c"]) cluster.cut("a", name);
    progresses(cluster, FAIL_OVER_MS);
    expect(termsPassed(cluster)).toBe(0);
  });
});
