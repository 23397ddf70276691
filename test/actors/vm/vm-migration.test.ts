/** What a VmActor does while its guest is to stand still, leaves or arrives: every answer may come late, twice or not at all. */
import { afterEach, expect, test } from "vitest";
import { vmActor } from "../../../actors/vm/vm-actor.ts";
import type { VmMessage, VmReport, Wish } from "../../../actors/vm/vm-message.ts";
import { ActorSystem, stateless } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";
import { LIMITS } from "../cluster/sample-map.ts";
import { sampleVm } from "./sample-vm.ts";
import {
  createScriptedHypervisor,
  NOT_RUNNING,
  STARTED,
  STOPPED,
  type ScriptedHypervisor,
} from "./scripted-hypervisor.ts";

const systems: ActorSystem[] = [];
afterEach(() => {
  for (const system of systems.splice(0)) system.stop();
});

const HERE: Wish = { role: "own", paused: false, migration: null };
const PAUSED: Wish = { ...HERE, paused: true };
const ENDPOINT = { address: "10.0.0.2", port: 4000 };
const PREPARING = { id: "m1", node: "n2", epoch: 6, phase: "preparing", limits: LIMITS, startedAtMs: 0 } as const;
const LEAVING: Wish = { ...HERE, migration: { ...PREPARING, phase: "copying", endpoint: ENDPOINT } };
const COMING: Wish = { role: "incoming", paused: false, migration: { ...PREPARING, node: "n1" } };

interface Bench {
  readonly world: ManualWorld;
  readonly hypervisor: ScriptedHypervisor;
  /** Words of migrations, and phases, in order; taken away by reading. */
  said(): string[];
  /** Calls to the hypervisor since the last time. */
  done(): string[];
  tell(message: VmMessage): void;
  wish(wish: Wish): void;
  answered(word: "take-over" | "cancel-migration" | "migration-ready", carriedOut: boolean | null): void;
}

function bench(wish: Wish, leaseUntilMs = 600_000): Bench {
  const world = createManualWorld();
  const hypervisor = createScriptedHypervisor({});
  const reports: VmReport[] = [];
  const made = ActorSystem.create({ node: `n${systems.length}`, world });
  systems.push(made);
  const parent = made.spawn(stateless<VmReport>("parent", (report) => void reports.push(report)));
  const vm = sampleVm();
  const prober = { probe: () => undefined };
  const about = { vm, instance: vm.status.instance!, wish, leaseUntilMs, hypervisor, prober, parent };
  const ref = made.spawn(vmActor({ ...about, hostAddress: "10.0.0.1" }), { name: "web-7" });
  hypervisor.onEvent((event) => made.tell(ref, { type: "instance-event", event }));
  const tell = (message: VmMessage): void => {
    made.tell(ref, message);
    world.settle();
  };
  world.settle();
  return {
    world,
    hypervisor,
    tell,
    wish: (next) => tell({ type: "wish", wish: next }),
    answered: (word, carriedOut) => tell({ type: "word-answered", migration: "m1", word, carriedOut }),
    said: () => {
      world.settle();
      return reports.splice(0).map((report) => {
        if (report.type === "vm-says") return report.word.type;
        if (report.type === "vm-origin-refused") return `unfit ${report.from.id}`;
        return report.type === "vm-observed" ? report.observation.phase : `released ${report.silent}`;
      });
    },
    done: () => {
      world.settle();
      return hypervisor.calls.splice(0);
    },
  };
}

function running(leaseUntilMs?: number): Bench {
  const made = bench(HERE, leaseUntilMs);
  made.hypervisor.answerAdopt(NOT_RUNNING);
  made.world.settle();
  made.hypervisor.answerStart(STARTED);
  made.hypervisor.emit({ type: "booted", instance: "web-7", bootMs: 900 });
  made.said();
  made.done();
  return made;
}

/** All of it has been sent, and it stands still. */
function sent(leaseUntilMs?: number): Bench {
  const made = running(leaseUntilMs);
  made.wish(LEAVING);
  expect(made.done()).toEqual(["migrate web-7 to 10.0.0.2:4000"]);
  made.hypervisor.answerMigrate({ ok: true, downtimeMs: 30 });
  expect(made.said()).toEqual([]);
  return made;
}

/** It listens, and all of a guest has come. */
function arrived(leaseUntilMs?: number): Bench {
  const made = bench(COMING, leaseUntilMs);
  expect(made.done()).toEqual(["start web-7"]);
  expect(made.hypervisor.launches[0]?.from).toEqual({ type: "migration", listenAddress: "10.0.0.1" });
  made.hypervisor.answerStart({ ok: true, pid: 1, incoming: { address: "10.0.0.1", port: 4000 } });
  expect(made.said()).toEqual(["migration-ready"]);
  made.answered("migration-ready", true);
  made.hypervisor.emit({ type: "arrived", instance: "web-7" });
  return made;
}

