/** Listeners that throw: their error is theirs, and nothing in the system is disturbed. */
import { config } from "rxjs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ActorSystem, stateless, type ShutdownReport } from "../../runtime/index.ts";
import { createManualWorld } from "../../runtime/testkit/index.ts";

const unhandled: unknown[] = [];
beforeEach(() => {
  unhandled.length = 0;
  config.onUnhandledError = (error) => unhandled.push((error as Error).message);
});
afterEach(() => {
  config.onUnhandledError = null;
});

const fail = (): never => {
  throw new Error("a listener's bug");
};

test.each(["resume", "restart"] as const)(
  "an onCrash that throws does not keep an actor from its %s",
  async (onCrash) => {
    const world = createManualWorld();
    const system = ActorSystem.create({ world, onCrash: fail });
    const handled: string[] = [];
    const behavior = stateless<string>("a", (message) => {
      if (message === "fail") throw new Error("crash");
      handled.push(message);
    });
    const ref = system.spawn(behavior, { supervision: { onCrash } });
    for (const message of ["fail", "then"]) system.tell(ref, message);
    expect(() => world.settle()).not.toThrow();
    expect(handled).toEqual(["then"]);
    system.stop();
    await vi.waitFor(() => expect(unhandled).toEqual(["a listener's bug"]));
  },
);

test("an onFailure that throws comes after the system's end", async () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ world, onFailure: fail });
  system.spawn(stateless<string>("other", () => {}));
  const failing = stateless<string>("a", () => {
    throw new Error("crash");
  });
  system.tell(system.spawn(failing, { supervision: { onCrash: "escalate" } }), "fail");
  expect(() => world.settle()).not.toThrow();
  expect(system.tree()).toEqual([]);
  await vi.waitFor(() => expect(unhandled).toEqual(["a listener's bug"]));
});

test("an inspection's subscriber that throws disturbs neither the actors nor another subscriber", async () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ world });
  const [handled, seen]: [string[], string[]] = [[], []];
  system.inspection.subscribe(fail);
  system.inspection.subscribe((event) => seen.push(event.type));
  system.tell(system.spawn(stateless<string>("a", (message) => void handled.push(message))), "x");
  world.settle();
  system.stop();
  expect(handled).toEqual(["x"]);
  expect(seen).toEqual(["spawned", "message", "stopped"]);
  await vi.waitFor(() => expect(unhandled).toHaveLength(3));
});

test("one who waits for the shutdown and throws does not keep the report from the next", async () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ world });
  system.spawn(stateless<string>("a", () => {}));
  const reports: ShutdownReport[] = [];
  system.beginShutdown(fail);
  system.beginShutdown((report) => reports.push(report));
  expect(() => world.settle()).not.toThrow();
  expect(reports.map(({ isClean }) => isClean)).toEqual([true]);
  await vi.waitFor(() => expect(unhandled).toEqual(["a listener's bug"]));
});
