/** Live migrations of modelled hosts over a line that is cut: they wait, and are lost when it stays so. */
import { expect, test } from "vitest";
import { createRandom, type InstanceLaunch, type VerbResult } from "../../../runtime/index.ts";
import { Host } from "../../../sim/outside/host.ts";
import { SimulatedHypervisor } from "../../../sim/outside/hypervisor.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { ProcessLife } from "../../../sim/timeline/process-life.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";
import { HostClock } from "../../../sim/timeline/virtual-clock.ts";

const SECOND_US = 1_000_000;
/** 64 MiB at 16 MiB a second. */
const COPY_US = 4 * SECOND_US;

test.each([
  { cutUs: 0, what: "goes through", ok: true },
  { cutUs: 10 * SECOND_US, what: "waits for a line that is cut for ten seconds", ok: true },
  { cutUs: 40 * SECOND_US, what: "is lost where the line is cut for longer than a connection lasts", ok: false },
])("a migration $what", ({ cutUs, ok }) => {
  const { timeline, line, source, answers, migrate } = twoHosts();
  migrate();
  timeline.run(timeline.nowUs + COPY_US / 2);
  line.isOpen = false;
  timeline.after(cutUs, () => (line.isOpen = true));
  timeline.run(timeline.nowUs + COPY_US + cutUs + 5 * SECOND_US);
  expect(answers.map((answer) => answer.ok)).toEqual([ok]);
  expect(source.guests.get("i")?.stance).toBe(ok ? "still" : "runs");
  expect(source.stalls).toBe(cutUs === 0 ? 0 : 1);
});

test("a guest that stands still for its last pages behind a cut goes nowhere, and its node is answered when time is over", () => {
  const { timeline, line, source, target, answers, migrate } = twoHosts();
  migrate();
  while (source.guests.get("i")?.stance === "runs") timeline.run(timeline.nowUs + 100);
  line.isOpen = false;
  timeline.run(timeline.nowUs + 10 * SECOND_US);
  expect([source.guests.get("i")?.stance, target.guests.get("i")?.stance]).toEqual(["still", "waits"]);
  expect(answers).toEqual([]);
  timeline.run(timeline.nowUs + 50 * SECOND_US);
  expect(answers).toMatchObject([{ ok: false, code: "failed" }]);
  expect(target.guests.get("i")?.stance).toBe("waits");
});

test("what a process was sending when it died is sent no further once another has taken the guest over", () => {
  const { timeline, line, source, target, hosts, lives, migrate } = twoHosts();
  migrate();
  timeline.run(timeline.nowUs + COPY_US / 2);
  line.isOpen = false;
  lives[0]?.end();
  const next = new SimulatedHypervisor(source, new ProcessLife(2), hosts);
  next.adopt("i", source.clock.monotonicMs() + 600_000, () => {});
  timeline.run(timeline.nowUs + SECOND_US);
  line.isOpen = true;
  timeline.run(timeline.nowUs + COPY_US + SECOND_US);
  expect([source.guests.get("i")?.stance, target.guests.get("i")?.stance]).toEqual(["runs", "waits"]);
});

interface TwoHosts {
  readonly timeline: Timeline;
  readonly line: { isOpen: boolean };
  readonly source: Host;
  readonly target: Host;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly lives: readonly ProcessLife[];
  readonly answers: readonly VerbResult[];
  readonly migrate: () => void;
}

/** A guest that runs on one, and waits to be taken over on the other. */
function twoHosts(): TwoHosts {
  const random = createRandom(1);
  const timeline = new Timeline(random.fork(), new EventLog({ linesKept: 100 }));
  const line = { isOpen: true };
  const [source, target] = [0, 1].map(
    (index) =>
      new Host({
        index,
        clock: new HostClock(timeline, random.fork(), false),
        timeline,
        random: random.fork(),
        weather: { spawnMaxUs: 5000, bootMinUs: 5000, bootMaxUs: 50_000, startFailures: 0, deafness: 0 },
        watcher: { onGuestStarted: () => {}, onGuestEnded: () => {} },
        reaches: () => line.isOpen,
      }),
  ) as [Host, Host];
  const hosts = new Map([source, target].map((host) => [`10.0.0.${host.index}`, host]));
  const lives = [new ProcessLife(1), new ProcessLife(1)] as const;
  const [from, to] = [
    new SimulatedHypervisor(source, lives[0], hosts),
    new SimulatedHypervisor(target, lives[1], hosts),
  ];
  const answers: VerbResult[] = [];
  let port = 0;
  from.start(launchOf(source), () => {});
  to.start({ ...launchOf(target), from: { type: "migration", listenAddress: "10.0.0.1" } }, (result) => {
    port = result.ok ? (result.incoming?.port ?? 0) : 0;
  });
  timeline.run(SECOND_US);
  const limits = { bandwidthBytesPerSecond: 16 << 20, downtimeMs: 50, autoConverge: true, timeoutMs: 120_000 };
  const migrate = (): void => {
    const request = { instance: "i", to: { address: "10.0.0.1", port }, limits, onProgress: () => {} };
    from.verbs.migrate(request, (answer) => answers.push(answer));
  };
  return { timeline, line, source, target, hosts, lives, answers, migrate };
}

function launchOf({ clock }: Host): InstanceLaunch {
  const size = { vcpus: 1, memoryMiB: 64, image: "base" };
  const service = { command: [], env: {}, files: [], ports: [] };
  return { instance: "i", vm: "vm", node: "n1", ...size, ...service, leaseUntilMs: clock.monotonicMs() + 600_000 };
}
