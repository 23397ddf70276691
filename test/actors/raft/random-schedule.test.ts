/**
 * Random schedules: messages lost, repeated and reordered, partitions, crashes, held writes, clocks that only tick for some,
 * snapshots and compaction at any time, windows of one append and of eight.
 * `RaftCluster` checks the invariants after every step; at the end the network heals and everybody must agree.
 *
 * The simulator does this with the whole system; this is the same in small, in a second.
 */
import { expect, test } from "vitest";
import { brokenRules } from "../../../actors/raft/core/planted-faults.ts";
import type { RaftRules } from "../../../actors/raft/core/raft-rules.ts";
import { createRandom, type Random } from "../../../runtime/index.ts";
import { RaftCluster } from "./raft-cluster.ts";

const SEEDS = 60;
const STEPS = 1000;
/** Of schedules that look for a planted fault; each is found well before. */
const HUNT_SEEDS = 600;
/** A few seconds each; more on a busy machine. */
const TIMEOUT_MS = 60_000;

for (const names of [
  ["a", "b", "c"],
  ["a", "b", "c", "d", "e"],
]) {
  test(
    `${names.length} members keep every invariant over ${SEEDS} random schedules, and agree in the end`,
    { timeout: TIMEOUT_MS },
    () => {
      let applied = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const cluster = runSchedule(names, seed);
        heal(cluster, names);
        const texts = cluster.appliedTexts(names[0] ?? "");
        for (const name of names) expect(cluster.appliedTexts(name), `seed ${seed}`).toEqual(texts);
        expect(texts, `seed ${seed}`).toContain("last");
        applied += texts.length;
      }
      expect(applied).toBeGreaterThan(SEEDS * 2);
    },
  );
}

test(
  `3 members with leaders that last keep every invariant over ${SEEDS} schedules full of entries, snapshots and laggards`,
  { timeout: TIMEOUT_MS },
  () => {
    const names = ["a", "b", "c"];
    let installs = 0;
    let applied = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const cluster = newCluster(names, seed, 3);
      const random = createRandom(seed);
      for (let step = 0; step < STEPS; step++) {
        cluster.trace.length = 0;
        busyStep(cluster, names, random, step);
      }
      heal(cluster, names);
      const texts = cluster.appliedTexts("a");
      for (const name of names) expect(cluster.appliedTexts(name), `seed ${seed}`).toEqual(texts);
      applied += texts.length;
      installs += cluster.installs;
    }
    expect(applied).toBeGreaterThan(SEEDS * 30);
    expect(installs).toBeGreaterThan(SEEDS);
  },
);

test("the schedules find a vote for a log that is behind", { timeout: TIMEOUT_MS }, () => {
  expect(firstViolation(brokenRules([9]))).toMatch(/committed|safety|disks/);
});

test("the schedules find a commit of an earlier term by counting", { timeout: TIMEOUT_MS }, () => {
  expect(firstViolation(brokenRules([1]))).toMatch(/committed|safety|disks/);
});

/** What the first seed that breaks says; some seeds break nothing. */
function firstViolation(rules: RaftRules): string {
  for (let seed = 1; seed <= HUNT_SEEDS; seed++) {
    try {
      heal(runSchedule(["a", "b", "c"], seed, rules), ["a", "b", "c"]);
    } catch (error) {
      return `seed ${seed}: ${(error as Error).message}`;
    }
  }
  return "nothing found";
}

function runSchedule(names: readonly string[], seed: number, rules?: RaftRules): RaftCluster {
  const random = createRandom(seed);
  const cluster = newCluster(names, seed, 1, rules);
  for (let step = 0; step < STEPS; step++) {
    cluster.trace.length = 0;
    const before = cluster.leader();
    const commit = before ? cluster.core(before).status().commit : 0;
    randomStep(cluster, names, random, step);
    crashAtTheWorst(cluster, { before, commit }, random);
  }
  return cluster;
}

/** One append at a time, messages end where figure 8 needs it; in a window, appends overtake each other. */
function newCluster(names: readonly string[], seed: number, entries: number, rules?: RaftRules): RaftCluster {
  const window = seed % 2 === 0 ? 1 : 8;
  const limits = { entriesPerMessageMax: entries, appendsInFlightMax: window, trailingEntries: seed % 4 };
  return new RaftCluster(names, { seed, limits, ...(rules && { rules }) });
}

