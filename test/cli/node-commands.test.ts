/** `blixard node describe`, and a drain that has nowhere to go. */
import { beforeEach, expect, test } from "vitest";
import type { NodeDrain } from "../../actors/index.ts";
import type { DrainPlan } from "../../api/index.ts";
import { eventAbout, FakeCluster, nodeNamed, running, vmNamed } from "./fake-cluster.ts";
import { runCommandLine, type Ran } from "./run-command-line.ts";

const LIMITS = { liveOnly: false, atOnce: 2, timeoutMs: 3_600_000 };
const DRAIN: NodeDrain = { id: 7, phase: "draining", limits: LIMITS, untilMs: 0, startedAtMs: 0 };
const STEPS: DrainPlan["steps"] = [{ vm: "web", how: "stays", to: "", why: "there is no other node" }];
const STUCK = "Nothing can move from here, and it goes on once there is room: web: there is no other node.\n";

let cluster: FakeCluster;
beforeEach(() => {
  cluster = new FakeCluster();
  cluster.put(nodeNamed("n1"));
  cluster.put(running(vmNamed("web")));
});

async function blixard(line: string): Promise<Ran> {
  return runCommandLine(line.split(" "), { cluster });
}

test("node drain says at once, and once, that nothing can move and why, and goes on waiting", async () => {
  const stuck = { node: "n1", drain: DRAIN, steps: STEPS };
  cluster.drainPlans = [stuck, stuck, { node: "n1", drain: { ...DRAIN, phase: "drained" }, steps: [] }];
  const { out, err } = await blixard("node drain n1");
  expect(out).toBe("node/n1 drained\n");
  expect(err.split(STUCK)).toHaveLength(2);
  cluster.drainPlans = [stuck];
  expect(await blixard("node drain n1 --no-wait")).toMatchObject({
    exitCode: 0,
    out: "node/n1 draining\n",
    err: STUCK,
  });
});

test("node drain says nothing of the kind while something moves", async () => {
  const moves = { vm: "db", how: "moves", to: "n2", why: "copying" } as const;
  cluster.drainPlans = [{ node: "n1", drain: DRAIN, steps: [...STEPS, moves] }];
  expect((await blixard("node drain n1 --no-wait")).err).toBe("");
});

test("node describe shows what is there, who leads, and of a drain what stays and why", async () => {
  const { spec, ...event } = eventAbout("n1", "Draining", 9);
  cluster.put({ ...event, spec: { ...spec, regarding: { kind: "Node", name: "n1" } } });
  cluster.drainPlans = [{ node: "n1", drain: DRAIN, steps: STEPS }];
  const { out } = await blixard("node describe n1");
  expect(out).toContain("draining: closed, 1 VM is left here, and none can move: below is why");
  expect(out).toMatch(/web {3}Running {3}stays {3}- {4}there is no other node\n/);
  expect(out).toMatch(/Leads: +(yes|no, n\d does|nobody is known to lead)\n/);
  expect(out).toContain("Draining");
  cluster.drainPlans = [{ node: "n1", drain: null, steps: STEPS }];
  const open = (await blixard("node describe n1")).out;
  expect(open).toContain("none: it is open");
  expect(open).not.toContain("there is no other node");
});
