/**
 * Partial partitions: two members that cannot hear each other and both hear a third. A cluster must find the leader that a quorum hears,
 * and then keep it (faults 35, 36 and 44 of the list of this project).
 *
 * Sources: Cloudflare, "A Byzantine failure in the real world" (2020); Ng, Haridi and Carbone, "Omni-Paxos: Breaking the Barriers of
 * Partial Connectivity" (EuroSys 2023); Ongaro's dissertation §4.2.3, §6.2, §9.6.
 */
import { describe, expect, test } from "vitest";
import type { RaftLimits } from "../../../actors/raft/core/raft-options.ts";
import { RaftCluster } from "../../actors/raft/raft-cluster.ts";
import { highestTerm, progresses } from "./progress.ts";

/** Of a storm, fifty elections. */
const LONG_MS = 60_000;

/** A leader notices that it has lost its quorum, and another is elected: twice the longest election timeout, and a poll that was in vain. */
const FAIL_OVER_MS = 4000;

/** `a` leads, and has committed in its term. */
function led(names: readonly string[], options: ConstructorParameters<typeof RaftCluster>[1] = {}): RaftCluster {
  const cluster = new RaftCluster(names, options);
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
    const cluster = led(["a", "b", "c"]);
    onlyLinks(cluster, "ab", "bc");
    expect(termsPassed(cluster)).toBe(0);
    expect(cluster.leader()).toBe("a");
  });

  test("in an idle cluster, where every log is as good as the leader's, moves no term either", () => {
    const cluster = led(["a", "b", "c"]);
    onlyLinks(cluster, "ab", "bc");
    cluster.run(LONG_MS);
    expect([cluster.leader(), highestTerm(cluster)]).toEqual(["a", 1]);
  });

  test("that leaves the leader a bare quorum is no reason to replace it", () => {
    const cluster = led(["a", "b", "c", "d", "e"]);
    for (const cutOff of ["d", "e"]) {
      cluster.cut("a", cutOff);
      cluster.cut(cutOff, "a");
    }
    expect(termsPassed(cluster)).toBe(0);
    expect(cluster.leader()).toBe("a");
  });

  test("ends, and who was cut off is back within an election timeout", () => {
    const cluster = led(["a", "b", "c"]);
    onlyLinks(cluster, "ab", "bc");
    termsPassed(cluster);
    cluster.heal();
    progresses(cluster, 1200, "c");
    expect(highestTerm(cluster)).toBe(1);
  });

  test("a request for a vote that nobody asked for moves nobody who hears a leader", () => {
    const cluster = led(["a", "b", "c"]);
    const message = { type: "vote-request", term: 5, lastIndex: 9, lastTerm: 4, transfer: false } as const;
    cluster.inject("c", "b", message);
    cluster.inject("c", "a", message);
    expect(progresses(cluster, 100)).toBeLessThanOrEqual(100);
    expect(highestTerm(cluster)).toBe(1);
  });
});