test("a guest stands still and goes on as the map wants it, and what failed is tried again", () => {
  const { wish, said, done, hypervisor, world } = running();
  wish(PAUSED);
  expect(done()).toEqual(["pause web-7"]);
  hypervisor.answerTurn({ ok: false, code: "failed", message: "no socket" });
  expect([said(), done()]).toEqual([["Running"], []]);
  world.advance(500);
  expect(done()).toEqual(["pause web-7"]);
  hypervisor.answerTurn();
  expect(said()).toEqual(["Paused"]);
  wish(HERE);
  expect(done()).toEqual(["resume web-7"]);
  hypervisor.answerTurn();
  expect(said()).toEqual(["Running"]);
});

test("a guest that was found goes on unless it is wanted paused, and not under a lease that is over", () => {
  const found = bench(HERE);
  found.hypervisor.answerAdopt(STARTED);
  expect(found.done()).toEqual(["adopt web-7", "resume web-7"]);
  const held = bench(PAUSED);
  held.hypervisor.answerAdopt(STARTED);
  expect(held.done()).toEqual(["adopt web-7", "pause web-7"]);
  const late = bench(HERE, 100);
  late.world.advance(200);
  late.hypervisor.answerAdopt(STARTED);
  expect(late.done()).toEqual(["adopt web-7"]);
  late.tell({ type: "lease", untilMs: 9000 });
  expect(late.done()).toEqual(["lease web-7 9000", "resume web-7"]);
});

test("a guest that cannot be set going is taken for failed and started again", () => {
  const { hypervisor, world, done, said } = bench(HERE);
  hypervisor.answerAdopt(STARTED);
  for (let tries = 0; tries < 5; tries++) {
    world.settle();
    hypervisor.answerTurn({ ok: false, code: "failed", message: "no socket" });
    world.settle();
    world.advance(500);
  }
  expect(said().at(-1)).toBe("Crashed");
  expect(done().at(-1)).toBe("stop web-7 0");
});

test("the source lets a guest that was sent go on only when the map has ended the migration", () => {
  const { wish, done, said, world, hypervisor } = sent();
  expect(done()).toEqual([]);
  world.advance(10_000);
  expect([said(), done()]).toEqual([["cancel-migration"], []]);
  wish(HERE);
  expect(done()).toEqual(["resume web-7"]);
  hypervisor.answerTurn();
  expect(said()).toEqual(["Running"]);
});

test("a refused migration is not believed: the end is asked for until the map has heard it, and then the guest is set going", () => {
  const { wish, said, done, hypervisor, answered, world } = running();
  wish(LEAVING);
  hypervisor.answerMigrate({ ok: false, code: "failed", message: "connection lost" });
  expect(said()).toEqual(["cancel-migration"]);
  answered("cancel-migration", null);
  world.advance(300);
  expect(said()).toEqual(["cancel-migration"]);
  answered("cancel-migration", true);
  answered("cancel-migration", true);
  expect(done()).toEqual(["migrate web-7 to 10.0.0.2:4000"]);
  wish(HERE);
  expect(done()).toEqual(["resume web-7"]);
});

test("a migration that takes too long is given up, and what the map has ended is cancelled and answered before another begins", () => {
  const { wish, said, done, hypervisor, world } = running();
  wish(LEAVING);
  world.advance(LIMITS.timeoutMs);
  expect(said()).toEqual(["cancel-migration"]);
  done();
  wish({ ...HERE, migration: { ...PREPARING, id: "m2", phase: "copying", endpoint: ENDPOINT } });
  expect(done()).toEqual(["cancel web-7"]);
  hypervisor.answerMigrate({ ok: false, code: "cancelled", message: "it was" });
  expect(done()).toEqual(["resume web-7"]);
  hypervisor.answerTurn();
  expect(done()).toEqual(["migrate web-7 to 10.0.0.2:4000"]);
});

test("nothing is started at the source while a migration goes on, for its target may have the guest", () => {
  const { wish, done, said, hypervisor, world } = sent();
  hypervisor.emit({ type: "exited", instance: "web-7", reason: "crash", detail: "killed" });
  expect(done()).toEqual(["stop web-7 0"]);
  hypervisor.answerStop(STOPPED);
  world.advance(5000);
  expect(done()).toEqual([]);
  world.advance(10_000);
  expect(said()).toContain("cancel-migration");
  wish(HERE);
  world.advance(200);
  expect(done()).toEqual(["start web-7"]);
});

