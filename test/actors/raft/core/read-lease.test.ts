/** Reads by lease: how long one runs, and that no read under one is stale, whatever clocks, links and restarts do within the bound. */
import { expect, test } from "vitest";
import { createConfiguration } from "../../../../actors/raft/core/configuration.ts";
import { leaseMs, ReadLease } from "../../../../actors/raft/core/read-lease.ts";
import { createRandom, type Random } from "../../../../runtime/index.ts";
import { RaftCluster } from "../raft-cluster.ts";

const TIMING = { electionTimeoutMinMs: 600 };
const NAMES = ["a", "b", "c"];
/** No clock runs more than 1 % faster than another. */
const RATES = [1, 1.005, 1.00995];
const SEEDS = 150;
const ROUNDS = 30;
const TIMEOUT_MS = 60_000;

test("a lease is shorter than the shortest election timeout by the clock bound", () => {
  expect(leaseMs(TIMING)).toBeCloseTo(594.06, 2);
  expect(leaseMs(TIMING) * 1.01).toBeCloseTo(600, 6);
});

test("a lease runs from when the round was sent that a quorum has answered, not from the answer", () => {
  const configuration = createConfiguration(["a", "b", "c", "d", "e"]);
  const lease = new ReadLease("a", TIMING);
  expect(lease.untilMs(configuration)).toBe(-Infinity);
  lease.sent(1, 1000);
  lease.sent(2, 1100);
  lease.answered("b", 2);
  lease.answered("stranger", 2);
  expect(lease.untilMs(configuration)).toBe(-Infinity);
  lease.answered("c", 1);
  expect(lease.untilMs(configuration)).toBe(1000 + leaseMs(TIMING));
  lease.answered("d", 2);
  expect(lease.untilMs(configuration)).toBe(1100 + leaseMs(TIMING));
  // An answer to an earlier round that comes late takes nothing back, and one to an unknown round gives nothing.
  lease.answered("b", 1);
  lease.answered("e", 99);
  expect(lease.untilMs(configuration)).toBe(1100 + leaseMs(TIMING));
});

test("a joint configuration needs a lease of both halves", () => {
  const joint = { ...createConfiguration(["a", "d", "e"]), votersOutgoing: ["a", "b", "c"] };
  const lease = new ReadLease("a", TIMING);
  lease.sent(1, 0);
  lease.answered("b", 1);
  expect(lease.untilMs(joint)).toBe(-Infinity);
  lease.answered("d", 1);
  expect(lease.untilMs(joint)).toBe(leaseMs(TIMING));
});

test("a lone voter holds its lease for ever, and one that restarts keeps its promise first", () => {
  expect(new ReadLease("a", TIMING).untilMs(createConfiguration(["a"]))).toBe(Infinity);
  const cluster = new RaftCluster(["a"], { preferences: () => ({ leaseReads: true }) });
  expect(cluster.leader()).toBeUndefined();
  cluster.run(1300);
  expect(cluster.leader()).toBe("a");
  cluster.read("a", "r1");
  expect(cluster.node("a").reads).toEqual([{ id: "r1", ok: true, index: 1 }]);
});

test("voters that keep no leases give none: their leader asks for each read", () => {
  const cluster = new RaftCluster(NAMES, { preferences: (name) => ({ leaseReads: name === "a" }) });
  cluster.timeout("a");
  cluster.deliver();
  cluster.run(300);
  cluster.read("a", "r1");
  expect(cluster.node("a").reads).toEqual([]);
  cluster.deliver();
  expect(cluster.node("a").reads).toHaveLength(1);
});

