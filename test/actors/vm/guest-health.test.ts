/** Health checks in the guest: by a command, and by its heartbeat. Those by ports stand in `vm-actor.test.ts`. */
import { afterEach, expect, test } from "vitest";
import { vmActor } from "../../../actors/vm/vm-actor.ts";
import type { VmMessage, VmReport } from "../../../actors/vm/vm-message.ts";
import type { VmHealth } from "../../../actors/index.ts";
import { ActorSystem, stateless, type ProbeResult, type ProbeTarget } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";
import { sampleVm } from "./sample-vm.ts";
import { createScriptedHypervisor, NOT_RUNNING, STARTED, type ScriptedHypervisor } from "./scripted-hypervisor.ts";

let system: ActorSystem | undefined;
afterEach(() => system?.stop());

interface Bench {
  readonly world: ManualWorld;
  readonly hypervisor: ScriptedHypervisor;
  readonly asked: { readonly target: ProbeTarget; readonly answer: (result: ProbeResult) => void }[];
  tell(message: VmMessage): void;
  beat(): void;
  /** What the map was told last. */
  last(): string;
}

/** A guest that has just booted. */
function booted(health: VmHealth): Bench {
  const world = createManualWorld();
  const hypervisor = createScriptedHypervisor({});
  const reports: VmReport[] = [];
  const asked: Bench["asked"] = [];
  const made = ActorSystem.create({ node: "n1", world });
  system = made;
  const parent = made.spawn(stateless<VmReport>("parent", (report) => void reports.push(report)));
  const vm = sampleVm({ spec: { health } });
  const options = {
    ...{ vm, instance: vm.status.instance!, leaseUntilMs: 1_000_000, hypervisor, hostAddress: "127.0.0.1", parent },
    wish: { role: "own", paused: false, migration: null } as const,
    prober: {
      probe: (target: ProbeTarget, answer: (result: ProbeResult) => void): void => void asked.push({ target, answer }),
    },
  };
  const ref = made.spawn(vmActor(options), { name: "web-7" });
  const tell = (message: VmMessage): void => {
    made.tell(ref, message);
    world.settle();
  };
  world.settle();
  hypervisor.answerAdopt(NOT_RUNNING);
  world.settle();
  hypervisor.answerStart(STARTED);
  tell({ type: "instance-event", event: { type: "booted", instance: "web-7", bootMs: 900 } });
  return {
    ...{ world, hypervisor, asked, tell },
    beat: () => tell({ type: "instance-event", event: { type: "heartbeat", instance: "web-7" } }),
    last: () => {
      world.settle();
      const report = reports.at(-1);
      return report?.type === "vm-observed" ? `${report.observation.phase} ${report.observation.health}` : "nothing";
    },
  };
}

const BEATS: VmHealth = { type: "heartbeat", intervalMs: 3000, failuresMax: 2, startMs: 0 };

test("a check by exec asks for its command in the instance, and fails as one by a port does", () => {
  const { asked, last, world } = booted({
    ...{ type: "exec", command: ["/bin/check"], intervalMs: 5000, timeoutMs: 2000, failuresMax: 2, startMs: 60_000 },
  });
  world.advance(0);
  expect(asked.map(({ target }) => target)).toEqual([
    { kind: "exec", instance: "web-7", command: ["/bin/check"], timeoutMs: 2000 },
  ]);
  asked.shift()!.answer({ ok: true });
  expect(last()).toBe("Running healthy");
  for (const phase of ["Running healthy", "Crashed unknown"]) {
    world.advance(5000);
    asked.shift()!.answer({ ok: false, message: "status 1" });
    expect(last()).toBe(phase);
  }
});

test("a heartbeat is healthy at once, and so many intervals without one are not", () => {
  const { beat, last, world, hypervisor } = booted(BEATS);
  expect(last()).toBe("Running unknown");
  beat();
  expect(last()).toBe("Running healthy");
  for (let seconds = 0; seconds < 20; seconds++) {
    world.advance(1000);
    beat();
  }
  world.advance(5999);
  expect(last()).toBe("Running healthy");
  // One beat, and the count begins anew.
  beat();
  world.advance(5999);
  expect(last()).toBe("Running healthy");
  world.advance(1);
  expect(last()).toBe("Crashed unknown");
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 0");
});

test("a guest that never beats has its start and no longer", () => {
  const { last, world } = booted({ ...BEATS, startMs: 10_000 });
  world.advance(14_999);
  expect(last()).toBe("Running unknown");
  world.advance(1);
  expect(last()).toBe("Crashed unknown");
});

test("a guest that stood still is not blamed for the time in which it did", () => {
  const { beat, tell, last, world, hypervisor } = booted(BEATS);
  beat();
  tell({ type: "wish", wish: { role: "own", paused: true, migration: null } });
  hypervisor.answerTurn();
  world.advance(60_000);
  expect(last()).toBe("Paused unknown");
  tell({ type: "wish", wish: { role: "own", paused: false, migration: null } });
  hypervisor.answerTurn();
  world.advance(5999);
  expect(last()).toBe("Running healthy");
  world.advance(1);
  expect(last()).toBe("Crashed unknown");
});
