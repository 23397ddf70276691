/**
 * Whatever links are up: as long as one member hears a quorum, both ways, the cluster elects somebody who does, and commits; and terms do not
 * go on rising (fault 36 in general). Links are drawn again and again, while members crash and entries are left uncommitted; `RaftCluster`
 * checks Raft's safety after every step, so this is also where taking a log from who does not lead (`log-adoption.ts`) is tried hardest.
 */
import { expect, test } from "vitest";
import { createRandom, type Random } from "../../../runtime/index.ts";
import { RaftCluster } from "../../actors/raft/raft-cluster.ts";
import { highestTerm, progresses } from "./progress.ts";

const NAMES = ["a", "b", "c", "d", "e"];
const SEEDS = 20;
const ROUNDS = 12;

/** Six longest election timeouts: a leader without a quorum gives up in one, a poll that is in vain takes one, and the third takes a log. */
const PROGRESS_MS = 7200;

const TIMEOUT_MS = 60_000;

/** Cuts all but some links; whom most hear, counting itself. */
function drawLinks(cluster: RaftCluster, random: Random): number {
  const heard = new Map(NAMES.map((name) => [name, 1]));
  const share = 0.2 + 0.5 * random.next();
  cluster.heal();
  for (const [at, one] of NAMES.entries()) {
    for (const other of NAMES.slice(0, at)) {
      if (random.next() < share) {
        for (const name of [one, other]) heard.set(name, (heard.get(name) ?? 0) + 1);
      } else {
        cluster.cut(one, other);
        cluster.cut(other, one);
      }
    }
  }
  return Math.max(...heard.values());
}

/** Entries that some get and others do not. */
function leaveUncommitted(cluster: RaftCluster, random: Random, round: number): void {
  for (const name of NAMES) {
    if (cluster.core(name).isLeader) cluster.propose(name, `left-${round}`, `behind-${round}`);
  }
  cluster.deliver(() => random.next() < 0.7);
  cluster.drop(() => random.next() < 0.5);
  const name = NAMES[random.integer(NAMES.length)] ?? "a";
  if (random.next() < 0.3) {
    cluster.crash(name);
    cluster.restart(name);
  }
}

test(
  `a cluster of five commits under any links that let one member hear a quorum, over ${SEEDS} seeds`,
  { timeout: TIMEOUT_MS },
  () => {
    let tried = 0;
    let adopted = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = createRandom(seed);
      const cluster = new RaftCluster(NAMES, { seed });
      for (let round = 0; round < ROUNDS; round++) {
        const isConnected = drawLinks(cluster, random) >= 3;
        if (isConnected) {
          tried += 1;
          expect(() => progresses(cluster, PROGRESS_MS), `seed ${seed}, round ${round}`).not.toThrow();
        } else cluster.run(random.integer(3000));
        leaveUncommitted(cluster, random, round);
        adopted += cluster.trace.filter((line) => line.includes("log-part")).length;
        cluster.trace.length = 0;
      }
      cluster.heal();
      progresses(cluster, PROGRESS_MS);
      const term = highestTerm(cluster);
      cluster.run(10_000);
      expect(highestTerm(cluster), `seed ${seed}`).toBe(term);
      for (const name of NAMES) expect(cluster.appliedTexts(name)).toEqual(cluster.appliedTexts("a"));
    }
    expect(tried).toBeGreaterThan(SEEDS);
    expect(adopted).toBeGreaterThan(5);
  },
);
