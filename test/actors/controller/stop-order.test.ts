/** In which order VMs stop that are to stop together. */
import { expect, test } from "vitest";
import type { Vm, VmSpec } from "../../../actors/index.ts";
import { GATHER_MS, SLACK_MS, StopOrder } from "../../../actors/controller/stop-order.ts";
import { SampleMap } from "../cluster/sample-map.ts";

/** db ◀── app ◀── web, all running; web is merely after app. */
function stack(): SampleMap {
  const map = new SampleMap();
  map.join("n1", { memoryMiB: 65_536, vcpus: 64 });
  const specs: Record<string, Partial<VmSpec>> = { db: {}, app: { requires: ["db"] }, web: { after: ["app"] } };
  for (const [name, spec] of Object.entries(specs)) map.run(name, "n1", { stopGraceMs: 2000, ...spec });
  return map;
}

function waitMs(order: StopOrder, map: SampleMap, name: string, nowMs: number): number {
  return order.waitMs(map.vm(name), map.state.list("Vm") as Vm[], nowMs);
}

test("StopOrder lets a VM wait for those that name it and are to stop too, the last of them first", () => {
  const [map, order] = [stack(), new StopOrder()];
  for (const name of ["db", "app", "web"]) map.do({ type: "delete-vm", name });
  expect(waitMs(order, map, "web", 0)).toBe(0);
  expect(waitMs(order, map, "app", 0)).toBeGreaterThan(0);
  expect(waitMs(order, map, "db", 0)).toBeGreaterThan(0);
  map.stop("web");
  expect(waitMs(order, map, "app", 1000)).toBe(2000 + SLACK_MS);
  map.release("web");
  expect(waitMs(order, map, "app", 1000)).toBe(0);
  expect(waitMs(order, map, "db", 1000)).toBeGreaterThan(0);
  map.stop("app");
  map.release("app");
  expect(waitMs(order, map, "db", 1000)).toBe(0);
});

test("StopOrder waits for no dependent that hangs for longer than its grace allows", () => {
  const [map, order] = [stack(), new StopOrder()];
  for (const name of ["db", "app"]) map.do({ type: "set-running", name, running: false });
  map.stop("app");
  expect(waitMs(order, map, "db", 100)).toBe(2000 + SLACK_MS);
  expect(waitMs(order, map, "db", 100 + 2000 + SLACK_MS)).toBeLessThanOrEqual(0);
});

test("StopOrder stops what others require when they go on, after a moment in which they might be stopped too", () => {
  const [map, order] = [stack(), new StopOrder()];
  map.do({ type: "delete-vm", name: "db" });
  expect(waitMs(order, map, "db", 100)).toBe(GATHER_MS);
  expect(waitMs(order, map, "db", 100 + GATHER_MS)).toBeLessThanOrEqual(0);
});
