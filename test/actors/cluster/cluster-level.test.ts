/** Levels: what all members can apply, how it rises, and what is refused by name. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { ClusterState, type Command } from "../../../actors/index.ts";
import { FIRST_LEVEL, LEVEL, levelOf, refuseLevel } from "../../../actors/cluster/cluster-level.ts";
import { SnapshotReader, snapshotChunks } from "../../../actors/cluster/state-snapshot.ts";
import { jsonCodec, StoreError } from "../../../runtime/index.ts";
import { FakeRaft } from "./fake-raft.ts";
import { SampleMap, vmSpec } from "./sample-map.ts";

let raft: FakeRaft;

beforeEach(() => {
  raft = new FakeRaft();
});

afterEach(() => raft.system.stop());

const later = { type: "of-a-later-version" } as unknown as Command;
const create: Command = { type: "create-vm", name: "web", labels: {}, spec: vmSpec() };

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
  return "none";
}

test("apply() refuses a command that this version does not know, and has applied nothing of it", () => {
  const map = new SampleMap();
  map.create("web");
  const { fingerprint } = map.state;
  expect(codeOf(() => map.do(later))).toBe("store-version");
  expect(() => map.do({ type: "raise-level", to: LEVEL + 1 })).toThrow(`is of level ${LEVEL + 1}, this version knows`);
  expect([map.state.applied, map.state.fingerprint]).toEqual([1, fingerprint]);
});

test("raise-level is never taken back, and is part of the fingerprint and of snapshots beyond the first level", () => {
  const map = new SampleMap();
  map.create("web");
  const chunksOf = (): string => {
    const chunks = snapshotChunks({ view: map.state.view(), term: 1 }, jsonCodec);
    return String.fromCharCode(...chunks.next().bytes);
  };
  expect(chunksOf()).toContain('"format":1');
  expect(chunksOf()).not.toContain("level");
  const before = map.state.fingerprint;
  expect(map.do({ type: "raise-level", to: 2 })).toMatchObject({ ok: true });
  expect(map.do({ type: "raise-level", to: 2 })).toMatchObject({ ok: false, code: "stale" });
  expect(map.state.level).toBe(2);
  expect(map.state.fingerprint).not.toBe(before);
  expect(chunksOf()).toContain('"format":2');

  const reader = new SnapshotReader(jsonCodec);
  reader.add(snapshotChunks({ view: map.state.view(), term: 1 }, jsonCodec).next().bytes);
  const restored = new ClusterState();
  restored.restore(reader.finish().view);
  expect([restored.level, restored.fingerprint]).toEqual([2, map.state.fingerprint]);
});

test("a snapshot of a level beyond this version's is refused by name", () => {
  const map = new SampleMap();
  const view = { ...map.state.view(), level: LEVEL + 1 };
  const reader = new SnapshotReader(jsonCodec);
  const chunk = snapshotChunks({ view, term: 1 }, jsonCodec).next().bytes;
  expect(codeOf(() => reader.add(chunk))).toBe("store-version");
});

test("refuseLevel() lets no command into the log that a member could not apply", () => {
  const giveBack: Command = { type: "give-back", node: "n1", epoch: 1, vm: "web", instance: "web-1", message: "no" };
  expect(levelOf(giveBack)).toBe(2);
  expect(refuseLevel(giveBack, { level: 1, applied: 7 })).toMatchObject({ ok: false, version: 7, code: "invalid" });
  expect(refuseLevel(giveBack, { level: 2, applied: 7 })).toBeNull();
  expect(refuseLevel(create, { level: 1, applied: 7 })).toBeNull();
  for (const more of [{ disks: [{ name: "data", sizeMiB: 1, readOnly: false }] }, { cloudInit: { sshKeys: [] } }]) {
    const command: Command = { ...create, spec: vmSpec(more) };
    expect(refuseLevel(command, { level: 2, applied: 7 })).toMatchObject({ ok: false, code: "invalid" });
    expect(refuseLevel(command, { level: 3, applied: 7 })).toBeNull();
  }
  const carded: Command = { ...create, spec: vmSpec({ networks: [] }) };
  expect(refuseLevel(carded, { level: 3, applied: 7 })).toMatchObject({ ok: false, code: "invalid" });
  expect(refuseLevel(carded, { level: 4, applied: 7 })).toBeNull();
  expect(refuseLevel(later, { level: LEVEL, applied: 7 })).not.toBeNull();
});

test("a replica that meets what a later version has proposed fails by name and applies nothing more", () => {
  raft.propose(create);
  raft.commit(jsonCodec.encode({ session: "s", sequence: 1, after: 0, atMs: 0, command: later }));
  expect(raft.propose({ ...create, name: "db" })).toMatchObject([{ ok: false, code: "store-failed" }]);
  expect(raft.logged.at(-1)?.message).toContain(
    'entry 2 of the log is a "of-a-later-version", which this version does not know; start the version that the other nodes run',
  );
  expect(raft.view?.applied).toBe(1);
});

test("a leader raises the level once all members have said what they can apply, and asks again until they have", () => {
  const configuration = {
    voters: ["n1@1"],
    votersOutgoing: [],
    learners: ["n2@1"],
    learnersNext: [],
    addresses: {},
    autoLeave: true,
  };
  raft.emit({ type: "configuration", index: 1, committed: true, configuration });
  raft.lead();
  raft.world.advance(5000);
  // n2 does not answer.
  expect(raft.view?.level).toBe(FIRST_LEVEL);
  raft.emit({ type: "configuration", index: 2, committed: true, configuration: { ...configuration, learners: [] } });
  raft.world.advance(20_000);
  expect(raft.view?.level).toBe(LEVEL);
});
