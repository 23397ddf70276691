/** Which instances are to stop. */
import { expect, test } from "vitest";
import { planStop } from "../../../actors/index.ts";
import { SampleMap, vmSpec } from "../cluster/sample-map.ts";

function placed(): SampleMap {
  const map = new SampleMap();
  map.join("n1");
  map.create("web");
  map.place("web", "n1");
  return map;
}

test("planStop() leaves alone what is wanted and what has no instance", () => {
  const map = placed();
  expect(planStop(map.vm("web"))).toBeNull();
  map.release("web");
  map.do({ type: "set-running", name: "web", running: false });
  expect(planStop(map.vm("web"))).toBeNull();
});

test.each([
  ["the VM was stopped", { type: "set-running", name: "web", running: false }],
  ["the VM is being deleted", { type: "delete-vm", name: "web" }],
  ["the VM has a new spec", { type: "apply-vm", name: "web", labels: {}, spec: vmSpec({ vcpus: 2 }) }],
] as const)("planStop() asks once, because %s", (message, command) => {
  const map = placed();
  map.do(command);
  const stop = planStop(map.vm("web"));
  expect(stop).toEqual({ type: "stop-instance", vm: "web", instance: "web-3", message });
  if (stop !== null) map.do(stop);
  expect(planStop(map.vm("web"))).toBeNull();
});
