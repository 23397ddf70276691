/** What a recovery by force finds, plans and writes; and that a member which starts on what it wrote leads alone. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeConfiguration } from "../../../actors/raft/core/configuration-codec.ts";
import {
  createConfiguration,
  EMPTY_CONFIGURATION,
  type Configuration,
} from "../../../actors/raft/core/configuration.ts";
import { RaftCore } from "../../../actors/raft/index.ts";
import type { MemberStart } from "../../../actors/raft/member-start.ts";
import { planRecovery, recoveryWrite, votersGivenUp, type RecoveryPlan } from "../../../actors/raft/recovery.ts";
import { createRandom } from "../../../runtime/index.ts";
import { EMPTY_LOG, type LoadedLog, type LogEntry } from "../../../runtime/ports/log-store.ts";
import type { FinishedSnapshot } from "../../../runtime/ports/snapshot-store.ts";
import { createMemoryLog } from "../../../runtime/testkit/index.ts";

const NOTE = new Uint8Array([1, 2, 3]);
const THREE = createConfiguration(["n1@a", "n2@b", "n3@c"]);

function command(index: number, term: number): LogEntry {
  return { index, term, type: "command", payload: new Uint8Array([index]) };
}

function configuring(index: number, term: number, configuration: Configuration): LogEntry {
  return { index, term, type: "configuration", payload: encodeConfiguration(configuration) };
}

/** What the disk of n1 holds; three voters, formed at index 1. */
function start(loaded: Partial<LoadedLog> = {}, newest: FinishedSnapshot | null = null): MemberStart {
  const entries = [configuring(1, 1, THREE), command(2, 1), command(3, 4)];
  return {
    loaded: {
      ...EMPTY_LOG,
      identity: { member: "n1@a", cluster: "old" },
      hardState: { term: 4, vote: "n2@b", commit: 2 },
      entries,
      ...loaded,
    },
    snapshots: { newest, unfinished: null, repairs: [] },
    configuration: newest === null ? EMPTY_CONFIGURATION : THREE,
  };
}

function snapshotAt(index: number, term: number): FinishedSnapshot {
  const configuration = encodeConfiguration(THREE);
  return { id: `${index}-${term}-x`, index, term, configuration, chunks: 1, sizeBytes: 10, checksum: 0 };
}

type Recovery = Extract<RecoveryPlan, { readonly type: "recover" }>;

function planned(from: MemberStart): Recovery {
  const plan = planRecovery(from, createRandom("seed"));
  if (plan.type !== "recover") throw new Error(`The plan is ${plan.type}`);
  return plan;
}

test("planRecovery() says what is there, what is given up and where it is written", () => {
  const plan = planned(start());
  expect(plan.findings).toMatchObject({
    member: "n1@a",
    cluster: "old",
    term: 4,
    last: { index: 3, term: 4 },
    commit: 2,
    snapshot: null,
    damage: null,
  });
  expect(plan).toMatchObject({ givenUp: ["n2@b", "n3@c"], term: 5, configurationIndex: 4, reset: null });
  expect(votersGivenUp(plan)).toEqual({ givenUp: 2, all: 3 });
  expect(plan.member).toMatch(/^n1@/);
  expect([plan.member, plan.cluster]).not.toEqual(["n1@a", "old"]);
});

test("recoveryWrite() makes the member another one, alone in another cluster, in a later term", () => {
  const plan = planned(start());
  const write = recoveryWrite(plan, NOTE);
  expect(write.identity).toEqual({ member: plan.member, cluster: plan.cluster });
  expect(write.hardState).toEqual({ term: 5, vote: null, commit: 2 });
  expect(write.entries).toEqual([
    configuring(4, 5, createConfiguration([plan.member])),
    { index: 5, term: 5, type: "command", payload: NOTE },
  ]);
});

test("a joint configuration, learners and one that was never committed are all given up", () => {
  const joint: Configuration = {
    ...createConfiguration(["n1@a", "n2@b", "n4@d"]),
    votersOutgoing: ["n1@a", "n2@b", "n3@c"],
    learners: ["n5@e"],
    autoLeave: true,
  };
  const plan = planned(start({ entries: [configuring(1, 1, THREE), configuring(2, 1, joint)] }));
  expect(plan.givenUp.toSorted()).toEqual(["n2@b", "n3@c", "n4@d", "n5@e"]);
  expect(votersGivenUp(plan)).toEqual({ givenUp: 3, all: 4 });
});

