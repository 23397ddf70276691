/** What a scenario file may say, and how each mistake in it is told. */
import { expect, test } from "vitest";
import { compileScenario } from "../../../sim/scenario-file/compile.ts";
import type { Platform } from "../../../sim/scenario-file/document.ts";
import { documentWith, planOf, problemsOf } from "./scenario-document.ts";

const PLATFORM: Platform = {
  name: "platform.yaml",
  vms: planOf()
    .vms.slice(2)
    .map(({ name, labels, spec }) => ({
      apiVersion: "blixard.dev/v1",
      kind: "Vm",
      metadata: { name, labels: { ...labels } },
      spec,
    })),
  nodes: [],
};

test("compileScenario() gives nodes, VMs and defaults", () => {
  const plan = planOf();
  expect(plan).toMatchObject({ name: "tested", durationMs: 120_000, seeds: 20, random: null });
  expect(plan.nodes.map(({ name, labels }) => [name, labels["zone"]])).toEqual([
    ["n1", "a"],
    ["n2", "b"],
    ["n3", "b"],
  ]);
  expect(plan.vms.map(({ name, labels }) => [name, labels["app"]])).toEqual([
    ["web-1", "web"],
    ["web-2", "web"],
    ["db", undefined],
  ]);
  expect(plan.vms[2]?.spec).toMatchObject({ memoryMiB: 1024, restart: "always", running: true });
  expect(plan.clients).toEqual({ count: 3, everyMs: 500, reads: 0.2 });
});

test("compileScenario() counts nodes where they have no names, three where nothing is said", () => {
  expect(planOf({ cluster: { nodes: 5 } }).nodes.map(({ name }) => name)).toEqual(["n1", "n2", "n3", "n4", "n5"]);
  expect(planOf({ cluster: {} }).nodes).toHaveLength(3);
});

test("compileScenario() expects the usual where a file expects nothing", () => {
  expect(planOf({ faults: [{ kill: "n1", at: "30s" }] }).expectations.map(({ title }) => title)).toEqual([
    "every VM is healthy again within 1m of each fault",
    "no VM ever runs twice",
  ]);
});

test("compileScenario() takes VMs of the platform in place of the file's, and its nodes where it has any", () => {
  expect(planOf({}, PLATFORM).vms.map(({ name }) => name)).toEqual(["db"]);
  const nodes = [{ name: "rack-1", labels: { zone: "x" }, memoryMiB: 1, vcpus: 2 }];
  expect(planOf({}, PLATFORM).nodes).toHaveLength(3);
  expect(planOf({}, { ...PLATFORM, nodes }).nodes).toEqual(nodes);
});

test.each([
  [
    "a length without unit",
    { duration: "30" },
    'spec.duration: expected a duration like 500ms, 30s, 2m or 1h30m, got "30"',
  ],
  [
    "a length in words",
    { duration: "30 seconds" },
    'spec.duration: expected a duration like 500ms, 30s, 2m or 1h30m, got "30 seconds"',
  ],
  ["no length", { duration: "0s" }, 'spec.duration: expected a duration longer than 0s, got "0s"'],
  ["a field that is none", { durations: 3 }, 'unknown field "durations" in spec; did you mean "duration"?'],
  ["too many nodes", { cluster: { nodes: 26 } }, "spec.cluster.nodes: expected a count from 1 to 25, got 26"],
  ["no nodes", { cluster: { nodes: [] } }, "spec.cluster.nodes: expected at least one node, got an empty list"],
  [
    "nodes of what is not there",
    { cluster: { nodes: "fromPlatform" } },
    'spec.cluster.nodes: there is no platform; list them here, or add what "blixard get nodes -o yaml" prints to the platform',
  ],
  [
    "a slip in a node",
    { cluster: { nodes: [{ name: "n1", memoryMib: 1 }] } },
    'unknown field "memoryMib" in spec.cluster.nodes[0]; did you mean "memoryMiB"?',
  ],
  [
    "two nodes of one name",
    { cluster: { nodes: [{ name: "n1" }, { name: "n1" }] } },
    'spec.cluster.nodes[1].name: there is a node "n1" already',
  ],
  [
    "a node that faults would take for another",
    { cluster: { nodes: [{ name: "leader" }] } },
    'spec.cluster.nodes[0].name: "leader" is no name for a node: faults mean something else by it',
  ],
  [
    "a VM that no manifest may define",
    { workload: { vms: [{ name: "web", spec: { vcpus: 0 } }] } },
    "spec.workload.vms[0].spec.vcpus: expected an integer from 1 to 256, got 0",
  ],
  [
    "a slip in a VM",
    { workload: { vms: [{ name: "web", spec: { memory: 1 } }] } },
    /^unknown field "memory" in spec\.workload\.vms\[0\]\.spec; /u,
  ],
  [
    "two VMs of one name",
    { workload: { vms: [{ name: "web", replicas: 2 }, { name: "web-2" }] } },
    'spec.workload.vms[1].name: there is a VM "web-2" already',
  ],
  ["a profile that is none", { random: { profile: "calm" } }, /^spec\.random\.profile: expected "mixed" or /u],
])("compileScenario() refuses %s", (_, spec, message) => {
  expect(problemsOf(spec)).toEqual([typeof message === "string" ? message : expect.stringMatching(message)]);
});

test("compileScenario() tells all that it can at once, and nothing that only follows", () => {
  expect(
    problemsOf({
      cluster: { nodes: [{ name: "n1" }, { name: "n2", vcpus: 0 }] },
      workload: { vms: [{ name: "web", spec: { vcpus: 0 } }] },
      faults: [{ kill: "n9", at: "1s" }, { pause: "n1", at: "5m" }, { at: "1s" }],
      expect: [{ healthy: "web", within: "1s" }],
    }).map((message) => message.split(":")[0]),
  ).toEqual([
    "spec.cluster.nodes[1].vcpus",
    "spec.workload.vms[0].spec.vcpus",
    "spec.faults[0].kill",
    "spec.faults[1].at",
    "spec.faults[2]",
  ]);
});

test("compileScenario() refuses what is no scenario at all", () => {
  for (const value of [null, 7, [], "kind: Scenario", {}, { apiVersion: "blixard.dev/v1", kind: "Vm", spec: {} }]) {
    expect(compileScenario(value, null).ok).toBe(false);
  }
  const compiled = compileScenario({ ...(documentWith() as object), kind: "Scenarios" }, null);
  expect(compiled).toMatchObject({ ok: false, problems: [{ message: 'kind: expected "Scenario", got "Scenarios"' }] });
});

test("compileScenario() refuses each length that is more than any run lasts", () => {
  expect(
    problemsOf({
      duration: "366d",
      cluster: { network: { delay: "400d" } },
      workload: { clients: { every: "500d" } },
      faults: [
        { kill: "n1", at: "5s", for: `${"9".repeat(400)}d` },
        { delay: "9000d", at: "5s" },
        { "wall-step": "n1", by: "-9999d", at: "3s" },
      ],
    }).map((message) => message.replace(/9{400}/u, "9…")),
  ).toEqual([
    'spec.duration: expected at most 365d, got "366d"',
    expect.stringContaining("spec.faults[0].for: expected at most 365d, got "),
    'spec.faults[1].delay: expected at most 365d, got "9000d"',
    'spec.faults[2].by: expected at most 365d, got "-9999d"',
    'spec.workload.clients.every: expected at most 365d, got "500d"',
    'spec.cluster.network.delay: expected at most 365d, got "400d"',
  ]);
});
