/** Faults of a file: what each verb becomes, and what is refused by name. */
import { expect, test } from "vitest";
import { editorSchema } from "../../../sim/scenario-file/document-schema.ts";
import { FAULT_VERBS, type Operand } from "../../../sim/scenario-file/fault-verbs.ts";
import type { PlannedFault } from "../../../sim/scenario-file/scenario-plan.ts";
import { HOST_TROUBLES } from "../../../sim/outside/host-trouble.ts";
import type { LoadAct } from "../../../sim/schedule/load-act.ts";
import { isLoadAct } from "../../../sim/schedule/schedule.ts";
import { ACT_FIELDS } from "../../../sim/shrink/check-event.ts";
import { planOf, problemsOf } from "./scenario-document.ts";

function faultOf(entry: Readonly<Record<string, unknown>>): PlannedFault | undefined {
  return planOf({ faults: [entry] }).faults[0];
}

test("a fault has a name, a time and a length; without one it lasts until the end", () => {
  expect(faultOf({ kill: "n1", at: "30s", for: "5s" })).toMatchObject({
    name: "kill",
    title: "kill n1",
    atMs: [30_000],
    forMs: 5000,
    act: { type: "each", blow: "crash", whom: [{ type: "nodes", nodes: [0] }], fields: { power: false } },
  });
  expect(faultOf({ name: "dark", "power-loss": "all", at: "1s" })).toMatchObject({ name: "dark", forMs: 120_000 });
  expect(faultOf({ "wall-step": "n1", by: "-30s", at: "1s" })).toMatchObject({
    forMs: null,
    act: { fields: { byMs: -30_000 } },
  });
});

test("a fault strikes again and again, or one node after the other", () => {
  expect(faultOf({ pause: "leader", at: "10s", every: "20s", times: 3 })?.atMs).toEqual([10_000, 30_000, 50_000]);
  expect(faultOf({ pause: "leader", at: "10s", every: "50s" })?.atMs).toEqual([10_000, 60_000, 110_000]);
  expect(faultOf({ kill: "all", at: "10s", stagger: "20s" })).toMatchObject({ staggerMs: 20_000, lastMs: 50_000 });
});

test("faults name nodes by zone, by label, by what runs there, by role, and several at once", () => {
  expect(faultOf({ "lose-zone": "b", at: "1s" })?.act).toMatchObject({
    blow: "crash",
    whom: [{ type: "nodes", nodes: [1, 2] }],
    fields: { power: true },
  });
  const whom = ["n1", { zone: "b" }, { labels: { zone: "a" } }, { vm: "db" }, "leader"];
  expect(faultOf({ pause: whom, at: "1s" })?.act).toMatchObject({
    whom: [
      { type: "nodes", nodes: [0] },
      { type: "nodes", nodes: [1, 2] },
      { type: "nodes", nodes: [0] },
      { type: "host-of", vm: "db" },
      { type: "role", role: "leader" },
    ],
  });
});

test("cuts have sides", () => {
  const [one, two] = [
    { type: "nodes", nodes: [0] },
    { type: "nodes", nodes: [1, 2] },
  ];
  expect(faultOf({ cut: "n1", at: "1s" })?.act).toMatchObject({ type: "lines", groups: [[one]], way: "both" });
  expect(faultOf({ deaf: "n1", at: "1s" })?.act).toMatchObject({
    groups: [[one]],
    way: "to",
    fields: { breaks: false },
  });
  expect(faultOf({ partition: ["n1", { zone: "b" }], at: "1s" })?.act).toMatchObject({
    groups: [[one], [two]],
    way: "both",
  });
  expect(faultOf({ cut: { from: "n1", to: { zone: "b" } }, at: "1s" })?.act).toMatchObject({
    groups: [[one], [two]],
    way: "from",
  });
  expect(faultOf({ slow: { between: ["n1", { zone: "b" }] }, by: "20ms", at: "1s" })?.act).toMatchObject({
    blow: "link-weather",
    groups: [[one], [two]],
    way: "both",
    fields: { key: "delayMeanUs", value: 20_000 },
  });
});

