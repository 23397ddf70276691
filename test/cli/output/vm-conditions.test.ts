import { expect, test } from "vitest";
import type { Event, Vm } from "../../../actors/index.ts";
import { conditionsOf } from "../../../cli/output/vm-conditions.ts";
import { eventAbout, running, vmNamed } from "../fake-cluster.ts";

const HEALTH = {
  type: "tcp",
  port: 80,
  path: "/",
  intervalMs: 1000,
  timeoutMs: 1000,
  failuresMax: 3,
  startMs: 0,
} as const;

const CHECKED: Partial<Vm["spec"]> = { health: HEALTH, ports: [{ name: "http", guest: 80 }] };

function at(reason: string, version: number, atMs: number, vm = "web"): Event {
  const event = eventAbout(vm, reason, version);
  return { ...event, spec: { ...event.spec, atMs } };
}

/** In a line each: "Started yes 300". */
function shown(vm: Vm, events: readonly Event[]): readonly string[] {
  return conditionsOf(vm, events).map(({ name, holds, sinceMs, why }) =>
    [name, holds, sinceMs ?? "-", why].join(" ").trim(),
  );
}

test("conditionsOf() tells since when each holds, of this instance, of this VM", () => {
  const vm = running(vmNamed("web", CHECKED));
  const events = [
    at("Healthy", 3, 50),
    at("Scheduled", 5, 100),
    at("Started", 6, 200),
    at("Started", 7, 250, "db"),
    at("Healthy", 9, 400),
    at("Unhealthy", 8, 300),
  ];
  expect(shown(vm, events)).toEqual([
    "Scheduled yes 100 on node n1",
    "Started yes 200",
    "Healthy yes 400",
    "Paused no -",
    "Migrating no -",
  ]);
  expect(shown(vm, events.slice(0, 2))).toContain("Healthy yes -");
});

test("conditionsOf() gives the reason of what does not hold", () => {
  const vm = vmNamed("web", CHECKED);
  const status = { ...vm.status, sinceMs: 70, message: 'no node has room: "n1" has 96 MiB' };
  expect(shown({ ...vm, status }, [])).toEqual([
    'Scheduled no 70 no node has room: "n1" has 96 MiB',
    "Started no 70 it is Pending",
    "Healthy unknown 70 nobody asks while it is Pending",
    "Paused no -",
    "Migrating no -",
  ]);
  const up = running(vm);
  const crashed = { ...up.status, phase: "Crashed" as const, message: "it ended with status 1", sinceMs: 90 };
  expect(shown({ ...up, status: crashed }, [])).toContain("Started no 90 it ended with status 1");
  expect(shown(running(vmNamed("web")), [])).toContain("Healthy unknown - it has no health check");
});

test("conditionsOf() tells a wish from what is so", () => {
  const vm = running(vmNamed("web"));
  const wished: Vm = { ...vm, status: { ...vm.status, instance: { ...vm.status.instance!, paused: true } } };
  const events = [at("Pausing", 8, 500)];
  expect(shown(wished, events)).toContain("Paused no 500 it is to stand still");
  expect(shown({ ...wished, status: { ...wished.status, phase: "Paused" } }, events)).toContain("Paused yes 500");
});