/**
 * Leaders like to go just when they are elected or have committed something, with half of what they said: they leave behind
 * entries that few others have. Without this, figure 8 takes many thousand schedules to come up.
 */
function crashAtTheWorst(
  cluster: RaftCluster,
  { before, commit }: { readonly before: string | undefined; readonly commit: number },
  random: Random,
): void {
  const leader = cluster.leader();
  if (!leader || (leader === before && cluster.core(leader).status().commit === commit)) return;
  if (random.integer(10) >= (leader === before ? 3 : 5)) return;
  cluster.crash(leader);
  cluster.drop(({ from }) => from === leader && random.integer(2) === 0);
}

function randomStep(cluster: RaftCluster, names: readonly string[], random: Random, step: number): void {
  const name = names[random.integer(names.length)] ?? "";
  const node = cluster.node(name);
  const choice = random.integer(1000);
  if (choice < 800) deliverOne(cluster, random);
  else if (!node.core) cluster.restart(name);
  else if (choice < 850) cluster.timeout(name);
  else if (choice < 893) cluster.propose(cluster.leader() ?? name, `${step}`);
  else if (choice < 900) cluster.snapshot(name);
  else if (choice < 910) cluster.read(name, `r${step}`);
  else if (choice < 930) node.holdsWrites = !node.holdsWrites;
  else if (choice < 950) cluster.persist(name);
  else if (choice < 965) cluster.crash(cluster.leader() ?? name);
  else if (choice < 980) reboot(cluster, name);
  else if (choice < 990) cluster.heal();
  else cluster.partition(...halves(names, random));
}

/** Mostly commits; somebody lags behind, so far that it needs a snapshot. */
function busyStep(cluster: RaftCluster, names: readonly string[], random: Random, step: number): void {
  const name = names[random.integer(names.length)] ?? "";
  const node = cluster.node(name);
  const leader = cluster.leader() ?? name;
  const choice = random.integer(1000);
  if (choice < 740) deliverOne(cluster, random);
  else if (!node.core) cluster.restart(name);
  else if (choice < 770) cluster.timeout(leader);
  else if (choice < 780) cluster.timeout(name);
  else if (choice < 870) cluster.propose(leader, `${step}`, `${step}+`);
  else if (choice < 910) cluster.snapshot(cluster.node(leader).core ? leader : name);
  else if (choice < 920) cluster.snapshot(name);
  else if (choice < 930) node.holdsWrites = !node.holdsWrites;
  else if (choice < 955) cluster.persist(name);
  else if (choice < 960) reboot(cluster, name);
  else if (choice < 963) cluster.crash(name);
  else if (choice < 980) cluster.partition(names.filter((other) => other !== name));
  else cluster.heal();
}

/** Down and up again before anybody notices: what was not on disk is forgotten, the messages of before still arrive. */
function reboot(cluster: RaftCluster, name: string): void {
  cluster.crash(name);
  cluster.restart(name);
}

function halves(names: readonly string[], random: Random): readonly (readonly string[])[] {
  const left = names.filter(() => random.integer(2) === 0);
  return [left, names.filter((name) => !left.includes(name))];
}

/** Any message of those on their way; some are lost, some come twice. */
function deliverOne(cluster: RaftCluster, random: Random): void {
  const { messages } = cluster;
  const message = messages[random.integer(Math.max(1, Math.min(messages.length, 12)))];
  if (!message) return;
  const fate = random.integer(20);
  if (fate === 0) cluster.drop((other) => other === message);
  else if (fate === 1 && cluster.node(message.to).core) cluster.inject(message.from, message.to, message.message);
  else {
    let isFirst = true;
    cluster.deliver((other) => other === message && isFirst && !(isFirst = false));
  }
}

function heal(cluster: RaftCluster, names: readonly string[]): void {
  cluster.heal();
  for (const name of names) {
    const node = cluster.node(name);
    node.holdsWrites = false;
    if (node.core) cluster.persist(name);
    else cluster.restart(name);
  }
  cluster.run(20_000);
  cluster.propose(cluster.leader() ?? "", "last");
  cluster.run(2000);
}
