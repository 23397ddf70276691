/** Why VMs were down: each cause is told by what was seen, with what would help. */
import { expect, test } from "vitest";
import { diagnoseVms, diagnoseWait } from "../../../sim/scenario-file/diagnose.ts";
import type { Observation, ObservedStrike } from "../../../sim/scenario-file/observation.ts";
import type { ScenarioPlan } from "../../../sim/scenario-file/scenario-plan.ts";
import { planOf } from "./scenario-document.ts";

function strike(
  fault: string,
  nodes: readonly number[],
  places: Readonly<Record<string, number>> = {},
): ObservedStrike {
  return { fault, title: fault, atMs: 20_000, untilMs: 80_000, nodes, notStruck: null, leader: 0, places };
}

interface Case {
  readonly plan: ScenarioPlan;
  readonly strikes: readonly ObservedStrike[];
  readonly vm: string;
  readonly node?: number;
  readonly reason?: string;
}

function whyOf({ plan, strikes, vm, node = 1, reason = "" }: Case): string {
  const seen: Observation = {
    ...{ spanMs: 100_000, leaderless: [], requests: [], strikes },
    vms: [{ name: vm, outages: [{ fromMs: 27_000, untilMs: 60_000, reason, node }] }],
  };
  const [finding] = diagnoseVms(plan, seen, [vm]);
  return `${finding?.why} | ${finding?.help}`;
}

const FIVE = {
  nodes: [
    { name: "n1", zone: "a" },
    { name: "n2", zone: "b" },
    { name: "n3", zone: "b" },
    { name: "n4", zone: "c" },
    { name: "n5", zone: "c" },
  ],
};
const LOSE_B = [{ "lose-zone": "b", at: "20s", for: "1m" }];

test("no majority is left", () => {
  const plan = planOf({ faults: LOSE_B });
  expect(whyOf({ plan, vm: "db", strikes: [strike("lose-zone", [1, 2])] })).toBe(
    "n2 and n3 (lose-zone) were 2 of 3 nodes at once: the one left is no majority, so nothing could be written, placed or taken from a lost node | " +
      "zone b holds a majority: put nodes into a third zone, so that none does",
  );
});

test("several faults at one time add up, and those that come one after the other do not", () => {
  const plan = planOf({ cluster: FIVE, faults: [...LOSE_B, { "disk-hang": "n1", at: "25s", for: "50s" }] });
  const hang = strike("disk-hang", [0]);
  expect(whyOf({ plan, vm: "db", strikes: [strike("lose-zone", [1, 2]), hang] })).toContain(
    "n2 and n3 (lose-zone) and n1 (disk-hang) were 3 of 5 nodes at once",
  );
  const later = { ...hang, atMs: 80_000, untilMs: 90_000 };
  expect(whyOf({ plan, vm: "db", strikes: [strike("lose-zone", [1, 2]), later] })).not.toContain("at once");
});

test("its nodeSelector allows only nodes that are down, or none at all", () => {
  const workload = { vms: [{ name: "db", spec: { nodeSelector: { zone: "b" } } }] };
  const plan = planOf({ cluster: FIVE, faults: LOSE_B, workload });
  const strikes = [strike("lose-zone", [1, 2])];
  const reason = 'No node fits VM "db": n1 has label zone=a, wants zone=b; n2 is lost; n3 is lost';
  expect(whyOf({ plan, vm: "db", strikes, reason })).toBe(
    "its nodeSelector zone=b allows n2 and n3 only, which were down | " +
      "let it run elsewhere, too: take zone=b out of its nodeSelector, or label a node outside of what is lost",
  );
  const none = planOf({ cluster: FIVE, workload: { vms: [{ name: "db", spec: { nodeSelector: { disk: "ssd" } } }] } });
  expect(whyOf({ plan: none, vm: "db", strikes: [], reason })).toContain(
    "no node carries disk=ssd, which its nodeSelector asks for",
  );
});

test("the nodes that are left have no room, or its port is taken", () => {
  const nodes = FIVE.nodes.map((node) => ({ ...node, memoryMiB: 1024 }));
  const vms = [
    { name: "db", spec: { memoryMiB: 1024 } },
    { name: "web", replicas: 4, spec: { memoryMiB: 1024 } },
  ];
  const plan = planOf({ cluster: { nodes }, faults: LOSE_B, workload: { vms } });
  const strikes = [strike("lose-zone", [1, 2])];
  expect(whyOf({ plan, vm: "db", strikes, reason: "No node fits VM db: n1 has 0 MiB free, wants 1024 MiB" })).toBe(
    "no room for its 1024 MiB on n1, n4, n5: all VMs that may run there want 5120 MiB, and n1, n4, n5 have 3072 MiB | " +
      "2048 MiB more on those nodes, or smaller VMs; memory is never given out twice",
  );
  expect(whyOf({ plan, vm: "db", strikes, reason: 'n1 has port 8080 taken by VM "web-1"' })).toContain(
    "port 8080 was taken on n1, n4, n5",
  );
});

test("all VMs of an application stood in the zone that was lost", () => {
  const plan = planOf({ cluster: FIVE, faults: LOSE_B });
  const together = [strike("lose-zone", [1, 2], { "web-1": 1, "web-2": 2 })];
  expect(whyOf({ plan, vm: "web-1", strikes: together })).toMatch(
    /^both VMs of application web ran in zone b \(n2 and n3\) when lose-zone struck: .* knows no zones \| pin them to zones/u,
  );
  const apart = [strike("lose-zone", [1, 2], { "web-1": 1, "web-2": 3 })];
  expect(whyOf({ plan, vm: "web-1", strikes: apart })).toContain("it ran on n2 when lose-zone struck");
});

test("a guest that hangs is noticed by its health check alone", () => {
  const faults = [{ "guest-hang": "db", at: "20s" }];
  const own = { ...strike("guest-hang", [1]), untilMs: 20_000 };
  expect(whyOf({ plan: planOf({ cluster: FIVE, faults }), vm: "db", strikes: [own] })).toBe(
    "its guest hung, and it has no health check: nobody notices | give it spec.health",
  );
});

test("what kept a request waiting is told, unless it is nothing of the file", () => {
  const plan = planOf({ cluster: FIVE, faults: [{ "disk-full": ["n1", "n2", "n3"], at: "20s", for: "1m" }] });
  const seen: Observation = {
    spanMs: 100_000,
    leaderless: [],
    requests: [],
    vms: [],
    strikes: [strike("disk-full", [0, 1, 2])],
  };
  expect(diagnoseWait(plan, seen, [{ fromMs: 30_000, untilMs: 70_000 }])?.why).toContain(
    "n1, n2 and n3 (disk-full) were 3 of 5 nodes at once",
  );
  expect(diagnoseWait(plan, seen, [{ fromMs: 82_000, untilMs: 90_000 }])).toBeNull();
  expect(diagnoseWait(plan, seen, [])).toBeNull();
});
