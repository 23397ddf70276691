/** Systems linked in one manual world: remote tells and watches under cuts and crashes. */
import { afterEach, expect, test } from "vitest";
import { stateless, type Ref } from "../../../runtime/index.ts";
import { createManualCluster, createProbe, type ManualCluster } from "../../../runtime/testkit/index.ts";

const clusters: ManualCluster[] = [];
afterEach(() => {
  for (const cluster of clusters.splice(0)) cluster.close();
});

function start(...[nodes, options]: Parameters<typeof createManualCluster>): ManualCluster {
  const cluster = createManualCluster(nodes, options);
  clusters.push(cluster);
  return cluster;
}

const greeter = stateless<Ref<string>>("greeter", (replyTo, ctx) => ctx.tell(replyTo, `hello from ${ctx.node}`));

test("a ref works from another node of the cluster", () => {
  const cluster = start(["n1", "n2"]);
  const probe = createProbe<string>(cluster.system("n1"), cluster.world);
  cluster.system("n2").spawn(greeter, { name: "greeter" });
  cluster.system("n1").tell(cluster.system("n1").refAt({ node: "n2", path: "greeter" }), probe.ref);
  expect(probe.expectMessage()).toBe("hello from n2");
});

test("a message takes its virtual time, and is lost when the link is cut meanwhile", () => {
  const cluster = start(["n1", "n2"], { delayMs: 10 });
  const n1 = cluster.system("n1");
  const probe = createProbe<string>(cluster.system("n2"), cluster.world, { name: "probe" });
  const remote = n1.refAt<string>(probe.ref);
  n1.tell(remote, "first");
  probe.expectNoMessage(9);
  expect(probe.expectMessage(undefined, { withinMs: 1 })).toBe("first");
  n1.tell(remote, "second");
  cluster.cut("n1", "n2");
  cluster.heal("n2", "n1");
  probe.expectNoMessage();
});

test("a crash is seen by the peers, and a restarted node is linked again and empty", () => {
  const cluster = start(["n1", "n2", "n3"]);
  const probe = createProbe<string>(cluster.system("n1"), cluster.world);
  const remote = cluster.system("n2").spawn(greeter, { name: "greeter" });
  const ref = cluster.system("n1").refAt<Ref<string>>(remote);
  probe.watch(ref);
  cluster.crash("n2");
  expect(probe.expectTerminated(ref)).toBe("node-down");
  expect(() => cluster.system("n2")).toThrow('Node "n2" does not run: it was crashed');
  cluster.restart("n2");
  cluster.system("n1").tell(ref, probe.ref);
  probe.expectNoMessage();
  cluster.system("n2").spawn(greeter, { name: "greeter" });
  cluster.system("n1").tell(ref, probe.ref);
  expect(probe.expectMessage()).toBe("hello from n2");
});

test("createManualCluster() refuses what cannot be by name", () => {
  expect(() => start(["n1", "n1"])).toThrow("Cannot make a cluster of n1, n1: a name is there twice");
  const cluster = start(["n1"]);
  expect(() => cluster.cut("n1", "n9")).toThrow('There is no node "n9" in this cluster: it has n1');
  expect(() => cluster.restart("n1")).toThrow('Cannot restart node "n1": it runs; crash it first');
});

test("createManualCluster() refuses to be without nodes", () => {
  for (const nodes of [[], undefined as unknown as string[], "n1" as unknown as string[]])
    expect(() => createManualCluster(nodes)).toThrow("Cannot make a cluster of no nodes: name at least one");
});
