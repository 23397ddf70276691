/** What a NodeActor makes of migrations that the map shows: copies without the right to run, given and taken away by the map alone. */
import { afterEach, expect, test } from "vitest";
import { NODE_SPAWN_OPTIONS, nodeActor } from "../../../actors/node/node-actor.ts";
import type { Command, ProposeReply, ReplicaRequest, Vm, WatchMessage } from "../../../actors/index.ts";
import { ActorSystem, stateless, type Ref } from "../../../runtime/index.ts";
import { createManualWorld } from "../../../runtime/testkit/index.ts";
import { LIMITS, nodeSpec } from "../cluster/sample-map.ts";
import { sampleVm } from "../vm/sample-vm.ts";
import { createScriptedHypervisor, STOPPED, type ScriptedHypervisor } from "../vm/scripted-hypervisor.ts";

let system: ActorSystem | undefined;
afterEach(() => system?.stop());

interface Bench {
  readonly hypervisor: ScriptedHypervisor;
  /** Calls since the last time, renewals of guards left out. */
  calls(): string[];
  /** Answers the oldest proposal of that type. */
  answer(type: Command["type"], ok?: boolean): Command;
  show(version: number, vm: Vm): void;
}

/** Node n1, registered at 5. */
function bench(): Bench {
  const world = createManualWorld();
  const hypervisor = createScriptedHypervisor({});
  const proposals: { readonly command: Command; reply(reply: ProposeReply): void }[] = [];
  let subscriber: Ref<WatchMessage> | undefined;
  const made = ActorSystem.create({ node: "n1", world });
  system = made;
  const replica = made.spawn(
    stateless<ReplicaRequest>("replica", (request, ctx) => {
      if (request.type === "subscribe") subscriber = request.subscriber;
      if (request.type !== "propose") return;
      proposals.push({ command: request.command, reply: (reply) => ctx.tell(request.replyTo, reply) });
    }),
  );
  const about = { name: "n1", spec: nodeSpec(), prober: { probe: () => undefined }, logger: { log: () => undefined } };
  const lease = { leaseMs: 600_000, renewMs: 300_000 };
  made.spawn(nodeActor({ ...about, hypervisor, replica, lease }), NODE_SPAWN_OPTIONS);
  world.settle();
  const answer = (type: Command["type"], ok = true): Command => {
    world.settle();
    const at = proposals.findIndex(({ command }) => command.type === type);
    const found = proposals.splice(at, 1)[0];
    if (at < 0 || found === undefined) throw new Error(`no ${type} was proposed`);
    const refusal = { ok: false, version: 5, code: "stale", message: "it is over" } as const;
    const outcome = ok ? ({ ok: true, version: 5, changed: true, resource: null } as const) : refusal;
    found.reply({ ok: true, outcome });
    world.settle();
    return found.command;
  };
  answer("register-node");
  hypervisor.calls.splice(0);
  return {
    hypervisor,
    answer,
    calls: () => {
      world.settle();
      return hypervisor.calls.splice(0);
    },
    show: (version, vm) => {
      made.tell(subscriber!, { type: "synced", version, resources: [vm] });
      world.settle();
    },
  };
}

const own = sampleVm({ epoch: 5 });

function elsewhere(): Vm {
  return { ...own, status: { ...own.status, instance: { ...own.status.instance!, node: "n2", epoch: 6 } } };
}

function coming(id: string): Vm {
  const migration = { id, node: "n1", epoch: 5, phase: "preparing", limits: LIMITS, startedAtMs: 0 } as const;
  const vm = elsewhere();
  return { ...vm, status: { ...vm.status, migration } };
}

/** All of a guest has come by that migration. */
function arrived(made: Bench, version: number, id: string): void {
  made.show(version, coming(id));
  expect(made.calls()).toEqual(["start web-7"]);
  made.hypervisor.answerStart({ ok: true, pid: 1, incoming: { address: "10.0.0.1", port: 4000 } });
  expect(made.answer("migration-ready")).toMatchObject({ node: "n1", epoch: 5, vm: "web", migration: id });
  made.hypervisor.emit({ type: "arrived", instance: "web-7" });
}

test("a node that is the target of a migration takes the guest over by its own word, and reports it from then on", () => {
  const made = bench();
  arrived(made, 6, "m1");
  expect(made.calls()).toEqual([]);
  expect(made.answer("take-over")).toMatchObject({ node: "n1", epoch: 5, migration: "m1" });
  expect(made.calls()).toEqual(["resume web-7"]);
  made.show(7, own);
  made.hypervisor.answerTurn();
  expect(made.answer("observe")).toMatchObject({ instance: "web-7", observation: { phase: "Running" } });
  expect(made.calls()).toEqual([]);
});

test("a copy that the map does not name any more is ended, and its node says nothing of it", () => {
  const made = bench();
  arrived(made, 6, "m1");
  made.show(7, elsewhere());
  expect(made.calls()).toEqual(["stop web-7 0"]);
  // Whatever is answered now comes too late.
  made.answer("take-over", false);
  made.hypervisor.answerStop(STOPPED);
  expect(made.calls()).toEqual([]);
  expect(() => made.answer("release")).toThrow("no release was proposed");
});

test("an instance that left comes back by another migration only when nothing of what it was here is left", () => {
  const made = bench();
  made.show(6, own);
  made.hypervisor.answerAdopt({ ok: true, pid: 1 });
  expect(made.calls()).toEqual(["adopt web-7", "resume web-7"]);
  // It has moved away, and is on its way back, before its copy here has ended.
  made.show(7, elsewhere());
  made.show(8, coming("m2"));
  expect(made.calls()).toEqual(["stop web-7 0"]);
  made.hypervisor.answerStop(STOPPED);
  arrived(made, 8, "m2");
  made.answer("take-over");
  made.show(9, own);
  expect(made.calls()).toEqual(["resume web-7"]);
});

test("a copy by a migration that is over makes room for that of the next one", () => {
  const made = bench();
  arrived(made, 6, "m1");
  made.show(7, coming("m2"));
  expect(made.calls()).toEqual(["stop web-7 0"]);
  made.hypervisor.answerStop(STOPPED);
  arrived(made, 7, "m2");
});
