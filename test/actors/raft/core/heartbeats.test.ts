/** To whom a leader sends heartbeats: to all who do not hear of it, and are not heard, by appends. Three members on a table. */
import { expect, test } from "vitest";
import type { RaftPreferences } from "../../../../actors/raft/core/raft-options.ts";
import { RaftCluster, type InFlight } from "../raft-cluster.ts";

const STEP_MS = 5;
const HEARTBEAT_MS = 100;

interface Beats {
  readonly made: RaftCluster;
  /** Heartbeats by receiver, and the longest time without any message to it. */
  readonly to: Readonly<Record<string, { count: number; gapMs: number; lastMs: number }>>;
}

function led(preferences: Partial<RaftPreferences> = {}): RaftCluster {
  const made = new RaftCluster(["a", "b", "c"], { preferences: () => preferences });
  made.run(3000);
  expect(made.leader()).toBeDefined();
  made.run(500);
  return made;
}

const isHeartbeat = ({ message }: InFlight): boolean => message.type === "heartbeat";

/** Lets time pass; the leader proposes every `everyMs`. `arrives`: what is not lost. */
function pass(
  made: RaftCluster,
  ms: number,
  everyMs: number,
  arrives: (sent: InFlight) => boolean = () => true,
): Beats {
  const leader = made.leader() as string;
  const to: Record<string, { count: number; gapMs: number; lastMs: number }> = {};
  for (const name of ["a", "b", "c"]) to[name] = { count: 0, gapMs: 0, lastMs: made.nowMs };
  for (let at = 0; at < ms; at += STEP_MS) {
    made.nowMs += STEP_MS;
    if (at % everyMs === 0) made.propose(leader, `${at}`);
    if (made.core(leader).nextDeadlineMs() <= made.nowMs) made.step(leader, { type: "timeout" });
    for (const sent of made.messages) {
      const told = to[sent.to];
      if (told === undefined || sent.from !== leader) continue;
      if (isHeartbeat(sent)) told.count += 1;
      told.gapMs = Math.max(told.gapMs, made.nowMs - told.lastMs);
      told.lastMs = made.nowMs;
    }
    made.drop((sent) => !arrives(sent));
    made.deliver(arrives);
    made.drop(() => true);
  }
  return { made, to };
}

const followersOf = (made: RaftCluster): [string, string] =>
  ["a", "b", "c"].filter((name) => name !== made.leader()) as [string, string];

test("to whom nothing else goes gets one every 100 ms", () => {
  const made = led();
  const { to } = pass(made, 1000, 5000);
  for (const name of followersOf(made)) expect(to[name]?.count).toBeGreaterThanOrEqual(9);
});

test("to whom appends flow and who answers them gets none, and hears the leader as often", () => {
  const made = led();
  const { to } = pass(made, 1000, 40);
  for (const name of followersOf(made)) {
    expect(to[name]?.count).toBe(0);
    expect(to[name]?.gapMs).toBeLessThanOrEqual(HEARTBEAT_MS);
  }
});

test("appends now and then put them off, and never for longer than there is between two", () => {
  const made = led();
  const { to } = pass(made, 3000, 130);
  for (const name of followersOf(made)) {
    expect(to[name]?.count).toBeLessThanOrEqual(24);
    expect(to[name]?.gapMs).toBeLessThanOrEqual(HEARTBEAT_MS + STEP_MS);
  }
});

test("whose disk holds its answers back gets all of them, and so is heard (fault 41)", () => {
  const made = led();
  const [slow, other] = followersOf(made);
  made.node(slow).holdsWrites = true;
  const { to } = pass(made, 1000, 40);
  expect(to[slow]?.count).toBeGreaterThanOrEqual(8);
  expect(to[other]?.count).toBe(0);
});

test("who is silent gets them until it is heard", () => {
  const made = led();
  const [away] = followersOf(made);
  made.cut(away, made.leader() as string);
  expect(pass(made, 500, 40).to[away]?.count).toBeGreaterThanOrEqual(3);
  made.heal();
  expect(pass(made, 1000, 40).to[away]?.count).toBeLessThanOrEqual(1);
});

test("a leader whose appends flow learns all the same who had better lead: it sends that one a heartbeat", () => {
  const made = new RaftCluster(["a", "b", "c"], { preferences: (name) => (name === "c" ? { priority: 5 } : {}) });
  made.timeout("a");
  made.deliver();
  expect(made.leader()).toBe("a");
  const { to } = pass(made, 1000, 40);
  expect([to["b"]?.count, to["c"]?.count]).toEqual([0, 1]);
  pass(made, 1000, 40);
  expect(made.core("c").status().role).toBe("leader");
});

test("a round of reads goes to all at once, and again to those that have not answered it", () => {
  const made = led();
  const leader = made.leader() as string;
  pass(made, 200, 40);
  made.read(leader, "r1");
  expect(made.messages.filter(isHeartbeat)).toHaveLength(2);
  made.drop(isHeartbeat);
  const { to } = pass(made, 300, 40);
  expect(made.node(leader).reads).toMatchObject([{ id: "r1", ok: true }]);
  for (const name of followersOf(made)) expect(to[name]?.count).toBe(1);
});

test("leases are renewed by heartbeats, so with them all go", () => {
  const made = led({ leaseReads: true });
  const { to } = pass(made, 1000, 40);
  for (const name of followersOf(made)) expect(to[name]?.count).toBeGreaterThanOrEqual(9);
});