test("the configuration of the snapshot counts where the log holds none behind it", () => {
  const loaded = { base: { index: 10, term: 3 }, entries: [command(11, 4)] };
  expect(planned(start(loaded, snapshotAt(10, 3))).givenUp).toEqual(["n2@b", "n3@c"]);
  const plan = planned(
    start(
      { base: { index: 10, term: 3 }, entries: [configuring(11, 4, createConfiguration(["n1@a", "n9@x"]))] },
      snapshotAt(10, 3),
    ),
  );
  expect(plan.givenUp).toEqual(["n9@x"]);
});

test("a snapshot that is ahead of the log is where the log begins", () => {
  const plan = planned(start({}, snapshotAt(20, 6)));
  expect(plan).toMatchObject({ reset: { index: 20, term: 6 }, configurationIndex: 21, term: 7 });
  expect(recoveryWrite(plan, NOTE)).toMatchObject({
    reset: { index: 20, term: 6 },
    hardState: { term: 7, commit: 20 },
  });
});

test("damage is told, ends what is kept, and takes the commit index back with it", () => {
  const damage = { fromIndex: 3, message: "sector 7 cannot be read" };
  const entries = [configuring(1, 1, THREE), command(2, 1)];
  const plan = planned(start({ entries, damage, hardState: { term: 4, vote: null, commit: 3, damagedTerm: 4 } }));
  expect(plan.findings).toMatchObject({ damage: damage.message, last: { index: 2, term: 1 }, commit: 2 });
  // A member that is alone has nobody who could refill it.
  expect(recoveryWrite(plan, NOTE).hardState).toEqual({ term: 5, vote: null, commit: 2 });
});

test("what needs no recovery, or allows none, is said so", () => {
  const alone = [configuring(1, 1, createConfiguration(["n1@a"]))];
  expect(planRecovery(start({ entries: alone }), createRandom(1)).type).toBe("not-needed");
  const cases: readonly [Partial<LoadedLog>, RegExp][] = [
    [{ identity: null, entries: [] }, /no log/],
    [{ identity: { member: "n1@a", cluster: null }, entries: [] }, /never belonged/],
    [{ entries: [] }, /no configuration/],
    [{ entries: [{ index: 1, term: 1, type: "configuration", payload: NOTE }] }, /no configuration/],
  ];
  for (const [loaded, why] of cases) {
    const plan = planRecovery(start(loaded), createRandom(1));
    expect(plan).toMatchObject({ type: "impossible", why: expect.stringMatching(why) });
  }
});

test("a recovery that was carried out needs no other one", () => {
  const log = createMemoryLog();
  const before = start();
  const store = log.open();
  store.load();
  store.append({ ...before.loaded, identity: before.loaded.identity! }, () => undefined);
  log.flush();
  const plan = planned({ ...before, loaded: log.durable });
  store.append(recoveryWrite(plan, NOTE), () => undefined);
  // A crash before the write is durable leaves what was.
  expect(log.durable.identity?.member).toBe("n1@a");
  log.flush();
  expect(planRecovery({ ...before, loaded: log.durable }, createRandom(2)).type).toBe("not-needed");
});

test("whatever the log held, a member that starts on what was written leads at once and keeps every entry", () => {
  const terms = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 30 });
  fc.assert(
    fc.property(terms, fc.integer({ min: 0, max: 5 }), fc.nat(), (steps, ahead, seed) => {
      let term = 1;
      const commands = steps.map((step, at) => command(at + 2, (term += step)));
      const entries = [configuring(1, 1, THREE), ...commands];
      const hardState = { term: term + ahead, vote: null, commit: Math.min(1 + (seed % 3), entries.length) };
      const plan = planRecovery(start({ entries, hardState }), createRandom(seed));
      if (plan.type !== "recover") throw new Error(plan.type);
      const write = recoveryWrite(plan, NOTE);
      const core = new RaftCore({
        self: plan.member,
        configuration: EMPTY_CONFIGURATION,
        loaded: {
          ...EMPTY_LOG,
          identity: write.identity!,
          hardState: write.hardState!,
          entries: [...entries, ...write.entries],
        },
        random: createRandom(seed),
        nowMs: 0,
      });
      const committed: LogEntry[] = [];
      let nowMs = 0;
      for (let round = 0; round < 10 && core.status().role !== "leader"; round++) {
        nowMs = Math.max(nowMs, core.nextDeadlineMs());
        core.step({ type: "timeout" }, nowMs);
        for (let writes = 0; writes < 10; writes++) {
          const ready = core.takeReady(nowMs);
          committed.push(...ready.committed);
          if (ready.write === undefined) break;
          core.step({ type: "persisted", token: ready.write.token }, nowMs);
        }
      }
      expect(core.status().role).toBe("leader");
      expect(core.status().term).toBeGreaterThan(plan.term);
      expect(committed.slice(0, entries.length + 2)).toEqual([...entries, ...write.entries]);
    }),
    { numRuns: 50 },
  );
});