test(
  "no read by lease is stale under clocks within the bound, lost links, partitions, restarts and hand-overs",
  { timeout: TIMEOUT_MS },
  () => {
    let byLease = 0;
    let elections = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = createRandom(`lease/${seed}`);
      const rates = new Map(NAMES.map((name) => [name, RATES[random.integer(RATES.length)] as number]));
      const cluster = new RaftCluster(NAMES, {
        seed,
        clockRate: (name) => rates.get(name) ?? 1,
        preferences: () => ({ leaseReads: true }),
      });
      cluster.run(3000);
      for (let round = 0; round < ROUNDS; round++) {
        cluster.trace.length = 0;
        const old = cluster.leader();
        if (old === undefined) {
          cluster.heal();
          cluster.run(3000);
          continue;
        }
        cluster.run(random.integer(300));
        const others = NAMES.filter((name) => name !== old);
        if (random.integer(5) === 0) cluster.transfer(old, others[0] ?? "");
        cluster.partition([old], others);
        // The links are lost: without their promises the others would poll at once.
        for (const name of others) cluster.loseLink(name, old);
        for (let step = 0; step < 16; step++) {
          if (random.integer(4) === 0) reboot(cluster, others[random.integer(2)] ?? "");
          cluster.nowMs += random.integer(120);
          timeoutIfDue(cluster, others, random);
          cluster.deliver(({ from, to }) => from !== old && to !== old);
          const led = others.find((name) => cluster.core(name).isLeader);
          if (led !== undefined) cluster.propose(led, `${seed}/${round}/${step}`);
          cluster.deliver(({ from, to }) => from !== old && to !== old);
          // `RaftCluster` throws when a read is behind what is applied anywhere.
          const before = cluster.node(old).reads.length;
          if (cluster.core(old).isLeader) cluster.read(old, `r${round}/${step}`);
          byLease += cluster.node(old).reads.length - before;
        }
        if (others.some((name) => cluster.core(name).isLeader)) elections += 1;
        cluster.heal();
        cluster.run(2500);
      }
    }
    expect(byLease).toBeGreaterThan(SEEDS * ROUNDS);
    expect(elections).toBeGreaterThan(SEEDS);
  },
);

test("a leader that was paused does not answer by itself when its lease has run out meanwhile, and does before", () => {
  const { cluster, old, others } = leading();
  cluster.partition([old], others);
  cluster.nowMs += 400;
  cluster.read(old, "early");
  expect(cluster.node(old).reads.map(({ id }) => id)).toEqual(["early"]);
  electAnother(cluster, others);
  // Nothing has woken it: the first that it does is the read. `RaftCluster` throws if it is answered from behind.
  expect(cluster.core(old).isLeader).toBe(true);
  cluster.read(old, "late");
  expect(cluster.node(old).reads.map(({ id }) => id)).toEqual(["early"]);
  cluster.heal();
  cluster.run(3000);
  expect(cluster.node(old).reads.find(({ id }) => id === "late")).toMatchObject({ ok: false });
});

test("outside the bound there is no promise: a leader whose clock stood still reads what is old", () => {
  const { cluster, old, others, freeze } = leading();
  cluster.partition([old], others);
  freeze();
  electAnother(cluster, others);
  expect(() => cluster.read(old, "late")).toThrow(/reads at \d+ what is at \d+/);
});

/** A leader under a lease. `freeze`: its clock stands still from now on, as that of a suspended machine does. */
function leading(): { cluster: RaftCluster; old: string; others: readonly string[]; freeze: () => void } {
  let frozen: { readonly name: string; readonly atMs: number } | null = null;
  const cluster: RaftCluster = new RaftCluster(NAMES, {
    clockRate: (name) => (frozen?.name === name ? frozen.atMs / cluster.nowMs : 1),
    preferences: () => ({ leaseReads: true }),
  });
  cluster.run(3000);
  const old = cluster.leader();
  if (old === undefined) throw new Error("Nobody leads after 3 s");
  const others = NAMES.filter((name) => name !== old);
  const freeze = (): void => void (frozen = { name: old, atMs: cluster.nowMs });
  return { cluster, old, others, freeze };
}

/** The others elect one of themselves, which commits; the old leader's process does not run. */
function electAnother(cluster: RaftCluster, others: readonly string[]): void {
  const among = ({ from, to }: { readonly from: string; readonly to: string }): boolean =>
    others.includes(from) && others.includes(to);
  for (let tries = 0; tries < 50 && !others.some((name) => cluster.core(name).isLeader); tries++) {
    cluster.nowMs += 100;
    for (const name of others) cluster.step(name, { type: "timeout" });
    cluster.deliver(among);
  }
  const next = others.find((name) => cluster.core(name).isLeader);
  if (next === undefined) throw new Error(`None of ${others.join(", ")} leads after 5 s`);
  cluster.propose(next, "new");
  cluster.deliver(among);
}

function reboot(cluster: RaftCluster, name: string): void {
  cluster.crash(name);
  cluster.restart(name);
}

/** The old leader's timers do not fire: it is paused now and then, and wakes up to a read. */
function timeoutIfDue(cluster: RaftCluster, names: readonly string[], random: Random): void {
  for (const name of names) {
    if (random.integer(3) > 0) cluster.step(name, { type: "timeout" });
  }
}
