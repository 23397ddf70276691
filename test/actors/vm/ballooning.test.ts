/** The VmActor and its guest's balloon. */
import { afterEach, expect, test } from "vitest";
import { vmActor } from "../../../actors/vm/vm-actor.ts";
import type { VmMessage, VmReport, Wish } from "../../../actors/vm/vm-message.ts";
import { ActorSystem, stateless, type VerbResult } from "../../../runtime/index.ts";
import { createManualWorld } from "../../../runtime/testkit/index.ts";
import { sampleVm } from "./sample-vm.ts";
import { createScriptedHypervisor, NOT_RUNNING, STARTED } from "./scripted-hypervisor.ts";

let system: ActorSystem | undefined;
afterEach(() => system?.stop());

const OWN: Wish = { role: "own", paused: false, migration: null };
const REFUSED: VerbResult = { ok: false, code: "failed", message: "it said no" };

function bench(wish: Wish) {
  const world = createManualWorld();
  const hypervisor = createScriptedHypervisor();
  const asked: { readonly memoryMiB: number; readonly done: (result: VerbResult) => void }[] = [];
  const verbs = {
    ...hypervisor.verbs,
    setBalloon: (_: string, memoryMiB: number, done: (result: VerbResult) => void) =>
      void asked.push({ memoryMiB, done }),
  };
  const messages: string[] = [];
  const made = ActorSystem.create({ node: "n1", world });
  system = made;
  const parent = made.spawn(
    stateless<VmReport>("parent", (report) => {
      if (report.type === "vm-observed") messages.push(report.observation.message);
    }),
  );
  const vm = sampleVm({ spec: { balloon: true } });
  const options = { vm, instance: vm.status.instance!, wish, leaseUntilMs: 60_000, hostAddress: "127.0.0.1", parent };
  const prober = { probe: () => {} };
  const ref = made.spawn(vmActor({ ...options, prober, hypervisor: { ...hypervisor, verbs } }), { name: "web-7" });
  hypervisor.onEvent((event) => made.tell(ref, { type: "instance-event", event }));
  const tell = (message: VmMessage): void => {
    made.tell(ref, message);
    world.settle();
  };
  const boot = (): void => {
    hypervisor.answerStart(STARTED);
    hypervisor.emit({ type: "booted", instance: "web-7", bootMs: 900 });
    world.settle();
  };
  const answer = (result: VerbResult): void => {
    asked.at(-1)?.done(result);
    world.settle();
  };
  world.settle();
  return { world, hypervisor, messages, tell, boot, answer, sizes: () => asked.map(({ memoryMiB }) => memoryMiB) };
}

test("a guest of which nothing was ever wanted is left as it was started, with the balloon that its spec asks for", () => {
  const { hypervisor, world, boot, sizes } = bench(OWN);
  hypervisor.answerAdopt(NOT_RUNNING);
  world.settle();
  boot();
  expect(hypervisor.launches[0]).toMatchObject({ balloon: true });
  expect(sizes()).toEqual([]);
});

test("what is wanted is asked once it runs, one call at a time, and again of the next guest", () => {
  const { hypervisor, world, boot, sizes, tell, answer } = bench({ ...OWN, balloonMiB: 64 });
  hypervisor.answerAdopt(NOT_RUNNING);
  world.settle();
  expect(sizes()).toEqual([]);
  boot();
  expect(sizes()).toEqual([64]);
  tell({ type: "wish", wish: { ...OWN, balloonMiB: 96 } });
  expect(sizes()).toEqual([64]);
  answer({ ok: true });
  expect(sizes()).toEqual([64, 96]);
  answer({ ok: true });
  tell({ type: "wish", wish: { ...OWN, balloonMiB: 96 } });
  expect(sizes()).toEqual([64, 96]);
  hypervisor.emit({ type: "exited", instance: "web-7", reason: "crash", detail: "it fell over" });
  world.settle();
  hypervisor.answerStop({ ok: true, forced: false });
  world.settle();
  world.advance(5000);
  boot();
  expect(sizes()).toEqual([64, 96, 96]);
});

test("a guest that was found is asked again, for nobody knows what it has", () => {
  const { hypervisor, world, sizes } = bench({ ...OWN, balloonMiB: 64 });
  hypervisor.answerAdopt(STARTED);
  world.settle();
  expect(sizes()).toEqual([64]);
});

test("a refusal is told, and tried again until it is so", () => {
  const { hypervisor, world, sizes, answer, messages } = bench({ ...OWN, balloonMiB: 64 });
  hypervisor.answerAdopt(STARTED);
  world.settle();
  answer(REFUSED);
  expect(messages.at(-1)).toBe("Cannot set the balloon: it said no");
  expect(sizes()).toEqual([64]);
  world.advance(2000);
  world.settle();
  expect(sizes()).toEqual([64, 64]);
  answer({ ok: true });
  expect(messages.at(-1)).toBe("");
});