test.each([
  [{ kil: "n1", at: "1s" }, 'unknown field "kil" in spec.faults[0]; did you mean "kill"?'],
  [
    { kill: "n11", at: "1s" },
    /^spec\.faults\[0\]\.kill: expected a node \(n1, n2, n3, leader, .*\), got "n11"; did you mean "n1"\?$/u,
  ],
  [{ kill: "n1", at: "2m" }, 'spec.faults[0].at: expected a time before the scenario ends, at 2m, got "2m"'],
  [{ kill: "n1", at: "1s", for: "5" }, /^spec\.faults\[0\]\.for: expected a duration like /u],
  [{ kill: "n1" }, /^spec\.faults\[0\]\.at: missing; expected a duration like /u],
  [{ at: "1s" }, /^spec\.faults\[0\]: nothing is done here; expected one of kill, power-loss, /u],
  [
    { kill: "n1", pause: "n2", at: "1s" },
    'spec.faults[0].pause: "kill" is done here already; give each fault an entry of its own',
  ],
  [
    { "wall-step": "n1", by: "3s", at: "1s", for: "1s" },
    'spec.faults[0].for: "wall-step" is over at once and cannot last',
  ],
  [{ "lose-zone": "c", at: "1s" }, 'spec.faults[0].lose-zone: expected a zone that has nodes (a, b), got "c"'],
  [{ cut: "all", at: "1s" }, "spec.faults[0].cut: this is all 3 nodes: nobody is left to be cut off from"],
  [
    { cut: ["n1", { zone: "b" }], at: "1s" },
    "spec.faults[0].cut: this is all 3 nodes: nobody is left to be cut off from",
  ],
  [{ partition: [["n1", "n2"], "n2"], at: "1s" }, 'spec.faults[0].partition: node "n2" is on both sides'],
  [{ "guest-crash": "wbe-1", at: "1s" }, /^spec\.faults\[0\]\.guest-crash: expected a VM .*; did you mean "web-1"\?$/u],
  [{ pause: { vm: "dbb" }, at: "1s" }, /^spec\.faults\[0\]\.pause\.vm: expected a VM .*; did you mean "db"\?$/u],
  [{ pause: { zones: "a" }, at: "1s" }, /^spec\.faults\[0\]\.pause\.zones: expected one of \(zone, labels, vm\)/u],
  [{ pause: { labels: { disk: "ssd" } }, at: "1s" }, "spec.faults[0].pause.labels: no node carries disk=ssd"],
  [{ loss: "7", at: "1s" }, 'spec.faults[0].loss: expected a share like 5%, got "7"'],
  [{ slow: "n1", by: "fast", at: "1s" }, 'spec.faults[0].by: expected a duration like 20ms, got "fast"'],
  [{ slow: "n1", at: "1s" }, 'spec.faults[0]: "by" is missing: "slow" must say it'],
  [{ "disk-slow": "n1", at: "1s", slowness: -1 }, 'spec.faults[0].slowness: expected what "disk-slow" can do, got -1'],
  [{ kill: "n1", at: "1s", slowness: 3 }, 'spec.faults[0].slowness: means nothing beside "kill"'],
  [{ kill: "n1", at: "1s", times: 3 }, 'spec.faults[0].times: "every" is missing: how long from one to the next'],
  [
    { kill: "n1", at: "1m", every: "30s", times: 9 },
    "spec.faults[0].times: only 2 of 9 fit before the scenario ends, at 2m",
  ],
  [
    { kill: "all", at: "1m", stagger: "40s" },
    "spec.faults[0].stagger: the last of 3 is struck at 2m20s, and the scenario ends at 2m; let it last longer",
  ],
  [{ "link-reset": ["n1", "n1"], at: "1s" }, "spec.faults[0].link-reset: expected two nodes, as [n1, n2], got a list"],
])("%j is refused by name", (entry, message) => {
  expect(problemsOf({ faults: [entry] })).toEqual([
    typeof message === "string" ? message : expect.stringMatching(message),
  ]);
});

test("a zone is refused where no node has any", () => {
  expect(problemsOf({ cluster: { nodes: 3 }, faults: [{ "lose-zone": "a", at: "1s" }] })).toEqual([
    'spec.faults[0].lose-zone: no node has a zone; give nodes a "zone", or the label "zone"',
  ]);
});

const OPERANDS: Readonly<Record<Operand, unknown>> = {
  nodes: "n1",
  "all-nodes": ["n1", "n2"],
  zone: "a",
  lines: "n1",
  groups: ["n1", "n2"],
  pair: ["n1", "n2"],
  vm: "db",
  share: "5%",
  delay: "10ms",
  cluster: "all",
};

/** Of fields that only some blows have. */
const VALUES: readonly unknown[] = ["10ms", "5%", 1, "loss", true, "peer", ...HOST_TROUBLES];

test("every kind of blow can be named in files, and editors are told of each", () => {
  const blows = new Set([...FAULT_VERBS.values()].map(({ blow }) => blow));
  const acts = Object.keys(ACT_FIELDS);
  expect(blows.size).toBeGreaterThan(20);
  expect(acts.filter((act) => !blows.has(act) && act !== "heal-core" && !isLoadAct({ type: act } as LoadAct))).toEqual(
    [],
  );
  const schema = JSON.stringify(editorSchema());
  for (const { verb, operand, fields } of FAULT_VERBS.values()) {
    const given = fields.map(({ name, isRight, unit }) => {
      const written = unit === "share" ? "5%" : "10ms";
      return [name, VALUES.find((value) => (unit === null ? isRight(value) : value === written))] as const;
    });
    const entry = { [verb]: OPERANDS[operand], at: "1s", ...Object.fromEntries(given) };
    // A field whose words this test does not know, of a kind that is newer than it.
    const unknown = given.filter(([, value]) => value === undefined);
    expect(problemsOf({ faults: [entry] }), verb).toEqual(
      unknown.map(([name]) => `spec.faults[0]: "${name}" is missing: "${verb}" must say it`),
    );
    expect(schema, verb).toContain(`"${verb}"`);
  }
});
