/** A system ends in phases: their order, their timeouts, what the report says, and what a stop in the middle does. */
import { expect, test } from "vitest";
import {
  ActorSystem,
  DEFAULT_SHUTDOWN_PHASES,
  type Behavior,
  type Ref,
  type ShutdownReport,
} from "../../runtime/index.ts";
import { createManualWorld } from "../../runtime/testkit/index.ts";
import { record, recorded, type Recorded } from "./recorder.ts";

/** Begins, and gives the report as soon as there is one. */
function begin({ system }: Pick<Recorded, "system">): { report: ShutdownReport | null } {
  const outcome: { report: ShutdownReport | null } = { report: null };
  system.beginShutdown((report) => {
    outcome.report = report;
  });
  return outcome;
}

/** Phase, task and outcome of every task of a report. */
function told(report: ShutdownReport | null): string[] {
  return (report?.phases ?? []).flatMap(({ name, tasks }) =>
    tasks.map((task) => `${name}: ${task.name} ${task.outcome} ${task.durationMs}`),
  );
}

test("beginShutdown() runs the phases in order, and the tasks of one in the order they were added", () => {
  const bench = record();
  const { world, system, steps } = bench;
  system.spawn(recorded(steps, "actor"), { name: "actor" });
  const add = (phase: string, name: string): void => {
    system.onShutdown({
      phase,
      name,
      run: (done) => {
        steps.push(name);
        done();
      },
    });
  };
  add("release", "store");
  add("stop-serving", "http");
  add("stop-serving", "metrics");
  const outcome = begin(bench);
  world.settle();
  expect(steps).toEqual(["actor starts 1", "http", "metrics", "actor post-stop", "store"]);
  expect(told(outcome.report)).toEqual([
    "stop-serving: http done 0",
    "stop-serving: metrics done 0",
    "stop-actors: actors done 0",
    "release: store done 0",
  ]);
  expect(outcome.report?.isClean).toBe(true);
  expect(outcome.report?.phases.map(({ name }) => name)).toEqual(DEFAULT_SHUTDOWN_PHASES.map(({ name }) => name));
  expect(() => system.spawn(recorded(steps, "late"))).toThrow("has stopped");
});

test("actors end one after the other, the youngest first, each when it has handled what waits", () => {
  const bench = record();
  const { world, system, steps } = bench;
  const refs = ["a", "b"].map((name) => system.spawn(recorded(steps, name), { name }));
  for (const ref of refs) system.tell(ref, "waits");
  bench.take();
  begin(bench);
  world.settle();
  expect(steps).toEqual(["a waits", "b waits", "b post-stop", "a post-stop"]);
});

test("an actor that began while others end is ended first, and one that ended by itself is not waited for", () => {
  const bench = record();
  const { world, system, steps } = bench;
  const starts: Behavior<null, string> = {
    ...recorded(steps, "starts"),
    init: () => null,
    receive: (state) => state,
    onSignal: (state, { type }) => {
      if (type !== "post-stop") return state;
      steps.push("starts ended");
      system.stopActor(system.refAt({ node: system.node, path: "first" }));
      system.spawn(recorded(steps, "late"), { name: "late" });
      return state;
    },
  };
  for (const name of ["zeroth", "first"]) system.spawn(recorded(steps, name), { name });
  system.spawn(starts, { name: "starts" });
  const outcome = begin(bench);
  world.settle();
  expect(outcome.report?.isClean).toBe(true);
  expect(steps.indexOf("late post-stop")).toBeLessThan(steps.indexOf("zeroth post-stop"));
  expect(system.tree()).toEqual([]);
});

test("tasks that fail or take too long are reported, and the next phase comes all the same", () => {
  const bench = record();
  const { world, system, steps } = bench;
  const thrown = new Error("thrown");
  const given = new Error("given");
  const phase = "finish-requests";
  system.onShutdown({
    phase,
    name: "throws",
    run: () => {
      throw thrown;
    },
  });
  system.onShutdown({ phase, name: "fails", run: (done) => done(given) });
  system.onShutdown({ phase, name: "hangs", run: () => {}, onTimeout: () => new Error("forced") });
  system.onShutdown({ phase: "release", name: "store", run: (done) => (steps.push("store"), done()) });
  const outcome = begin(bench);
  world.advance(4999);
  expect(outcome.report).toBeNull();
  world.advance(1);
  expect(told(outcome.report)).toEqual([
    "finish-requests: throws failed 0",
    "finish-requests: fails failed 0",
    "finish-requests: hangs timed-out 5000",
    "stop-actors: actors done 0",
    "release: store done 0",
  ]);
  expect(outcome.report?.isClean).toBe(false);
  const errors = outcome.report?.phases.flatMap(({ tasks }) => tasks.flatMap(({ error }) => error ?? []));
  expect(errors).toEqual([thrown, given, new Error("forced")]);
  expect(outcome.report?.durationMs).toBe(5000);
});

