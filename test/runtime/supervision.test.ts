/** What supervision makes of a crash: the choice, the window of restarts, the wait before one. */
import { expect, test } from "vitest";
import {
  ActorSystem,
  createRandom,
  stateless,
  type Behavior,
  type Directive,
  type Supervision,
} from "../../runtime/index.ts";
import { CrashHistory } from "../../runtime/supervision.ts";
import { createManualWorld } from "../../runtime/testkit/index.ts";

const RANDOM = createRandom(1);
const FAILURE = new Error("asked to fail");

function decideAt(history: CrashHistory, nowMs: number, error: unknown = FAILURE): string {
  return history.decide(error, nowMs, RANDOM).directive;
}

test("decide() asks the supervision's own choice about each error", () => {
  const history = new CrashHistory({ onCrash: (error) => (error instanceof RangeError ? "resume" : "stop") });
  expect(decideAt(history, 0, new RangeError())).toBe("resume");
  expect(decideAt(history, 0, new TypeError())).toBe("stop");
});

test("decide() counts restarts in a window that slides", () => {
  const history = new CrashHistory({ onCrash: "restart", intensity: { restartsMax: 2, windowMs: 1000 } });
  expect([0, 600, 999].map((atMs) => decideAt(history, atMs))).toEqual(["restart", "restart", "escalate"]);
  // The restart at 0 has left the window, the one at 600 has not.
  expect([1000, 1599].map((atMs) => decideAt(history, atMs))).toEqual(["restart", "escalate"]);
  expect(decideAt(history, 1600)).toBe("restart");
});

test("decide() counts restarts only", () => {
  const directives = ["resume", "resume", "resume", "restart"] as const;
  let at = 0;
  const history = new CrashHistory({
    onCrash: () => directives[at++]!,
    intensity: { restartsMax: 1, windowMs: 1000 },
  });
  expect(directives.map(() => decideAt(history, 0))).toEqual(directives);
});

function delays(backoff: Supervision["backoff"], seed: number): number[] {
  const random = createRandom(seed);
  const history = new CrashHistory({
    onCrash: "restart",
    intensity: { restartsMax: 100, windowMs: 1000 },
    ...(backoff && { backoff }),
  });
  return Array.from({ length: 12 }, () => history.decide(FAILURE, 0, random).delayMs);
}

test("decide() does not wait before the first restart, then doubles up to the longest wait", () => {
  expect(delays({ minMs: 10, maxMs: 100, jitter: 0 }, 1).slice(0, 6)).toEqual([0, 10, 20, 40, 80, 100]);
});

test("decide() varies a wait by its jitter and no further", () => {
  const drawn = Array.from({ length: 200 }, (_, seed) => delays(undefined, seed));
  for (const [restart, baseMs] of [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000].entries()) {
    const waits = drawn.map((delaysMs) => delaysMs[restart + 1]!);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(Math.floor(baseMs * 0.8));
    expect(Math.min(...waits)).toBeLessThan(baseMs * 0.85);
    expect(Math.max(...waits)).toBeLessThanOrEqual(Math.ceil(baseMs * 1.2));
    expect(Math.max(...waits)).toBeGreaterThan(baseMs * 1.15);
  }
});

test("a choice that throws is the parent's bug and escalates, with both errors", () => {
  const world = createManualWorld();
  const failures: unknown[] = [];
  const system = ActorSystem.create({ node: "n1", world, onFailure: (_, error) => failures.push(error) });
  const crashing = stateless<null>("crashing", () => {
    throw FAILURE;
  });
  const undecided = new Error("cannot choose");
  const onCrash = (): never => {
    throw undecided;
  };
  system.tell(system.spawn(crashing, { supervision: { onCrash } }), null);
  expect(() => world.settle()).not.toThrow();
  expect(failures).toHaveLength(1);
  expect((failures[0] as AggregateError).errors).toEqual([FAILURE, undecided]);
});

test("a choice that is no directive escalates, and says what it was", () => {
  const world = createManualWorld();
  const failures: unknown[] = [];
  const system = ActorSystem.create({ node: "n1", world, onFailure: (_, error) => failures.push(error) });
  const crashing = stateless<null>("crashing", () => {
    throw FAILURE;
  });
  const onCrash = (): Directive => undefined as unknown as Directive;
  system.tell(system.spawn(crashing, { supervision: { onCrash } }), null);
  world.settle();
  const [, bug] = (failures[0] as AggregateError).errors as readonly Error[];
  expect(bug?.message).toBe("No directive for a crash: undefined");
});

test("decide() waits nothing, also after more restarts than a number can be doubled", () => {
  const backoff = { minMs: 0, maxMs: 0, jitter: 0 };
  const history = new CrashHistory({
    onCrash: "restart",
    intensity: { restartsMax: Infinity, windowMs: Infinity },
    backoff,
  });
  const waits = Array.from({ length: 2_000 }, () => history.decide(FAILURE, 0, RANDOM).delayMs);
  expect(new Set(waits)).toEqual(new Set([0]));
});

test("an init that throws and is resumed has nothing to go on with: it stops, and the report says so", () => {
  const world = createManualWorld();
  const directives: Directive[] = [];
  const system = ActorSystem.create({ world, onCrash: ({ directive }) => directives.push(directive) });
  const behavior: Behavior<null, null> = {
    name: "a",
    init: () => {
      throw FAILURE;
    },
    receive: (state) => state,
  };
  system.spawn(behavior, { supervision: { onCrash: "resume" } });
  expect(directives).toEqual(["stop"]);
  expect(system.tree()).toEqual([]);
  system.stop();
});
