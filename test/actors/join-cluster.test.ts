/** Which members no cluster can have. */
import { expect, test } from "vitest";
import { joinCluster } from "../../actors/index.ts";
import { ActorSystem, jsonCodec, type LogStore } from "../../runtime/index.ts";
import { createManualWorld } from "../../runtime/testkit/index.ts";

const STORE: LogStore = {
  load: () => ({ hardState: { term: 0, vote: null, commit: 0 }, entries: [], repairs: [] }),
  append: () => {},
  close: (done) => done(),
};

test("joinCluster() refuses members without this node, and one that is named twice, and spawns nothing", () => {
  const system = ActorSystem.create({ node: "n1", world: createManualWorld() });
  const join = (...members: readonly string[]): void =>
    void joinCluster(system, { members, store: STORE, codec: jsonCodec, logger: { log: () => {} } });
  expect(() => join("n2", "n3")).toThrow('Cannot join a cluster as node "n1": its members are "n2", "n3"');
  expect(() => join()).toThrow("its members are none");
  expect(() => join("n1", "n2", "n2")).toThrow('member "n2" is named twice');
  join("n1");
  expect(() => join("n1")).toThrow("the name is taken");
  system.stop();
});
