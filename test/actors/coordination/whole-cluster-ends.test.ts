/** All nodes of a cluster are shut down: those that can hand over do, the last ones do not wait for what cannot be. */
import { afterEach, expect, test } from "vitest";
import { startShardRegion, startSingleton } from "../../../actors/index.ts";
import { stateless, type ActorSystem, type ShutdownReport } from "../../../runtime/index.ts";
import { JoinedCluster } from "./joined-cluster.ts";

const NAMES = ["n1", "n2", "n3"];

/** Far less than a session lasts. */
const SOON_MS = 4000;

let cluster: JoinedCluster;
let reports: Map<string, ShutdownReport>;

afterEach(() => {
  expect(cluster.crashes).toEqual([]);
  cluster.close();
});

function start(what: (system: ActorSystem) => void): void {
  reports = new Map();
  cluster = new JoinedCluster(NAMES, what);
  cluster.leader();
  cluster.world.advance(5000);
}

function singleton(system: ActorSystem): void {
  startSingleton(system, { name: "ledger", make: () => stateless("ledger", () => {}) });
}

function shards(system: ActorSystem): void {
  startShardRegion<null, string>(system, { type: "carts", shards: 12, entityOf: (id) => id, make: () => cart });
}

const cart = stateless<string>("cart", () => {});

function shutDown(...nodes: readonly string[]): void {
  for (const node of nodes) cluster.system(node).beginShutdown((report) => void reports.set(node, report));
}

/** Whether all of them ended soon, with nothing left undone. */
function endCleanly(...nodes: readonly string[]): boolean {
  cluster.until(`${nodes.join(", ")} ended`, () => nodes.every((node) => reports.has(node)), SOON_MS);
  return nodes.every((node) => reports.get(node)?.isClean === true);
}

for (const [what, begin] of Object.entries({ "a singleton": singleton, shards })) {
  test(`shutdown of all nodes at once ends soon, with ${what}`, () => {
    start(begin);
    shutDown(...NAMES);
    expect(endCleanly(...NAMES)).toBe(true);
  });

  test(`shutdown of one node after the other ends soon, with ${what}`, () => {
    start(begin);
    for (const node of NAMES) {
      shutDown(node);
      expect(endCleanly(node)).toBe(true);
      // Its process may live on: the link stays up.
    }
  });

  test(`a node that is cut off ends soon, with ${what}`, () => {
    start(begin);
    for (const node of NAMES) {
      cluster.cutOff(node);
      shutDown(node);
      expect(endCleanly(node)).toBe(true);
    }
  });

  test(`links that go while a node hands over end its wait, with ${what}`, () => {
    start(begin);
    shutDown("n1");
    cluster.world.advance(1);
    cluster.cutOff("n1");
    expect(endCleanly("n1")).toBe(true);
  });
}

test("a node that leaves a majority behind still hands its shards over", () => {
  start(shards);
  shutDown("n1");
  cluster.until("it ended", () => reports.has("n1"));
  expect(reports.get("n1")).toMatchObject({ isClean: true });
  const homes = cluster
    .view("n2")
    .coordination.shardsOf("carts")
    .map(({ home }) => home?.node);
  expect(new Set(homes)).toEqual(new Set(["n2", "n3"]));
});
