/**
 * Random schedules in which members come and go: learners added, promoted and demoted, members removed and replaced, several at once
 * and one by one, leadership handed over, among losses, crashes, partitions, held writes, snapshots and full disks. `RaftCluster` checks the
 * invariants after every step, each commit against the quorums of its time; in the end the members agree on commands and configuration.
 */
import { expect, test } from "vitest";
import { allMembers, isVoter } from "../../../actors/raft/core/configuration.ts";
import type { MembershipChange } from "../../../actors/raft/core/ready.ts";
import { createRandom, type Random } from "../../../runtime/index.ts";
import { RaftCluster } from "./raft-cluster.ts";

const VOTERS = ["a", "b", "c"];
const SPARES = ["d", "e", "f"];
const ALL = [...VOTERS, ...SPARES];
const SEEDS = 25;
const STEPS = 3000;
const TIMEOUT_MS = 120_000;

interface Seen {
  changes: number;
  transfers: number;
  configurations: Set<string>;
}

for (const leaseReads of [false, true]) {
  test(
    `members that come and go keep every invariant over ${SEEDS} schedules${leaseReads ? ", with leases" : ""}, and agree in the end`,
    { timeout: TIMEOUT_MS },
    () => {
      const seen: Seen = { changes: 0, transfers: 0, configurations: new Set() };
      for (let seed = 1; seed <= SEEDS; seed++) {
        const random = createRandom(`${seed}/${leaseReads}`);
        const limits = { trailingEntries: seed % 5, appendsInFlightMax: seed % 2 === 0 ? 1 : 8 };
        const preferences = (name: string) => ({ leaseReads, priority: seed % 3 === 0 && name === "b" ? 3 : 0 });
        const cluster = new RaftCluster(VOTERS, { seed, limits, spares: SPARES, preferences });
        for (let step = 0; step < STEPS; step++) {
          cluster.trace.length = 0;
          randomStep(cluster, random, step, seen);
        }
        expectAgreement(cluster, `seed ${seed}`, seen);
      }
      // It looked at something.
      expect(seen.changes).toBeGreaterThan(SEEDS * 4);
      expect(seen.transfers).toBeGreaterThan(SEEDS / 2);
      expect(seen.configurations.size).toBeGreaterThan(8);
    },
  );
}

function randomStep(cluster: RaftCluster, random: Random, step: number, seen: Seen): void {
  const name = pick(ALL, random);
  const node = cluster.node(name);
  const leader = cluster.leader();
  const choice = random.integer(1000);
  if (choice < 780) deliverOne(cluster, random);
  else if (!node.core) cluster.restart(name);
  else if (choice < 805) cluster.timeout(leader ?? name);
  else if (choice < 825) cluster.timeout(name);
  else if (choice < 870) cluster.propose(leader ?? name, `${step}`);
  else if (choice < 910) seen.changes += change(cluster, leader ?? name, random);
  else if (choice < 914) seen.transfers += cluster.transfer(leader ?? name, name, random.integer(4) === 0).ok ? 1 : 0;
  else if (choice < 925) cluster.snapshot(cluster.node(leader ?? name).core ? (leader ?? name) : name);
  else if (choice < 936) readAtLeaders(cluster, step);
  else if (choice < 945) node.holdsWrites = !node.holdsWrites;
  else if (choice < 965) cluster.persist(name);
  else if (choice < 970) cluster.crash(leader ?? name);
  else if (choice < 973) cluster.crash(name);
  else if (choice < 975) reboot(cluster, name);
  else if (choice < 978) cluster.step(name, { type: "room", hasRoom: random.integer(3) > 0 });
  else if (choice < 992) cluster.heal();
  else cluster.partition(ALL.filter((other) => other !== name));
}

/** At whoever believes to lead: one of them may be wrong. */
function readAtLeaders(cluster: RaftCluster, step: number): void {
  for (const name of ALL) if (cluster.node(name).core?.isLeader) cluster.read(name, `r${step}`);
}

/** Down and up again before anybody notices: it has forgotten whom it heard, and what it promised. */
function reboot(cluster: RaftCluster, name: string): void {
  cluster.crash(name);
  cluster.restart(name);
}

/** A change that is mostly possible, by whoever believes to lead; now and then one that stays joint, and the leaving of it. */
function change(cluster: RaftCluster, name: string, random: Random): number {
  const node = cluster.node(name);
  if (!node.core) return 0;
  if (random.integer(4) === 0) return cluster.leaveJoint(name).ok ? 1 : 0;
  const { configuration } = node.core.status().configuration;
  const changes = Array.from({ length: 1 + random.integer(2) }, (): MembershipChange => {
    const member = pick(ALL, random);
    if (configuration.voters.includes(member)) {
      return { type: random.integer(2) === 0 ? "remove" : "demote", member };
    }
    if (configuration.learners.includes(member))
      return { type: random.integer(5) === 0 ? "remove" : "promote", member };
    return { type: "add-learner", member };
  });
  return cluster.change(name, changes, random.integer(4) === 0).ok ? 1 : 0;
}

/** All is well again: some leader has the last command committed at every member, and all of them know the same configuration. */
function expectAgreement(cluster: RaftCluster, seed: string, seen: Seen): void {
  cluster.heal();
  for (const name of ALL) {
    const node = cluster.node(name);
    node.holdsWrites = false;
    if (!node.core) cluster.restart(name);
    cluster.step(name, { type: "room", hasRoom: true });
    cluster.persist(name);
  }
  // A hand-over may be under way, or a preferred member be handed over to.
  cluster.run(20_000);
  const leader = cluster.leader() ?? "";
  expect(leader, seed).not.toBe("");
  cluster.leaveJoint(leader);
  cluster.deliver();
  const last = cluster.leader() ?? "";
  expect(cluster.propose(last, "last").ok, seed).toBe(true);
  cluster.run(2000);
  const inForce = cluster.core(last).status().configuration;
  expect(inForce.committed, seed).toBe(true);
  expect(isVoter(inForce.configuration, last), seed).toBe(true);
  const texts = cluster.appliedTexts(last);
  expect(texts.at(-1), seed).toBe("last");
  for (const member of allMembers(inForce.configuration)) {
    expect(cluster.appliedTexts(member), `${seed}, ${member}`).toEqual(texts);
    expect(cluster.core(member).status().configuration.configuration, `${seed}, ${member}`).toEqual(
      inForce.configuration,
    );
  }
  seen.configurations.add(inForce.configuration.voters.join());
}

function deliverOne(cluster: RaftCluster, random: Random): void {
  const { messages } = cluster;
  const message = messages[random.integer(Math.max(1, Math.min(messages.length, 16)))];
  if (!message) return;
  const fate = random.integer(25);
  if (fate === 0) cluster.drop((other) => other === message);
  else if (fate === 1 && cluster.node(message.to).core) cluster.inject(message.from, message.to, message.message);
  else {
    let isFirst = true;
    cluster.deliver((other) => other === message && isFirst && !(isFirst = false));
  }
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random.integer(list.length)] as T;
}