test("actors that do not end in time are ended, named, before what they stand on is released", () => {
  const bench = record();
  const { world, system, steps } = bench;
  const stuck: Behavior<null, never> = {
    name: "stuck",
    init: (ctx) => {
      ctx.hold();
      return null;
    },
    receive: (state) => state,
    onSignal: (state, signal) => {
      steps.push(signal.type);
      return state;
    },
  };
  system.spawn(stuck, { name: "stuck" });
  system.onShutdown({ phase: "release", name: "store", run: (done) => (steps.push("store"), done()) });
  const outcome = begin(bench);
  world.advance(10_000);
  expect(steps).toEqual(["post-stop", "store"]);
  expect(told(outcome.report)[0]).toBe("stop-actors: actors timed-out 10000");
  expect(outcome.report?.phases[4]?.tasks[0]?.error).toEqual(
    new Error('Ended without having handled what waited: "stuck"'),
  );
});

type Message =
  | { readonly type: "hand-over"; readonly replyTo: Ref<"done"> }
  | { readonly type: "finish" }
  | { readonly type: "stop" };

/** Hands over when it is told to finish, or never. */
function holder(steps: string[]): Behavior<Ref<"done"> | null, Message> {
  return {
    name: "holder",
    init: (ctx) => {
      ctx.onShutdown("hand-over", (replyTo) => ({ type: "hand-over", replyTo }));
      return null;
    },
    receive: (state, message, ctx) => {
      steps.push(message.type);
      if (message.type === "hand-over") return message.replyTo;
      if (message.type === "finish" && state !== null) ctx.tell(state, "done");
      if (message.type === "stop") ctx.stop();
      return state;
    },
  };
}

test("ctx.onShutdown() sends an actor a message in its phase, which waits for the reply", () => {
  const bench = record();
  const { world, system, steps } = bench;
  const ref = system.spawn(holder(steps), { name: "holder" });
  const outcome = begin(bench);
  world.advance(70);
  expect(steps).toEqual(["hand-over"]);
  expect(outcome.report).toBeNull();
  system.tell(ref, { type: "finish" });
  world.settle();
  expect(told(outcome.report)).toEqual(["hand-over: holder done 70", "stop-actors: actors done 0"]);
});

test("an actor that stops is waited for no longer", () => {
  const bench = record();
  const { world, system, steps } = bench;
  const ref = system.spawn(holder(steps), { name: "holder" });
  const outcome = begin(bench);
  world.settle();
  system.tell(ref, { type: "stop" });
  world.settle();
  expect(told(outcome.report)).toEqual(["hand-over: holder withdrawn 0", "stop-actors: actors done 0"]);
  expect(outcome.report?.isClean).toBe(true);
});

test("stop() in the middle ends the shutdown there, and says so", () => {
  const bench = record();
  const { system, steps } = bench;
  system.onShutdown({ phase: "stop-serving", name: "hangs", run: () => {} });
  system.onShutdown({ phase: "release", name: "store", run: (done) => (steps.push("store"), done()) });
  const outcome = begin(bench);
  system.stop();
  expect(told(outcome.report)).toEqual(["stop-serving: hangs aborted 0"]);
  expect(outcome.report?.isClean).toBe(false);
  expect(steps).toEqual([]);
});

test("a task that was taken back is not run, and a second shutdown is the first one", async () => {
  const bench = record();
  const { world, system, steps } = bench;
  const remove = system.onShutdown({ phase: "release", name: "store", run: (done) => (steps.push("store"), done()) });
  remove();
  const [first, second] = [system.shutdown(), system.shutdown()];
  world.settle();
  expect(await first).toBe(await second);
  expect(await system.shutdown()).toBe(await first);
  expect(steps).toEqual([]);
});

test("phases of one's own replace the usual ones, and are checked", () => {
  const create = (names: readonly string[]): ActorSystem =>
    ActorSystem.create({
      node: "own-phases",
      world: createManualWorld(),
      shutdownPhases: names.map((name) => ({ name, timeoutMs: 10 })),
    });
  expect(() => create(["first"])).toThrow('no phase is "stop-actors"');
  expect(() => create(["first", "stop-actors", "first"])).toThrow("two of its phases have the same name");
  const system = create(["first", "stop-actors"]);
  const task = { phase: "release", name: "store", run: () => {} };
  expect(() => system.onShutdown(task)).toThrow(
    'Cannot add "store" to a shutdown: no phase is "release"; there are "first", "stop-actors"',
  );
  system.stop();
});