test("an actor that begins in the midst of a migration asks for its end, at the source and at the target", () => {
  const source = bench(LEAVING);
  source.hypervisor.answerAdopt(STARTED);
  expect([source.said(), source.done()]).toEqual([["cancel-migration", "Running"], ["adopt web-7"]]);
  source.wish(HERE);
  expect(source.done()).toEqual(["resume web-7"]);
  const target = bench({ ...COMING, migration: { ...PREPARING, node: "n1", phase: "copying", endpoint: ENDPOINT } });
  expect([target.said(), target.done()]).toEqual([["cancel-migration"], []]);
  // The map had made it this node's meanwhile: what is there decides.
  target.wish(HERE);
  expect(target.done()).toEqual(["adopt web-7"]);
});

test("the target goes on upon the answer that its take-over is committed, and not before", () => {
  const { said, done, answered, hypervisor, world, wish } = arrived();
  expect([said(), done()]).toEqual([["take-over"], []]);
  answered("take-over", null);
  world.advance(300);
  expect(said()).toEqual(["take-over"]);
  answered("take-over", true);
  expect(done()).toEqual(["resume web-7"]);
  // What the map shows comes later, and what it had shown before counts no more.
  answered("take-over", true);
  wish(COMING);
  wish(HERE);
  hypervisor.answerTurn();
  expect([said(), done()]).toEqual([[], []]);
  // Neither its nodes nor the log are busy with it until it has had a moment.
  world.advance(300);
  expect([said(), done()]).toEqual([["migration-progress", "Running"], []]);
});

test("a guest that was taken over and is set going late is told of then", () => {
  const { said, answered, hypervisor, world } = arrived();
  said();
  answered("take-over", true);
  world.settle();
  hypervisor.answerTurn({ ok: false, code: "failed", message: "no socket" });
  world.advance(300);
  expect(said()).toEqual(["Running"]);
  world.advance(200);
  hypervisor.answerTurn();
  expect(said()).toEqual(["migration-progress", "Running"]);
});

test("a copy that has moved away is ended, and told of, once its guest has had a moment on the target", () => {
  const { tell, said, done, hypervisor, world } = sent();
  tell({ type: "discard" });
  world.advance(299);
  tell({ type: "discard" });
  expect([said(), done()]).toEqual([[], []]);
  world.advance(1);
  expect([said(), done()]).toEqual([["migration-progress"], ["stop web-7 0"]]);
  hypervisor.answerStop(STOPPED);
  expect(said()).toEqual(["released true"]);
});

test("a copy that has moved away is ended at once when its node's lease is over, and by its end at the latest", () => {
  const over = sent(5000);
  over.world.advance(5000);
  over.tell({ type: "discard" });
  expect(over.done()).toEqual(["stop web-7 0"]);
  const short = sent(5000);
  short.world.advance(4900);
  short.tell({ type: "discard" });
  expect(short.done()).toEqual([]);
  short.world.advance(100);
  expect(short.done()).toEqual(["stop web-7 0"]);
});

test("the target goes on when the map shows that it may, also when the answer was lost", () => {
  const { said, done, wish } = arrived();
  said();
  wish(HERE);
  expect(done()).toEqual(["resume web-7"]);
});

test("the target that is the source of the next migration already, by the time that it is told, sends the guest on", () => {
  const { said, done, wish, hypervisor } = arrived();
  said();
  wish({ ...LEAVING, migration: { ...PREPARING, id: "m2", phase: "copying", endpoint: ENDPOINT } });
  expect(done()).toEqual(["resume web-7"]);
  hypervisor.answerTurn();
  expect(done()).toEqual(["migrate web-7 to 10.0.0.2:4000"]);
});

test("the target does not take over under a lease that is over, and a copy that was discarded never goes on", () => {
  const late = arrived(100);
  late.world.advance(200);
  expect(late.said()).toEqual(["take-over"]);
  late.answered("take-over", true);
  expect(late.done()).toEqual([]);
  const gone = arrived();
  gone.tell({ type: "discard" });
  gone.answered("take-over", true);
  expect(gone.done()).toEqual(["stop web-7 0"]);
  gone.hypervisor.answerStop(STOPPED);
  expect(gone.said()).toEqual(["take-over", "released true"]);
});

test("a copy that ends before it was taken over is told, and started anew if the map had named this node", () => {
  const { said, done, hypervisor, wish } = arrived();
  said();
  hypervisor.emit({ type: "exited", instance: "web-7", reason: "crash", detail: "killed" });
  expect([said(), done()]).toEqual([["cancel-migration"], []]);
  wish(HERE);
  expect(done()).toEqual(["adopt web-7"]);
  hypervisor.answerAdopt(NOT_RUNNING);
  expect(done()).toEqual(["start web-7"]);
});
