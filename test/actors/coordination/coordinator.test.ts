/** Leases through the coordinators of three nodes: granted to one, told in time that they end, given to the next. */
import { afterEach, expect, test } from "vitest";
import type { LeaseEvent, LeaseHolder, SessionEvent, Tenure } from "../../../actors/index.ts";
import { createProbe, type Probe } from "../../../runtime/testkit/index.ts";
import { JoinedCluster } from "./joined-cluster.ts";

const NAMES = ["n1", "n2", "n3"];
let cluster: JoinedCluster;

afterEach(() => {
  expect(cluster.crashes).toEqual([]);
  cluster.close();
});

function claimant(node: string): Probe<LeaseEvent> {
  const probe = createProbe<LeaseEvent>(cluster.system(node), cluster.world, { withinMs: 15_000 });
  cluster.tellCoordinator(node, { type: "claim-lease", name: "db", holder: probe.ref });
  return probe;
}

function granted(probe: Probe<LeaseEvent>): Tenure {
  const event = probe.expectMessage();
  if (event.type !== "lease-granted") throw new Error(`Got ${event.type}`);
  return event.tenure;
}

function release(node: string, probe: Probe<LeaseEvent>, fence: number, to: string | null = null): void {
  cluster.tellCoordinator(node, { type: "release-lease", name: "db", holder: probe.ref, fence, to });
}

test("claim-lease grants to one, and to the next when that one gives it up, with a larger fence", () => {
  cluster = new JoinedCluster(NAMES);
  const first = claimant("n1");
  const tenure = granted(first);
  const second = claimant("n2");
  second.expectNoMessage(2000);
  expect(tenure.isValid(cluster.world.clock.monotonicMs())).toBe(true);
  cluster.tellCoordinator("n1", { type: "drop-claim", name: "db", holder: first.ref });
  const next = granted(second);
  expect(next.fence).toBeGreaterThan(tenure.fence);
  expect(tenure.isValid(0)).toBe(false);
});

test("release-lease hands over to the node that is named, although another waits as well", () => {
  cluster = new JoinedCluster(NAMES);
  const probes = NAMES.map((node) => claimant(node));
  cluster.until("somebody holds it", () => cluster.views.get("n1")?.coordination.lease("db") !== undefined);
  const holder = cluster.view("n1").coordination.lease("db")?.node ?? "";
  const to = NAMES.find((node) => node !== holder) as string;
  const at = (node: string): Probe<LeaseEvent> => probes[NAMES.indexOf(node)] as Probe<LeaseEvent>;
  release(holder, at(holder), granted(at(holder)).fence, to);
  granted(at(to));
  expect(cluster.view("n1").coordination.lease("db")?.node).toBe(to);
});

test("a holder that is cut off is told before its lease ends, and nobody else is granted it before that", () => {
  cluster = new JoinedCluster(NAMES);
  const first = claimant("n1");
  const tenure = granted(first);
  const second = claimant("n2");
  cluster.world.advance(4000);
  cluster.cutOff("n1");
  const lost = first.expectMessage();
  const now = (): number => cluster.world.clock.monotonicMs();
  expect(lost).toEqual({ type: "lease-lost", name: "db", fence: tenure.fence });
  const { validUntilMs } = tenure;
  expect(validUntilMs - now()).toBeGreaterThanOrEqual(500);
  expect(tenure.isValid(now())).toBe(true);
  const next = granted(second);
  expect(now()).toBeGreaterThan(validUntilMs);
  expect(next.fence).toBeGreaterThan(tenure.fence);
  // Back in the cluster it waits for its turn again.
  release("n1", first, tenure.fence);
  cluster.heal("n1");
  cluster.tellCoordinator("n2", { type: "drop-claim", name: "db", holder: second.ref });
  expect(granted(first).fence).toBeGreaterThan(next.fence);
});

test("the end of a claimant releases its lease; a crash of its node does so by the next session of that node", () => {
  cluster = new JoinedCluster(NAMES);
  const first = claimant("n1");
  granted(first);
  const second = claimant("n2");
  second.expectNoMessage(1000);
  cluster.system("n1").stopActor(first.ref);
  const tenure = granted(second);
  const third = claimant("n3");
  third.expectNoMessage(1000);
  cluster.crash("n2");
  cluster.restart("n2");
  const again = createProbe<SessionEvent>(cluster.system("n2"), cluster.world);
  cluster.tellCoordinator("n2", { type: "hold-session", holder: again.ref });
  again.expectMessage(({ type }) => type === "session-held", { withinMs: 3000 });
  expect(granted(third).fence).toBeGreaterThan(tenure.fence);
});

test("a session lasts as long as something needs it, and is renewed only then", () => {
  cluster = new JoinedCluster(NAMES);
  const probe = createProbe<SessionEvent>(cluster.system("n1"), cluster.world, { withinMs: 15_000 });
  cluster.tellCoordinator("n1", { type: "hold-session", holder: probe.ref });
  const held = probe.expectMessage();
  cluster.world.advance(20_000);
  expect(held.type === "session-held" && held.term.isValid(cluster.world.clock.monotonicMs())).toBe(true);
  expect(cluster.view("n2").coordination.session("n1")?.session).toBe(
    held.type === "session-held" && held.term.session,
  );
  cluster.tellCoordinator("n1", { type: "drop-session", holder: probe.ref });
  cluster.world.advance(1000);
  expect(cluster.view("n2").coordination.session("n1")).toBeUndefined();
  // The leader proposes one more step of replicated time, then all is still.
  cluster.world.advance(11_000);
  const { applied } = cluster.view("n2");
  cluster.world.advance(20_000);
  expect(cluster.view("n2").applied).toBe(applied);
});

test("watch-lease tells who holds it, at once and on every change", () => {
  cluster = new JoinedCluster(NAMES);
  const watcher = createProbe<LeaseHolder>(cluster.system("n3"), cluster.world, { withinMs: 15_000 });
  cluster.tellCoordinator("n3", { type: "watch-lease", name: "db", subscriber: watcher.ref });
  expect(watcher.expectMessage()).toEqual({ type: "lease-holder", name: "db", holder: null });
  const first = claimant("n1");
  const { fence } = granted(first);
  expect(watcher.expectMessage()).toEqual({ type: "lease-holder", name: "db", holder: { node: "n1", fence } });
  cluster.tellCoordinator("n1", { type: "drop-claim", name: "db", holder: first.ref });
  expect(watcher.expectMessage()).toEqual({ type: "lease-holder", name: "db", holder: null });
});

test("claim-lease refuses a second claimant of one node, and a name that is none", () => {
  cluster = new JoinedCluster(NAMES);
  const first = claimant("n1");
  granted(first);
  const second = claimant("n1");
  expect(second.expectMessage()).toMatchObject({
    type: "lease-refused",
    message: expect.stringContaining("of this node does"),
  });
  cluster.tellCoordinator("n1", { type: "claim-lease", name: "a b", holder: second.ref });
  expect(second.expectMessage()).toMatchObject({ type: "lease-refused", name: "a b" });
});
