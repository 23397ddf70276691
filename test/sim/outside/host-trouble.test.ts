/** A host in trouble: what its node is told, and what runs on it. */
import { beforeEach, expect, test } from "vitest";
import { createRandom, type InstanceEvent, type InstanceLaunch } from "../../../runtime/index.ts";
import { Host } from "../../../sim/outside/host.ts";
import { SimulatedHypervisor } from "../../../sim/outside/hypervisor.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { ProcessLife } from "../../../sim/timeline/process-life.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";
import { HostClock } from "../../../sim/timeline/virtual-clock.ts";

let timeline: Timeline;
let host: Host;
let hypervisor: SimulatedHypervisor;
let told: string[];

beforeEach(() => {
  const random = createRandom(7);
  timeline = new Timeline(random.fork(), new EventLog({ linesKept: 10 }));
  host = new Host({
    index: 0,
    clock: new HostClock(timeline, random.fork(), false),
    timeline,
    random,
    weather: { spawnMaxUs: 5000, bootMinUs: 1_000_000, bootMaxUs: 2_000_000, startFailures: 0, deafness: 0 },
    watcher: { onGuestStarted: () => {}, onGuestEnded: () => {} },
  });
  hypervisor = new SimulatedHypervisor(host, new ProcessLife(1));
  told = [];
  hypervisor.onEvent((event: InstanceEvent) => void told.push(event.type));
});

const LAUNCH: InstanceLaunch = {
  ...{ instance: "web-1", vm: "web", node: "n1", vcpus: 1, memoryMiB: 64, image: "base" },
  ...{ command: [], env: {}, files: [], ports: [], leaseUntilMs: 1e12 },
};

function pass(seconds: number): void {
  timeline.run(timeline.nowUs + seconds * 1_000_000);
}

function start(): void {
  hypervisor.start(LAUNCH, (result) => void told.push(result.ok ? "started" : `${result.code}: ${result.message}`));
  pass(10);
}

test("a host that refuses starts says why, until the trouble is over", () => {
  host.troubles.begin("refused");
  start();
  expect(told).toEqual(['image-missing: Cannot start VM "web": image "base" is not on this host']);
  host.troubles.end("refused");
  start();
  expect(told.slice(1)).toEqual(["started", "booted", "heartbeat"]);
  expect(host.troubles.met.refused).toBe(1);
});

test("without control sockets what starts is ended, and what runs is not heard of and ended after its grace", () => {
  start();
  host.troubles.begin("socket-lost");
  pass(20);
  expect(told).toEqual(["started", "booted", "heartbeat"]);
  hypervisor.stop("web-1", 3000, (result) => void told.push(`stopped ${result.ok && result.forced}`));
  pass(2);
  expect(host.guests.size).toBe(1);
  pass(2);
  expect(host.guests.size).toBe(0);
  start();
  expect(told.slice(3)).toEqual(["stopped true", 'failed: Cannot start VM "web": its control socket does not answer']);
  expect(host.guests.size).toBe(0);
});

test("guests hang in their boot, or take many times as long", () => {
  host.troubles.begin("hung-boot");
  start();
  pass(100);
  expect(told).toEqual(["started"]);
  hypervisor.stop("web-1", 0, () => {});
  pass(1);
  host.troubles.end("hung-boot");
  host.troubles.begin("slow-boot");
  start();
  expect(told).toEqual(["started", "started"]);
  pass(40);
  expect(told.slice(2)).toContain("booted");
});

test("a build that fails says so; one that is slow starts its guest under the lease as it is by then", () => {
  host.troubles.begin("build-failed");
  start();
  expect(told).toEqual(['build-failed: Cannot start VM "web": its system does not build']);
  host.troubles.end("build-failed");
  host.troubles.begin("slow-build");
  const soonMs = host.clock.monotonicMs() + 5000;
  hypervisor.start(
    { ...LAUNCH, leaseUntilMs: soonMs },
    (result) => void told.push(result.ok ? "started" : result.code),
  );
  pass(4);
  hypervisor.extendLease(["web-1"], soonMs + 60_000);
  pass(30);
  expect(told.slice(1)).toEqual([]);
  host.troubles.end("slow-build");
  pass(10);
  expect(told.slice(1)).toEqual(["started", "booted", "heartbeat"]);
});

test("a slow build whose lease nobody extends starts nothing", () => {
  host.troubles.begin("slow-build");
  const leaseUntilMs = host.clock.monotonicMs() + 5000;
  hypervisor.start({ ...LAUNCH, leaseUntilMs }, (result) => void told.push(result.ok ? "started" : result.message));
  pass(200);
  expect(told).toEqual(["The lease is over"]);
});
