/** The NodeActor's promises: one lease, adoption, self-fencing; on a scripted hypervisor and a scripted replica. */
import { afterEach, expect, test } from "vitest";
import { NODE_SPAWN_OPTIONS, nodeActor } from "../../../actors/node/node-actor.ts";
import type { Change, Command, Node, ProposeReply, ReplicaRequest, Vm, WatchMessage } from "../../../actors/index.ts";
import { ActorSystem, stateless, type FoundInstance, type Ref } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";
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
  /** Errors that ended the node. */
  readonly failures: unknown[];
  /** Takes the oldest proposal of a type and answers that it was applied at `version`. */
  accept(type: Command["type"], version: number): Command;
  refuse(type: Command["type"]): void;
  show(version: number, vm: Vm | null): void;
  /** As `show`, as a change of what was shown. */
  change(version: number, change: Change): void;
}

function bench(found: FoundInstance[] = []): Bench {
  const world = createManualWorld();
  const hypervisor = createScriptedHypervisor();
  hypervisor.found = found;
  const proposals: Proposed[] = [];
  let subscriber: Ref<WatchMessage> | undefined;
  const failures: unknown[] = [];
  const made = ActorSystem.create({ node: "n1", world, onFailure: (_, error) => failures.push(error) });
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
    NODE_SPAWN_OPTIONS,
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
    failures,
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
    change(version, change) {
      made.tell(subscriber!, { type: "changes", version, changes: [change] });
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

test("what is kept of instances goes when the map has none of them here, and not by a map from before the own registration", () => {
  const { hypervisor, accept, show } = bench();
  const kept: (readonly string[])[] = [];
  Object.assign(hypervisor, { keepOnly: (instances: readonly string[]) => kept.push(instances) });
  accept("register-node", 5);
  show(4, null);
  expect(kept).toEqual([]);
  show(5, sampleVm({ epoch: 5 }));
  hypervisor.answerAdopt(STARTED);
  show(6, null);
  expect(kept).toEqual([["web-7"], []]);
});

test("a change is carried out for the instances that it is about; what is kept is looked at when there are fewer", () => {
  const { hypervisor, accept, show, change } = bench();
  const kept: (readonly string[])[] = [];
  Object.assign(hypervisor, { keepOnly: (instances: readonly string[]) => kept.push(instances) });
  accept("register-node", 5);
  show(5, sampleVm());
  const other = sampleVm({ instance: "db-8" });
  const db = { ...other, metadata: { ...other.metadata, name: "db" } };
  change(6, { type: "put", resource: db });
  change(7, { type: "put", resource: { ...db, status: { ...db.status, phase: "Running" } } });
  expect(hypervisor.calls).toEqual(["list", "adopt web-7", "adopt db-8"]);
  expect(kept).toEqual([["web-7"]]);
  hypervisor.answerAdopt(STARTED);
  hypervisor.answerAdopt(STARTED);
  change(8, { type: "delete", resource: db });
  expect(hypervisor.calls.at(-1)).toBe("stop db-8 0");
  expect(kept).toEqual([["web-7"], ["web-7"]]);
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

test("a node renews with the others: when it sees a renewal and its own is half a pause old", () => {
  const { world, accept, change, proposals } = bench();
  const renewals = (): number => proposals.filter(({ command }) => command.type === "renew-lease").length;
  const other = (version: number): Change => {
    const metadata = { name: "n2", uid: "node-2", version, generation: 1, createdAtMs: 0, labels: {} };
    const status = { phase: "Ready", epoch: 2, renewedAt: version, sinceMs: 0 } as const;
    return { type: "put", resource: { kind: "Node", metadata, status } as Node };
  };
  accept("register-node", 5);
  world.advance(700);
  change(6, other(6));
  expect(renewals()).toBe(0);
  world.advance(100);
  change(7, other(7));
  expect(renewals()).toBe(1);
  // Under way, it is not proposed again.
  change(8, other(8));
  expect(renewals()).toBe(1);
  accept("renew-lease", 9);
  world.advance(50);
  // It was asked for at 800; what was seen at 850 lets the next one come at 2250.
  change(10, other(10));
  world.advance(1399);
  expect(renewals()).toBe(0);
  world.advance(1);
  expect(renewals()).toBe(1);
});

test("a renewal that is answered late counts, and none is proposed beside it", () => {
  const { hypervisor, accept, show, world, proposals } = bench();
  accept("register-node", 5);
  show(5, sampleVm());
  world.advance(1500);
  world.advance(4000);
  expect(proposals.filter(({ command }) => command.type === "renew-lease")).toHaveLength(1);
  accept("renew-lease", 6);
  expect(hypervisor.calls.at(-1)).toBe("lease web-7 7500");
  // The next one is due since long.
  world.advance(0);
  expect(proposals.filter(({ command }) => command.type === "renew-lease")).toHaveLength(1);
});

test("a registration that is answered late opens a lease, from when it was proposed", () => {
  const { hypervisor, accept, show, world, proposals } = bench();
  world.advance(4000);
  expect(proposals.filter(({ command }) => command.type === "register-node")).toHaveLength(1);
  accept("register-node", 5);
  show(5, sampleVm());
  hypervisor.answerAdopt(STARTED);
  world.advance(1999);
  expect(hypervisor.calls.some((call) => call.startsWith("stop"))).toBe(false);
  world.advance(1);
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 0");
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

/** Makes the VmActor crash at its next call of `method`, once. */
function crashOnce(hypervisor: ScriptedHypervisor, method: "stop" | "extendLease"): void {
  const sound = hypervisor[method].bind(hypervisor) as (...given: unknown[]) => void;
  hypervisor[method] = (): void => {
    hypervisor[method] = sound;
    throw new Error("a bug in a driver");
  };
}

/** Renews the lease, so that each VmActor hears of it. */
function renew({ world, accept }: Bench): void {
  world.advance(1500);
  accept("renew-lease", 6);
}

/** Carries out all that the node says of its instances, until it has said everything. */
function said({ world, proposals }: Bench): Command[] {
  const commands: Command[] = [];
  world.settle();
  for (let open = proposals.splice(0); open.length > 0; open = proposals.splice(0)) {
    for (const { command, reply } of open) {
      if (command.type !== "observe" && command.type !== "release") continue;
      commands.push(command);
      reply({ ok: true, outcome: { ok: true, version: 9, changed: true, resource: null } });
    }
    world.settle();
  }
  return commands;
}

function runningNode(vm: Vm): Bench {
  const made = bench();
  made.accept("register-node", 5);
  made.show(5, vm);
  made.hypervisor.answerAdopt(NOT_RUNNING);
  made.world.settle();
  made.hypervisor.answerStart(STARTED);
  made.hypervisor.emit({ type: "booted", instance: "web-7", bootMs: 1 });
  made.world.settle();
  return made;
}

function stopping(vm: Vm): Vm {
  return { ...vm, status: { ...vm.status, instance: { ...vm.status.instance!, stopping: true } } };
}

test("a VmActor that crashed is made anew, and told again that its instance is to stop", () => {
  const made = runningNode(sampleVm());
  const { hypervisor, world, show } = made;
  show(6, stopping(sampleVm()));
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 5000");
  crashOnce(hypervisor, "extendLease");
  renew(made);
  world.advance(1000);
  hypervisor.answerAdopt(STARTED);
  world.settle();
  hypervisor.answerStop(STOPPED);
  hypervisor.answerStop(STOPPED);
  world.settle();
  expect(said(made).at(-1)).toMatchObject({ type: "release", instance: "web-7" });
});

test("a VmActor that crashed while its node gave up the guest does not keep the node from registering anew", () => {
  const { hypervisor, world, accept, proposals } = runningNode(sampleVm());
  crashOnce(hypervisor, "stop");
  world.advance(7000);
  hypervisor.answerAdopt(STARTED);
  world.settle();
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 0");
  hypervisor.answerStop(STOPPED);
  proposals.length = 0;
  world.settle();
  expect(accept("register-node", 50)).toMatchObject({ running: [] });
});

test("a VmActor that crashed takes its guest over with the ports and the lease that it has now", () => {
  const vm = sampleVm({ spec: { ports: [{ name: "http", guest: 80 }] } });
  const made = runningNode(vm);
  const { hypervisor, world, show } = made;
  const port = hypervisor.launches[0]!.ports[0]!.hostPort;
  const addresses = [{ name: "http", guest: 80, address: "127.0.0.1", port }];
  show(6, { ...vm, status: { ...vm.status, phase: "Running", addresses } });
  renew(made);
  crashOnce(hypervisor, "extendLease");
  renew(made);
  world.advance(1000);
  expect(hypervisor.leases.at(-1)).toBe(9000);
  hypervisor.answerAdopt(STARTED);
  said(made);
  show(7, { ...vm, status: { ...vm.status, phase: "Running", addresses: [] } });
  expect(said(made).at(-1)).toMatchObject({ type: "observe", observation: { phase: "Running", addresses } });
});

/** As the map shows the guest that STARTED is about, but for its phase. */
function shownAs(phase: Vm["status"]["phase"]): Vm {
  const vm = sampleVm();
  const addresses = [{ name: "http", guest: 80, address: "127.0.0.1", port: 8080 }];
  return { ...vm, status: { ...vm.status, phase, health: "unknown", addresses, restarts: 0, message: "" } };
}

test("what the map shows already is said only when the map turns to something else", () => {
  const made = bench();
  const { accept, show, hypervisor } = made;
  accept("register-node", 5);
  show(5, shownAs("Running"));
  hypervisor.answerAdopt(STARTED);
  expect(said(made)).toEqual([]);
  show(6, shownAs("Running"));
  expect(said(made)).toEqual([]);
  show(7, shownAs("Crashed"));
  expect(said(made)).toMatchObject([{ type: "observe", observation: { phase: "Running" } }]);
  show(8, shownAs("Running"));
  show(9, shownAs("Crashed"));
  expect(said(made)).toEqual([]);
});

test("an instance that left without a word leaves none behind that was not said", () => {
  const made = bench();
  const { accept, show, hypervisor, world } = made;
  accept("register-node", 5);
  show(5, shownAs("Running"));
  hypervisor.answerAdopt(STARTED);
  world.settle();
  show(6, null);
  hypervisor.answerStop(STOPPED);
  expect(said(made)).toEqual([]);
  show(7, shownAs("Crashed"));
  expect(said(made)).toEqual([]);
});

test("a VmActor that keeps crashing does not take the node down", () => {
  const { hypervisor, world, accept, show, proposals, failures } = bench();
  let crashes = 0;
  hypervisor.adopt = () => {
    crashes += 1;
    throw new Error("a bug in a driver");
  };
  accept("register-node", 5);
  show(5, sampleVm());
  for (let i = 0; i < 120; i++) {
    world.advance(250);
    if (proposals.some(({ command }) => command.type === "renew-lease")) accept("renew-lease", 6);
  }
  expect(failures).toEqual([]);
  expect(crashes).toBe(31);
  expect(hypervisor.calls).toEqual(["list"]);
});

test("an instance that its VM no longer wants is not started, only taken over and stopped", () => {
  const { hypervisor, world, accept, show } = bench();
  accept("register-node", 5);
  const vm = sampleVm();
  show(5, { ...vm, metadata: { ...vm.metadata, generation: 2 } });
  hypervisor.answerAdopt(NOT_RUNNING);
  world.settle();
  expect(hypervisor.calls).toEqual(["list", "adopt web-7", "stop web-7 5000"]);
});

test("a NodeActor that crashes ends its node: what was about to start is in no list, and must not be placed anew", () => {
  const { world, hypervisor, accept, failures } = runningNode(sampleVm());
  hypervisor.list = () => {
    throw new Error("a bug in the NodeActor");
  };
  world.advance(6000);
  hypervisor.answerStop(STOPPED);
  world.settle();
  expect(failures).toEqual([new Error("a bug in the NodeActor")]);
  expect(() => accept("register-node", 50)).toThrow("no register-node was proposed");
});
