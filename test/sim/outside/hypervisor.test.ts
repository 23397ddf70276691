/** The modelled hypervisor keeps the contract of its port. Its guests know only the few scripts of the contract. */
import { expect, test } from "vitest";
import type { InstanceEvent, InstanceLaunch } from "../../../runtime/index.ts";
import type { GuestProgram } from "../../../sim/outside/guest.ts";
import { Host } from "../../../sim/outside/host.ts";
import { SimulatedHypervisor } from "../../../sim/outside/hypervisor.ts";
import { ProcessLife } from "../../../sim/timeline/process-life.ts";
import { HostClock } from "../../../sim/timeline/virtual-clock.ts";
import { hypervisorContract, type HypervisorHarness } from "../../contract/hypervisor.ts";
import { PumpedWorld } from "../checkers/pumped-world.ts";

const BOOT_MS = 1000;
const LEASE_MS = 120_000;

hypervisorContract(async () => createHarness(), "simulated");

test("a guest that a dead process was stopping ends by itself for the one that has taken it over", async () => {
  const { host, world } = createHost();
  const { first, second, events } = await takenOver(host, world, (hypervisor) => hypervisor.stop("i", 1000, () => {}));
  expect([first.alive, second.alive]).toEqual([false, true]);
  await world.until(() => events.some(({ type }) => type === "exited"));
  expect(host.guests.size).toBe(0);
});

test("a process that dies while it waits for a guest's control socket ends nothing any more", async () => {
  const { host, world } = createHost();
  const { events } = await takenOver(host, world, () => host.troubles.begin("socket-lost"), true);
  await world.pause(20_000);
  expect([host.guests.size, events.filter(({ type }) => type === "exited").length]).toEqual([1, 0]);
});

/** A guest whose process does `last` and dies, and which the next process has adopted. `isBefore`: `last` comes before its start. */
async function takenOver(
  host: Host,
  world: PumpedWorld,
  last: (hypervisor: SimulatedHypervisor) => void,
  isBefore = false,
): Promise<{ first: ProcessLife; second: ProcessLife; events: readonly InstanceEvent[] }> {
  const [first, second] = [new ProcessLife(1), new ProcessLife(2)];
  const before = new SimulatedHypervisor(host, first);
  if (isBefore) last(before);
  before.start(launchOf("i", host.clock.monotonicMs() + LEASE_MS), () => {});
  await world.until(() => host.guests.size === 1);
  if (!isBefore) {
    await world.until(() => host.guests.get("i")?.booted === true);
    last(before);
  }
  first.end();
  const events: InstanceEvent[] = [];
  const after = new SimulatedHypervisor(host, second);
  after.onEvent((event) => events.push(event));
  let isAdopted = false;
  after.adopt("i", host.clock.monotonicMs() + LEASE_MS, ({ ok }) => (isAdopted = ok));
  await world.until(() => isAdopted);
  return { first, second, events };
}

function launchOf(instance: string, leaseUntilMs: number): InstanceLaunch {
  const size = { vcpus: 1, memoryMiB: 64, image: "base" };
  const service = { command: [], env: {}, files: [], ports: [] };
  return { instance, vm: "vm", node: "n1", ...size, ...service, leaseUntilMs };
}

function createHost(): { readonly host: Host; readonly world: PumpedWorld } {
  const world = new PumpedWorld(3);
  const { timeline, random } = world;
  const clock = new HostClock(timeline, random, true);
  const host = new Host({
    index: 0,
    clock,
    timeline,
    random,
    weather: { spawnMaxUs: 5000, bootMinUs: 5000, bootMaxUs: 50_000, startFailures: 0, deafness: 0 },
    watcher: { onGuestStarted: () => {}, onGuestEnded: () => {} },
    programOf,
  });
  return { host, world };
}

function createHarness(): HypervisorHarness {
  const { host, world } = createHost();
  const { clock } = host;
  const lives = new Map<object, ProcessLife>();
  let started = 0;
  const open = (): SimulatedHypervisor => {
    const life = new ProcessLife(++started);
    const hypervisor = new SimulatedHypervisor(host, life);
    lives.set(hypervisor, life);
    return hypervisor;
  };
  const guestOf = (pid: number): ReturnType<typeof host.guests.get> =>
    [...host.guests.values()].find((guest) => guest.pid === pid);
  let nextPort = 20_000;
  return {
    name: "simulated",
    movesElsewhere:
      "modelled hosts send guests to other hosts only, and some of them fail: the simulated clusters move VMs",
    bootMs: BOOT_MS,
    shortLeaseMs: BOOT_MS,
    open,
    close: (hypervisor) => lives.get(hypervisor)?.end(),
    startAndDie: async (launch) => {
      const hypervisor = open();
      let booted = false;
      hypervisor.onEvent((event) => (booted ||= event.type === "booted"));
      hypervisor.start(launch, () => {});
      await world.until(() => booted);
      lives.get(hypervisor)?.end();
    },
    now: () => clock.monotonicMs(),
    freePort: async () => nextPort++,
    occupy: async (port) => {
      host.occupiedPorts.add(port);
      return async () => void host.occupiedPorts.delete(port);
    },
    isAlive: (pid) => guestOf(pid) !== undefined,
    kill: (pid) => {
      const guest = guestOf(pid);
      if (guest !== undefined) host.end(guest, "crash", "killed");
    },
    pause: (durationMs) => world.pause(durationMs),
    cleanUp: async () => {
      for (const guest of host.guests.values()) host.end(guest);
    },
  };
}

function programOf({ command, env, files, vm, instance, node }: InstanceLaunch): GuestProgram {
  const script = command[2] ?? "";
  if (script.includes("count $i")) {
    return { says: Array.from({ length: 3000 }, (_, at) => ({ afterMs: 100 * at, line: `count ${at + 1}` })) };
  }
  if (script.includes("$i")) {
    return { says: Array.from({ length: 100 }, (_, at) => ({ afterMs: 100 * (at + 1), line: `line ${at + 1}` })) };
  }
  const ticks = /while :; do echo ([a-z]+); sleep 0\.1/.exec(script)?.[1];
  if (ticks !== undefined) {
    return { says: Array.from({ length: 300 }, (_, at) => ({ afterMs: 100 * at + 1, line: ticks })) };
  }
  const echoed = script.includes("$BLIXARD_ROOT")
    ? [files[0]?.content.trimEnd() ?? "", env.GREETING ?? "", `${vm} ${instance} ${node}`]
    : [...script.matchAll(/echo ([a-z ]+)/g)].map(([, text]) => (text ?? "").trim());
  const code = /exit (\d+)/.exec(script)?.[1];
  return {
    says: echoed.map((line, at) => ({ afterMs: at + 1, line })),
    deaf: script.includes("trap ''"),
    ...(code !== undefined && { exits: { afterMs: 10, code: Number(code) } }),
  };
}
