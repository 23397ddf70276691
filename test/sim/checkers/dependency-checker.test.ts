/** The checker of dependencies finds an instance that came too early, and lets those pass that did not. */
import { expect, test } from "vitest";
import type { ClusterView, Vm, VmSpec } from "../../../actors/index.ts";
import { DependencyChecker, isHeldBack } from "../../../sim/checkers/dependency-checker.ts";
import { sampleVm } from "../../actors/vm/sample-vm.ts";

const BEATS: NonNullable<VmSpec["health"]> = { type: "heartbeat", intervalMs: 3000, failuresMax: 3, startMs: 0 };

function vm(name: string, spec: Partial<VmSpec>, status: Partial<Vm["status"]> = {}): Vm {
  const sample = sampleVm({ spec: { ports: [], ...spec }, instance: `${name}-7` });
  return { ...sample, metadata: { ...sample.metadata, name }, status: { ...sample.status, ...status } };
}

function viewOf(...vms: readonly Vm[]): Pick<ClusterView, "applied" | "get"> {
  return { applied: 7, get: (_, name) => vms.find(({ metadata }) => metadata.name === name) };
}

function failures(...vms: readonly Vm[]): { readonly found: readonly string[]; readonly placed: number } {
  const found: string[] = [];
  const checker = new DependencyChecker({ fail: (rule) => void found.push(rule) }, ["db", "web"]);
  checker.onApply(viewOf(...vms));
  return { found, placed: checker.placed };
}

test("DependencyChecker finds what was placed before all that it requires was healthy", () => {
  const web = vm("web", { requires: ["db"] });
  const rule = ["what-a-vm-requires-is-healthy-first"];
  for (const early of [
    [web],
    [web, vm("db", {}, { phase: "Starting" })],
    [web, vm("db", {}, { phase: "Paused" })],
    [web, vm("db", { health: BEATS }, { phase: "Running", health: "unknown" })],
    [web, vm("db", {}, { phase: "Running", instance: { ...web.status.instance!, stopping: true } })],
  ]) {
    expect(failures(...early)).toEqual({ found: rule, placed: 1 });
  }
  expect(failures(web, vm("db", {}, { phase: "Running" }))).toEqual({ found: [], placed: 1 });
  expect(failures(web, vm("db", { health: BEATS }, { phase: "Running", health: "healthy" })).found).toEqual([]);
});

test("isHeldBack() excuses a VM only where somebody else has to act", () => {
  const web = vm("web", { requires: ["db"] });
  expect(isHeldBack(web, viewOf(web))).toBe(true);
  expect(isHeldBack(web, viewOf(web, vm("db", { running: false })))).toBe(true);
  expect(isHeldBack(web, viewOf(web, vm("db", {}, { phase: "Completed", instance: null })))).toBe(true);
  expect(isHeldBack(web, viewOf(web, vm("db", {}, { phase: "Pending", instance: null })))).toBe(false);
  expect(isHeldBack(web, viewOf(web, vm("db", {}, { phase: "Running" })))).toBe(false);
});
