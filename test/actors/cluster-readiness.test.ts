/** When a node can use its cluster, and what is said when it cannot. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { joinCluster, type Cluster, type ClusterReadiness } from "../../actors/index.ts";
import { ActorSystem, jsonCodec, StoreError } from "../../runtime/index.ts";
import { createManualWorld, createMemoryLog, createMemorySnapshots } from "../../runtime/testkit/index.ts";
import { JoinedCluster } from "./coordination/joined-cluster.ts";

const NAMES = ["n1", "n2", "n3"];

let cluster: JoinedCluster;

beforeEach(() => {
  cluster = new JoinedCluster(NAMES);
});

afterEach(() => {
  expect(cluster.crashes).toEqual([]);
  cluster.close();
});

/** What it says, in the order in which it says it; more than one would be wrong. */
function wait(node: string, timeoutMs = 5000): ClusterReadiness[] {
  const said: ClusterReadiness[] = [];
  (cluster.joined.get(node) as Cluster).whenReady({ timeoutMs }, (readiness) => void said.push(readiness));
  return said;
}

function failure(node: string, code: string, why: string): ClusterReadiness[] {
  return [{ ok: false, code, message: `Node "${node}" is not ready after 5000 ms: ${why}` } as ClusterReadiness];
}

test("whenReady() answers on every node once there is a leader, and at once when there is one already", () => {
  const waits = NAMES.map((node) => wait(node));
  expect(waits).toEqual([[], [], []]);
  cluster.until("all are ready", () => waits.every((said) => said.length > 0), 3000);
  expect(waits.flat()).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
  cluster.leader();
  const again = wait("n2");
  cluster.world.advance(200);
  expect(again).toEqual([{ ok: true }]);
  // Nothing is left of those that waited.
  const names = cluster
    .system("n2")
    .tree()
    .map(({ ref }) => ref.path);
  expect(names.filter((name) => name.includes("readiness"))).toEqual([]);
  cluster.world.advance(10_000);
  expect(waits.flat()).toHaveLength(3);
});

test("whenReady() waits for links and a leader", () => {
  cluster.cutOff("n1");
  const said = wait("n1");
  cluster.world.advance(3000);
  expect(said).toEqual([]);
  for (const node of ["n2", "n3"]) cluster.network.heal("n1", node);
  cluster.until("it is ready", () => said.length > 0, 3000);
  expect(said).toEqual([{ ok: true }]);
});

test("whenReady() says after its time which links and which leader are missing", () => {
  for (const node of NAMES) cluster.cutOff(node);
  const said = wait("n1");
  cluster.world.advance(5250);
  const why = 'it has a link to 0 of the 2 other members and needs 1 (none to "n2", "n3"); no leader is known';
  expect(said).toEqual(failure("n1", "timeout", why));
  cluster.world.advance(5000);
  expect(said).toHaveLength(1);
});

test("whenReady() says that the system was stopped meanwhile", () => {
  cluster.cutOff("n1");
  const said = wait("n1");
  cluster.world.advance(100);
  cluster.crash("n1");
  expect(said).toMatchObject([{ ok: false, code: "stopped" }]);
  expect(() => wait("n1")).toThrow('the system "n1" has stopped');
});

test("a cluster of one is ready without any link", () => {
  cluster.close();
  cluster = new JoinedCluster(["n1"]);
  const said = wait("n1");
  cluster.until("it is ready", () => said.length > 0, 3000);
  expect(said).toEqual([{ ok: true }]);
});

test("whenReady() does not wait when this node's log cannot be read", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "broken", world });
  const log = createMemoryLog();
  log.failLoadWith(new StoreError("store-corrupt", { message: "the log is torn", path: "raft", hint: "restore it" }));
  const options = {
    members: ["broken"],
    store: log.open(),
    snapshots: createMemorySnapshots().open(),
    codec: jsonCodec,
    logger: { log: () => {} },
  };
  const said: ClusterReadiness[] = [];
  joinCluster(system, options).whenReady({ timeoutMs: 5000 }, (readiness) => void said.push(readiness));
  world.advance(1000);
  expect(said).toMatchObject([{ ok: false, code: "store-failed" }]);
  system.stop();
});

test("ready() resolves as whenReady() answers, and rejects for a time that is none", async () => {
  const ready = (cluster.joined.get("n1") as Cluster).ready({ timeoutMs: 5000 });
  cluster.leader();
  cluster.world.advance(1000);
  await expect(ready).resolves.toEqual({ ok: true });
  for (const timeoutMs of [0, -1, Number.NaN]) {
    await expect((cluster.joined.get("n1") as Cluster).ready({ timeoutMs })).rejects.toThrow(
      `Cannot wait for the cluster of node "n1": timeoutMs is ${timeoutMs}, wanted more than 0`,
    );
  }
});
