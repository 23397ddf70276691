/** The atlas knows whose copy is damaged or about to be, and who may still be struck. */
import { afterEach, expect, test } from "vitest";
import { encodeConfiguration } from "../../../actors/raft/core/configuration-codec.ts";
import { EMPTY_CONFIGURATION } from "../../../actors/raft/core/configuration.ts";
import { DiskFaults } from "../../../sim/faults/disk-faults.ts";
import { FaultEndings } from "../../../sim/faults/fault-endings.ts";
import { SimulatedCluster } from "../liveness/simulated-cluster.ts";

let simulated: SimulatedCluster;

afterEach(() => simulated.close());

test("FaultAtlas.canMiss() spares a quorum from harm that is done, and from harm that is under way", () => {
  simulated = new SimulatedCluster({ nodes: 3 });
  simulated.propose(5, 10);
  simulated.run(500);
  const { atlas } = simulated.cluster;
  expect([0, 1, 2].map((node) => atlas.canMiss(node))).toEqual([true, true, true]);
  atlas.doom(2);
  expect([0, 1, 2].map((node) => atlas.canMiss(node))).toEqual([false, false, true]);
  atlas.spare(2);
  simulated.node(1).disk.rot(2);
  expect(atlas.damageOf(1)).toBe("the log is rotten");
  expect([0, 1, 2].map((node) => atlas.canMiss(node))).toEqual([false, true, false]);
});

test("a second misdirected write of a disk does not take the doom of the first away", () => {
  simulated = new SimulatedCluster({ nodes: 3 });
  simulated.run(500);
  const { cluster } = simulated;
  const faults = new DiskFaults(cluster, new FaultEndings(cluster.timeline));
  expect([faults.misdirect(simulated.node(0)), faults.misdirect(simulated.node(0))]).toEqual([true, true]);
  expect(cluster.atlas.damageOf(0)).toBe("doomed");
  expect(faults.rotState(simulated.node(1))).toBe(false);
});

test("FaultAtlas.suffices() says who could elect and commit alone", () => {
  simulated = new SimulatedCluster({ nodes: 5 });
  simulated.run(500);
  const { atlas } = simulated.cluster;
  expect([atlas.suffices(new Set([0, 1, 2])), atlas.suffices(new Set([0, 1]))]).toEqual([true, false]);
  simulated.node(1).disk.rotState();
  expect(atlas.damageOf(1)).toBe("the state is rotten");
  expect([atlas.suffices(new Set([0, 1, 2])), atlas.suffices(new Set([0, 2, 3]))]).toEqual([false, true]);
  expect(atlas.voters().toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4]);
});

test("FaultAtlas.canJoin() wants a new voter's place not to be half the hope", () => {
  simulated = new SimulatedCluster({ nodes: 4 });
  simulated.run(500);
  const { atlas } = simulated.cluster;
  const [one = "", two = "", three = "", joining = ""] = [0, 1, 2, 3].map(
    (node) => simulated.node(node).disk.platter.identity?.member,
  );
  const configuration = { ...EMPTY_CONFIGURATION, voters: [one, two, three], learners: [joining] };
  expect(atlas.canJoin(configuration, joining)).toBe(true);
  expect(atlas.canJoin({ ...configuration, voters: [one] }, joining)).toBe(true);
  // Of four that would be, three are sound: enough only with the new one.
  simulated.node(1).disk.rot(2);
  expect(atlas.canJoin(configuration, joining)).toBe(false);
  expect(atlas.canJoin({ ...configuration, voters: [one, three] }, joining)).toBe(true);
});

test("FaultAtlas.staysVoter() is false of who leaves the voters when a change in anybody's log ends", () => {
  simulated = new SimulatedCluster({ nodes: 3 });
  simulated.run(500);
  const { atlas } = simulated.cluster;
  expect([0, 1, 2].map((node) => atlas.staysVoter(node))).toEqual([true, true, true]);
  const members = [0, 1, 2].map((node) => simulated.node(node).disk.platter.identity?.member ?? "");
  const leaving = { ...EMPTY_CONFIGURATION, voters: members.slice(1), votersOutgoing: members };
  const { platter } = simulated.node(1).disk;
  const entry = { index: platter.lastIndex + 1, term: 9, type: "configuration" } as const;
  platter.write({ entries: [{ ...entry, payload: encodeConfiguration(leaving) }] });
  expect([0, 1, 2].map((node) => atlas.staysVoter(node))).toEqual([false, true, true]);
  expect(atlas.voters().toSorted((one, other) => one - other)).toEqual([0, 1, 2]);
});
