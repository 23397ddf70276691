/** The NodeActor's promises: one lease, adoption, self-fencing; on a scripted hypervisor and a scripted replica. */
import { afterEach, expect, test } from "vitest";
import { nodeActor } from "../../../actors/node/node-actor.ts";
import type { Command, ProposeReply, ReplicaRequest, Vm, WatchMessage } from "../../../actors/index.ts";
import { ActorSystem, stateless, type FoundInstance, type Ref } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../runtime/manual-world.ts";
import { sampleVm } from "../vm/sample-vm.ts";
import {
  createScriptedHypervisor,
  NOT_RUNNING,
  STARTED,
  STOPPED,
  type ScriptedHypervisor,
} from "../vm/scripted-hypervisor.ts";

let system: ActorSystem | undefined;
afterEach(() => system?.stop());

interface Proposed {
  readonly command: Command;
  reply(reply: ProposeReply): void;
}

interface Bench {
  readonly world: ManualWorld;
  readonly hypervisor: ScriptedHypervisor;
  readonly proposals: Proposed[];
  /** Takes the oldest proposal of a type and answers that it was applied at `version`. */
  accept(type: Command["type"], version: number): Command;
  refuse(type: Command["type"]): void;
  show(version: number, vm: Vm | null): void;
}

function bench(found: FoundInstance[] = []): Bench {
  const world = createManualWorld();
  const hypervisor = createScriptedHypervisor();
  hypervisor.found = found;
  const proposals: Proposed[] = [];
  let subscriber: Ref<WatchMessage> | undefined;
  const made = ActorSystem.create({ node: "n1", world });
  system = made;
  const replica = made.spawn(
    stateless<ReplicaRequest>("replica", (request, ctx) => {
      if (request.type === "subscribe") subscriber = request.subscriber;
      if (request.type === "propose") {
        proposals.push({ command: request.command, reply: (reply) => ctx.tell(request.replyTo, reply) });
      }
    }),
  );
  const spec = {
    incarnation: "i1",
    address: "127.0.0.1",
    apiUrl: "http://127.0.0.1:1",
    driver: "simulated" as const,
    vcpus: 4,
    memoryMiB: 1024,
    labels: {},
    version: "0",
  };
  const prober = { probe: (): void => {} };
  const logger = { log: (): void => {} };
  made.spawn(
    nodeActor({ name: "n1", spec, hypervisor, prober, logger, replica, lease: { leaseMs: 6000, renewMs: 1500 } }),
  );
  world.settle();

  function take(type: Command["type"]): Proposed {
    world.settle();
    const at = proposals.findIndex((proposal) => proposal.command.type === type);
    if (at < 0) throw new Error(`no ${type} was proposed, only ${proposals.map((p) => p.command.type).join(", ")}`);
    return proposals.splice(at, 1)[0]!;
  }

  return {
    world,
    hypervisor,
    proposals,
    accept(type, version) {
      const { command, reply } = take(type);
      reply({ ok: true, outcome: { ok: true, version, changed: true, resource: null } });
      world.settle();
      return command;
    },
    refuse(type) {
      take(type).reply({ ok: true, outcome: { ok: false, version: 99, code: "stale", message: "another epoch" } });
      world.settle();
    },
    show(version, vm) {
      made.tell(subscriber!, { type: "synced", version, resources: vm === null ? [] : [vm] });
      world.settle();
    },
  };
}

test("a node registers with the guests it found, adopts what is its own and ends the rest", () => {
  const { hypervisor, accept, show } = bench([
    { instance: "web-7", vm: "web", pid: 1 },
    { instance: "old-3", vm: "old", pid: 2 },
  ]);
  expect(accept("register-node", 5)).toMatchObject({ running: ["web-7", "old-3"] });
  expect(hypervisor.calls).toEqual(["list"]);
  show(5, sampleVm({ epoch: 5 }));
  expect(hypervisor.calls).toEqual(["list", "adopt web-7", "stop old-3 0"]);
});

test("nothing is done by a map that does not show the own registration yet", () => {
  const { hypervisor, accept, show } = bench();
  accept("register-node", 5);
  show(4, sampleVm({ epoch: 5 }));
  expect(hypervisor.calls).toEqual(["list"]);
});

test("the lease is renewed, and every renewal moves the guests' deadline to a lease after it was proposed", () => {
  const { hypervisor, accept, show, world } = bench();
  accept("register-node", 5);
  show(5, sampleVm());
  world.advance(1500);
  world.advance(300);
  accept("renew-lease", 6);
  expect(hypervisor.calls.at(-1)).toBe("lease web-7 7500");
});

test("a node that cannot renew ends its guests at the end of the lease, then registers anew", () => {
  const { hypervisor, accept, show, world, proposals } = bench();
  accept("register-node", 5);
  show(5, sampleVm());
  hypervisor.answerAdopt(NOT_RUNNING);
  world.settle();
  hypervisor.answerStart(STARTED);
  world.advance(5999);
  expect(hypervisor.calls.some((call) => call.startsWith("stop"))).toBe(false);
  world.advance(1);
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 0");
  hypervisor.answerStop(STOPPED);
  proposals.length = 0;
  world.settle();
  expect(accept("register-node", 50)).toMatchObject({ running: [] });
});

test("a refused renewal means that the cluster gave the node up: it ends its guests", () => {
  const { hypervisor, accept, refuse, show, world } = bench();
  accept("register-node", 5);
  show(5, sampleVm());
  hypervisor.answerAdopt(STARTED);
  world.advance(1500);
  refuse("renew-lease");
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 0");
});

test("a released instance is never started again, though the map still shows it", () => {
  const { hypervisor, accept, show, world } = bench();
  accept("register-node", 5);
  const vm = sampleVm();
  show(5, vm);
  hypervisor.answerAdopt(STARTED);
  world.settle();
  accept("observe", 6);
  show(7, { ...vm, status: { ...vm.status, instance: { ...vm.status.instance!, stopping: true } } });
  hypervisor.answerStop(STOPPED);
  world.settle();
  accept("observe", 8);
  accept("release", 9);
  const calls = hypervisor.calls.length;
  show(8, vm);
  expect(hypervisor.calls).toHaveLength(calls);
});

test("an unanswered observation is said again, an answered one is not", () => {
  const { accept, show, world, hypervisor, proposals } = bench();
  accept("register-node", 5);
  show(5, sampleVm());
  hypervisor.answerAdopt(STARTED);
  world.settle();
  proposals.find(({ command }) => command.type === "observe")!.reply({ ok: false, code: "no-leader", message: "" });
  world.advance(250);
  expect(proposals.filter(({ command }) => command.type === "observe")).toHaveLength(2);
  accept("observe", 6);
  accept("observe", 7);
  world.advance(1000);
  expect(proposals.filter(({ command }) => command.type === "observe")).toHaveLength(0);
});
