/** Which members no cluster can have. */
import { expect, test } from "vitest";
import {
  joinCluster,
  startShardRegion,
  startSingleton,
  type Cluster,
  type JoinClusterOptions,
  type ReplicaStatus,
} from "../../actors/index.ts";
import { ActorSystem, jsonCodec, stateless, type Behavior } from "../../runtime/index.ts";
import { createManualWorld, createMemoryLog, createMemorySnapshots } from "../../runtime/testkit/index.ts";

const STORE = createMemoryLog().open();
const SNAPSHOTS = createMemorySnapshots().open();

test("joinCluster() refuses to be without members or a port, and spawns nothing", () => {
  const system = ActorSystem.create({ node: "n1", world: createManualWorld() });
  const join = (options: unknown): void => void joinCluster(system, options as JoinClusterOptions);
  const helps = "a world with a data folder brings all of them as world.cluster";
  expect(() => join(undefined)).toThrow(`Cannot join a cluster as node "n1": it is given no options; ${helps}`);
  expect(() => join({})).toThrow(`it is given no members; ${helps}`);
  expect(() => join({ members: "n1", store: STORE })).toThrow("it is given no members");
  expect(() => join({ members: ["n1"] })).toThrow("it is given no store");
  expect(() => join({ members: ["n1"], store: STORE })).toThrow("it is given no snapshots");
  const stores = { store: STORE, snapshots: SNAPSHOTS };
  expect(() => join({ members: ["n1"], ...stores })).toThrow("it is given no codec");
  expect(() => join({ members: ["n1"], ...stores, codec: jsonCodec })).toThrow("it is given no logger");
  expect(system.tree()).toEqual([]);
  system.stop();
});

test("joinCluster() refuses preferences that no member can have, and tells those that it was given", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "n1", world });
  const ports = {
    members: ["n1"],
    store: createMemoryLog().open(),
    snapshots: createMemorySnapshots().open(),
    codec: jsonCodec,
    logger: { log: () => {} },
  };
  const join = (preferences: object): Cluster => joinCluster(system, { ...ports, preferences });
  const refusal = 'Cannot join a cluster as node "n1": ';
  expect(() => join({ priority: 11 })).toThrow(`${refusal}its priority is 11, wanted a whole number from -10 to 10`);
  expect(() => join({ priority: "high" })).toThrow('its priority is "high"');
  expect(() => join({ leaseReads: 1 })).toThrow(`${refusal}leaseReads is 1, wanted true or false`);
  expect(system.tree()).toEqual([]);
  const { replica } = join({ priority: -3 });
  world.settle();
  const seen: ReplicaStatus[] = [];
  const listener = system.spawn(stateless<ReplicaStatus>("listener", (status) => void seen.push(status)));
  system.tell(replica, { type: "status", replyTo: listener });
  world.settle();
  expect(seen.map(({ preferences }) => preferences)).toEqual([{ priority: -3, leaseReads: false }]);
  system.stop();
});

test("startSingleton() and startShardRegion() refuse a system without a cluster, and what is no name, and spawn nothing", () => {
  const system = ActorSystem.create({ node: "n1", world: createManualWorld() });
  const make = (): Behavior<null, null> => stateless("made", () => {});
  const single = (wrong: object): unknown => startSingleton(system, { name: "printer", make, ...wrong });
  const shards = (wrong: object): unknown =>
    startShardRegion<null, null>(system, { type: "carts", make, entityOf: () => "a", ...wrong });
  expect(() => single({})).toThrow(
    'Cannot start singleton "printer" on node "n1": it runs no coordinator; joinCluster(system, …) comes first',
  );
  expect(() => shards({})).toThrow('Cannot start shards "carts" on node "n1": it runs no coordinator');
  const helps = 'a name is 1 to 100 letters, digits, "-", "_" and "."';
  expect(() => single({ name: "" })).toThrow(`Cannot start singleton "": ${helps}`);
  expect(() => single({ name: undefined })).toThrow(`Cannot start singleton undefined: ${helps}`);
  expect(() => shards({ type: "" })).toThrow(`Cannot start shards "": ${helps}`);
  expect(() => shards({ type: "x".repeat(101) })).toThrow(RangeError);
  expect(() => single({ make: undefined })).toThrow('Cannot start singleton "printer": make is undefined');
  expect(() => shards({ entityOf: "id" })).toThrow(
    'Cannot start shards "carts": entityOf is string, wanted a function',
  );
  expect(system.tree()).toEqual([]);
  system.stop();
});

test("joinCluster() refuses members without this node, and one that is named twice, and spawns nothing", () => {
  const system = ActorSystem.create({ node: "n1", world: createManualWorld() });
  const join = (...members: readonly string[]): void =>
    void joinCluster(system, {
      members,
      store: STORE,
      snapshots: SNAPSHOTS,
      codec: jsonCodec,
      logger: { log: () => {} },
    });
  expect(() => join("n2", "n3")).toThrow('Cannot join a cluster as node "n1": its members are "n2", "n3"');
  expect(() => join()).toThrow("its members are none");
  expect(() => join("n1", "n2", "n2")).toThrow('member "n2" is named twice');
  join("n1");
  expect(() => join("n1")).toThrow("the name is taken");
  system.stop();
});