describe("fault 36: the partial partitions of OmniPaxos", () => {
  test("quorum loss: the one member that hears a quorum follows a leader that hears only it, and takes over", () => {
    const cluster = led(["a", "b", "c", "d", "e"]);
    onlyLinks(cluster, "ba", "bc", "bd", "be");
    progresses(cluster, FAIL_OVER_MS);
    expect(cluster.leader()).toBe("b");
    expect(termsPassed(cluster)).toBe(0);
    expect(cluster.core("a").status()).toMatchObject({ role: "follower", leader: "b" });
  });

  // Raft by itself never ends here: who could be elected by its links lacks entries, who has them has no links (log-adoption.ts).
  describe("constrained election: the one member that hears a quorum lacks entries", () => {
    /** b has heard nothing of what the others have; then a is gone, and c, d and e hear b only. */
    function constrained(writes: number, limits: Partial<RaftLimits> = {}): RaftCluster {
      const cluster = led(["a", "b", "c", "d", "e"], { limits });
      for (const [from, to] of ["ab", "ba", "bc", "cb", "bd", "db", "be", "eb"]) cluster.cut(from ?? "", to ?? "");
      cluster.run(1000);
      for (let count = 1; count <= writes; count++) {
        cluster.propose("a", `write-${count}`);
        cluster.deliver();
      }
      return cluster;
    }

    /** Only b hears more than one. */
    function breakDown(cluster: RaftCluster): void {
      cluster.crash("a");
      cluster.heal();
      onlyLinks(cluster, "bc", "bd", "be");
    }

    test("it takes the log from one that has it, and is elected", () => {
      const cluster = constrained(3);
      breakDown(cluster);
      progresses(cluster, FAIL_OVER_MS);
      expect([cluster.leader(), highestTerm(cluster)]).toEqual(["b", 2]);
      expect(cluster.appliedTexts("b").slice(0, 3)).toEqual(["write-1", "write-2", "write-3"]);
      expect(termsPassed(cluster)).toBe(0);
      cluster.heal();
      cluster.restart("a");
      progresses(cluster, 1500, "a");
    });

    test("however much that is", () => {
      const cluster = constrained(500, { entriesPerMessageMax: 10 });
      breakDown(cluster);
      progresses(cluster, FAIL_OVER_MS);
      expect(cluster.appliedTexts("b").slice(0, 500)).toEqual(cluster.appliedTexts("c").slice(0, 500));
    });

    test("and what of its own was never committed gives way", () => {
      const cluster = new RaftCluster(["b", "c", "d", "e", "a"]);
      const logs = { b: [1, 1, 2, 2, 2, 2], c: [1, 1, 3, 3], d: [1, 1, 3, 3], e: [1, 1, 3] } as const;
      for (const [name, terms] of Object.entries(logs)) cluster.restartWith(name, terms, name === "b" ? 7 : 4);
      breakDown(cluster);
      progresses(cluster, 2 * FAIL_OVER_MS);
      expect(cluster.leader()).toBe("b");
      const { lastIndex } = cluster.core("b").status();
      const terms = cluster
        .core("b")
        .entries(1, lastIndex)
        .map(({ term }) => term);
      expect(terms.slice(0, 4)).toEqual([1, 1, 3, 3]);
      expect(terms).not.toContain(2);
    });

    test("what the others have compacted away does not come: it waits until links are back, and nothing is lost", () => {
      const cluster = constrained(20, { trailingEntries: 0 });
      for (const name of ["c", "d", "e"]) cluster.snapshot(name);
      breakDown(cluster);
      expect(() => progresses(cluster, 20_000)).toThrow("Nothing is committed");
      expect(highestTerm(cluster)).toBe(1);
      cluster.heal();
      progresses(cluster, FAIL_OVER_MS);
      cluster.run(1000);
      expect(cluster.appliedTexts("b").slice(0, 20)).toEqual(cluster.appliedTexts("c").slice(0, 20));
    });

    test("who hears a leader gives nothing away, and who was given something and then hears a leader follows it", () => {
      const cluster = constrained(3);
      cluster.heal();
      const request = {
        type: "log-request",
        term: 1,
        lastIndex: 1,
        lastTerm: 1,
        previousIndex: 1,
        previousTerm: 1,
      } as const;
      cluster.inject("b", "c", request);
      cluster.inject("b", "a", { ...request, term: 9 });
      expect(cluster.messages.filter(({ message }) => message.type === "log-part")).toEqual([]);
      progresses(cluster, 1500, "b");
      expect(highestTerm(cluster)).toBe(1);
    });
  });

  test("chained, three members: a leader at the end of the chain goes on, and the other end disturbs nobody", () => {
    const cluster = led(["a", "b", "c"]);
    onlyLinks(cluster, "ab", "bc");
    expect(termsPassed(cluster)).toBe(0);
    // Without writes the other end's log is as good as the leader's.
    cluster.run(LONG_MS);
    expect([cluster.leader(), highestTerm(cluster)]).toEqual(["a", 1]);
  });

  test("chained, five members: a leader at the end of the chain gives way to one that hears a quorum", () => {
    const cluster = led(["a", "b", "c", "d", "e"]);
    onlyLinks(cluster, "ab", "bc", "cd", "de");
    progresses(cluster, FAIL_OVER_MS);
    expect(["b", "c", "d"]).toContain(cluster.leader());
    expect(termsPassed(cluster)).toBe(0);
  });

  test("chained, a ring of five: whoever leads keeps leading", () => {
    const cluster = led(["a", "b", "c", "d", "e"]);
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
    const cluster = led(["a", "b", "c"]);
    deafen(cluster, "c");
    expect(termsPassed(cluster)).toBe(0);
    expect([cluster.leader(), cluster.core("c").status().role]).toEqual(["a", "pre-candidate"]);
  });

  test("as the leader: it steps down, though everybody hears it, and its polls do not keep the others from electing", () => {
    const cluster = led(["a", "b", "c"]);
    deafen(cluster, "a");
    progresses(cluster, FAIL_OVER_MS);
    expect(["b", "c"]).toContain(cluster.leader());
    expect(termsPassed(cluster)).toBe(0);
    cluster.heal();
    progresses(cluster, 1200, "a");
  });

  test("the other way round, a member that receives but does not send: it refuses nobody its vote by a poll that nobody hears", () => {
    const cluster = led(["a", "b", "c"]);
    for (const name of ["b", "c"]) cluster.cut("a", name);
    progresses(cluster, FAIL_OVER_MS);
    expect(termsPassed(cluster)).toBe(0);
  });
});
