/** A stop that lets an actor handle what waits, and ends it at its deadline. */
import { expect, test } from "vitest";
import type { Behavior, Ref } from "../../runtime/index.ts";
import { record, recorded } from "./recorder.ts";

test("stopActor() with a deadline handles what waits, refuses what comes later, and tells watchers once", () => {
  const { world, system, steps, deadLetters } = record();
  const target = system.spawn(recorded(steps, "target"), { name: "target" });
  const watcher: Behavior<null, never> = {
    name: "watcher",
    init: (ctx) => {
      ctx.watch(target);
      return null;
    },
    receive: (state) => state,
    onSignal: (state, signal) => {
      if (signal.type === "terminated") steps.push(`sees ${signal.ref.path} ${signal.reason}`);
      return state;
    },
  };
  system.spawn(watcher, { name: "watcher" });
  for (const message of ["a", "b"]) system.tell(target, message);
  system.stopActor(target, { deadlineMs: 100 });
  system.tell(target, "later");
  world.advance(1000);
  expect(steps).toEqual(["target starts 1", "target a", "target b", "target post-stop", "sees target stopped"]);
  expect(deadLetters).toEqual(["later stopped"]);
});

test("the deadline ends an actor that is still at it", () => {
  const { world, system, steps, deadLetters } = record();
  const behavior: Behavior<null, string> = {
    name: "holds",
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
  const ref = system.spawn(behavior);
  system.tell(ref, "a");
  system.stopActor(ref, { deadlineMs: 100 });
  world.advance(99);
  expect(steps).toEqual([]);
  world.advance(1);
  expect(steps).toEqual(["post-stop"]);
  expect(deadLetters).toEqual(["a stopped"]);
});

test("an actor that waits for its restart at the deadline ends without it", () => {
  const { world, system, steps, take } = record();
  const backoff = { minMs: 1000, maxMs: 1000, jitter: 0 };
  const ref = system.spawn(recorded(steps, "late"), { supervision: { onCrash: "restart", backoff } });
  for (const message of ["fail", "fail"]) system.tell(ref, message);
  world.settle();
  system.stopActor(ref, { deadlineMs: 100 });
  take();
  world.advance(5000);
  expect(steps).toEqual([]);
  expect(system.refAt({ node: "n1", path: ref.path }).target.actor).toBeUndefined();
});

test("a crash while it drains is supervised, and what waits is handled by the next life", () => {
  const { world, system, steps } = record();
  const ref = system.spawn(recorded(steps, "worker"), { supervision: { onCrash: "restart" } });
  for (const message of ["fail", "a"]) system.tell(ref, message);
  system.stopActor(ref, { deadlineMs: 100 });
  world.settle();
  const first = ["worker starts 1", "worker pre-restart"];
  expect(steps).toEqual([...first, "worker starts 2", "worker a", "worker post-stop"]);
});

test("a full mailbox takes the request to stop", () => {
  const { world, system, steps } = record();
  const ref = system.spawn(recorded(steps, "full"), { mailbox: { capacity: 1 } });
  system.tell(ref, "a");
  system.stopActor(ref, { deadlineMs: 100 });
  world.settle();
  expect(steps).toEqual(["full starts 1", "full a", "full post-stop"]);
});

test("ctx.stop() with a deadline stops a child or the actor itself, and nothing else", () => {
  const { world, system, steps, crashes } = record();
  const other = system.spawn(recorded(steps, "other"), { name: "other" });
  const behavior: Behavior<Ref<string>, string> = {
    name: "parent",
    init: (ctx) => ctx.spawn(recorded(steps, "child"), { name: "child" }),
    receive: (child, message, ctx) => {
      steps.push(message);
      if (message === "child") {
        ctx.tell(child, "last");
        ctx.stop(child, { deadlineMs: 10 });
      } else if (message === "self") ctx.stop(ctx.self, { deadlineMs: 10 });
      else if (message === "other") ctx.stop(other, { deadlineMs: 10 });
      return child;
    },
  };
  const ref = system.spawn(behavior, { name: "parent", supervision: { onCrash: "resume" } });
  for (const message of ["child", "other"]) system.tell(ref, message);
  world.settle();
  for (const message of ["self", "waits"]) system.tell(ref, message);
  world.settle();
  expect(steps.slice(2)).toEqual(["child", "other", "child last", "child post-stop", "self", "waits"]);
  expect(crashes).toEqual(["parent: Cannot stop blixard://n1/other: it is not a child of blixard://n1/parent: resume"]);
});

test("a graceful stop that waits for an answer survives a restart: the next life ends at once", () => {
  const { world, system, steps, crashes } = record();
  const answers: ((value: string) => void)[] = [];
  const behavior: Behavior<null, string> = {
    name: "waits",
    init: (ctx) => {
      steps.push("starts");
      for (let i = 0; i < 2; i++) answers.push(ctx.callback((value: string) => value, { ahead: true }));
      return null;
    },
    receive: (state, message) => {
      steps.push(message);
      if (message === "fail") throw new Error(message);
      return state;
    },
    onSignal: (state, signal) => {
      steps.push(signal.type);
      return state;
    },
  };
  system.spawn(behavior, { name: "waits", supervision: { onCrash: "restart" } });
  const reports: boolean[] = [];
  system.beginShutdown(({ isClean }) => reports.push(isClean));
  world.settle();
  expect(reports).toEqual([]);
  answers[0]?.("fail");
  world.settle();
  expect(crashes).toEqual(["waits: fail: restart"]);
  expect(steps).toEqual(["starts", "fail", "pre-restart", "starts", "post-stop"]);
  expect(reports).toEqual([true]);
});

test("an actor that shuts the system down in its last signal does not hold the shutdown up", () => {
  const { world, system } = record();
  const reports: boolean[] = [];
  const behavior: Behavior<null, string> = {
    name: "main",
    init: () => null,
    receive: (state, _, ctx) => {
      ctx.stop();
      return state;
    },
    onSignal: (state, signal) => {
      if (signal.type === "post-stop") system.beginShutdown(({ isClean }) => reports.push(isClean));
      return state;
    },
  };
  system.tell(system.spawn(behavior), "end");
  world.settle();
  expect(reports).toEqual([true]);
});

test("a stop means one actor: not a later one of its name, not one of another node, and nothing when it has ended", () => {
  const { world, system, steps, crashes } = record();
  const first = system.spawn(recorded(steps, "a"), { name: "a" });
  system.stopActor(first);
  system.spawn(recorded(steps, "a"), { name: "a" });
  system.stopActor(first);
  system.stopActor(system.refAt({ node: "n2", path: "a" }));
  expect(system.tree().map(({ name }) => name)).toEqual(["a"]);
  system.stopActor(system.refAt({ node: "n1", path: "a" }));
  expect(system.tree()).toEqual([]);

  const parent: Behavior<Ref<string>, string> = {
    name: "parent",
    init: (ctx) => ctx.spawn(recorded(steps, "child"), { name: "child" }),
    receive: (child, message, ctx) => {
      ctx.stop(child);
      if (message === "again") ctx.spawn(recorded(steps, "child"), { name: "child" });
      ctx.stop(child);
      return child;
    },
  };
  const ref = system.spawn(parent, { name: "parent" });
  system.tell(ref, "again");
  world.settle();
  expect(crashes).toEqual([]);
  expect(system.tree()[0]?.children.map(({ name }) => name)).toEqual(["child"]);
});
