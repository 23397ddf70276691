/** A move by stop and start in the map: when the instance at the target begins, what ends the move, and what is refused; and the time of all moves. */
import { expect, test } from "vitest";
import type { Outcome, VmSpec } from "../../../actors/index.ts";
import { LIMITS, SampleMap } from "./sample-map.ts";

function said(outcome: Outcome): string {
  return outcome.ok ? "ok" : `${outcome.code}: ${outcome.message}`;
}

function moving(spec: Partial<VmSpec> = {}): SampleMap {
  const map = SampleMap.ofMovers("n1", "n2", "n3");
  map.run("web", "n1", { memoryMiB: 512, ...spec });
  expect(said(map.do({ type: "move-vm", name: "web", target: "n2", timeoutMs: 60_000 }))).toBe("ok");
  return map;
}

test("move-vm has the guest stopped, and its end is the beginning of another one at the target", () => {
  const map = moving();
  const { instance } = map.vm("web").status;
  expect(map.vm("web").status).toMatchObject({ phase: "Stopping", migration: { node: "n2", phase: "stopping" } });
  expect(instance).toMatchObject({ node: "n1", stopping: true });
  map.create("big", { memoryMiB: 600 });
  expect(said(map.place("big", "n2"))).toContain("has 512 MiB free, wants 600 MiB");
  map.release("web");
  const { status } = map.vm("web");
  expect(status).toMatchObject({ phase: "Starting", instance: { node: "n2", stopping: false } });
  expect(status.instance?.id).not.toBe(instance?.id);
  expect(status.migration).toBeUndefined();
  expect(status.lastMigration).toMatchObject({ from: "n1", to: "n2", outcome: "moved", cold: true });
  expect(status.lastInstance).toEqual({ id: instance?.id, node: "n1" });
  expect(said(map.place("big", "n1"))).toBe("ok");
});

test("move-vm arrives though its source dies, and goes wherever there is room when its target does", () => {
  const lost = moving();
  const { epoch, renewedAt } = lost.node("n1").status;
  lost.do({ type: "expire-lease", node: "n1", epoch, renewedAt });
  expect(lost.vm("web").status).toMatchObject({ phase: "Starting", instance: { node: "n2" } });
  const orphan = moving();
  const target = orphan.node("n2").status;
  orphan.do({ type: "expire-lease", node: "n2", epoch: target.epoch, renewedAt: target.renewedAt });
  expect(orphan.vm("web").status).toMatchObject({ phase: "Stopping", lastMigration: { outcome: "ended", cold: true } });
  orphan.release("web");
  expect(orphan.vm("web").status).toMatchObject({ phase: "Pending", instance: null });
});

test("move-vm goes on when its source registers anew with the guest, and not against a new wish", () => {
  const map = moving();
  map.join("n1", {}, [map.held("web").instance]);
  expect(map.vm("web").status).toMatchObject({ migration: { phase: "stopping" }, instance: { node: "n1" } });
  map.release("web");
  expect(map.vm("web").status).toMatchObject({ instance: { node: "n2" } });
  const stopped = moving();
  stopped.do({ type: "set-running", name: "web", running: false });
  stopped.release("web");
  expect(stopped.vm("web").status).toMatchObject({ phase: "Stopped", instance: null });
  const completed = moving({ restart: "never" });
  completed.release("web", "Completed");
  expect(completed.vm("web").status).toMatchObject({ phase: "Completed", instance: null });
});

test("move-vm refuses by name, and needs less than migrate-vm, which points to it", () => {
  const map = SampleMap.ofMovers("n1", "n2");
  map.join("n3");
  map.run("web", "n1", { memoryMiB: 512 });
  const move = (name: string, target: string): string =>
    said(map.do({ type: "move-vm", name, target, timeoutMs: 60_000 }));
  expect(said(map.migrate("web", "n3"))).toBe(
    'invalid: Cannot migrate VM "web" to node "n3": node "n3" does not say what its hypervisor can do; upgrade it; ' +
      'with "--cold" it moves by stop and start',
  );
  expect(move("web", "n1")).toContain("it runs there already");
  expect(move("web", "n9")).toBe('not-found: Cannot move VM "web" to node "n9": there is no such node');
  map.run("store", "n1", { disks: [{ name: "data", sizeMiB: 64, readOnly: false }] });
  expect(move("store", "n2")).toContain('its disk "data" is on its node alone');
  expect(said(map.migrate("store", "n2"))).not.toContain("--cold");
  map.run("big", "n2", { memoryMiB: 800 });
  expect(move("web", "n2")).toContain("has 224 MiB free, wants 512 MiB");
  map.observe("web", { phase: "Crashed" });
  expect(move("web", "n3")).toBe("ok");
});

test("migrate-vm points to no move by stop and start below the level at which there is one", () => {
  const map = new SampleMap();
  map.do({ type: "raise-level", to: 3 });
  for (const node of ["n1", "n2"]) map.join(node);
  map.run("web", "n1");
  expect(said(map.migrate("web", "n2"))).toMatch(/^invalid: .*upgrade it$/);
});

test("advance-time ends a migration whose nodes say nothing, not before its own time-out, and gives its room back", () => {
  for (const how of ["live", "cold"] as const) {
    const map = SampleMap.ofMovers("n1", "n2");
    map.do({ type: "advance-time", toMs: 100_000 });
    map.run("web", "n1", { memoryMiB: 512 });
    if (how === "live") map.migrate("web", "n2");
    else map.do({ type: "move-vm", name: "web", target: "n2", timeoutMs: LIMITS.timeoutMs });
    map.do({ type: "advance-time", toMs: 100_000 + LIMITS.timeoutMs + 10_000 });
    expect(map.vm("web").status.migration).toBeDefined();
    map.do({ type: "advance-time", toMs: 100_000 + LIMITS.timeoutMs + 30_000 });
    expect(map.vm("web").status.lastMigration).toMatchObject({ outcome: "ended" });
    expect(map.vm("web").status.migration).toBeUndefined();
    expect(map.reasons().at(-1)).toBe("MigrationEnded");
    map.create("big", { memoryMiB: 1024 });
    expect(said(map.place("big", "n2"))).toBe("ok");
  }
});
