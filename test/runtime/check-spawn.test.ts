/** What no actor can be spawned with. */
import { expect, test } from "vitest";
import { stateless, type Behavior, type Directive, type Ref, type SpawnOptions } from "../../runtime/index.ts";
import { record } from "./recorder.ts";

const idle = stateless<never>("idle", () => {});

test.each<[string, SpawnOptions, string]>([
  [
    "capacity of 0",
    { mailbox: { capacity: 0 } },
    "its mailbox's capacity is 0, and must be a number of messages from 1 on",
  ],
  ["capacity of NaN", { mailbox: { capacity: Number.NaN } }, "its mailbox's capacity is NaN"],
  ["capacity of a half", { mailbox: { capacity: 1.5 } }, "its mailbox's capacity is 1.5"],
  [
    "overflow that is none",
    { mailbox: { overflow: "drop" as "drop-newest" } },
    "its mailbox's overflow is drop, and must be one of drop-newest, drop-oldest",
  ],
  [
    "strategy that is none",
    { strategy: "one_for_one" as "one-for-one" },
    "its strategy is one_for_one, and must be one of one-for-one",
  ],
  ["stash of NaN", { stash: Number.NaN }, "its stash is NaN, and must be a number of messages"],
  ["stash below 0", { stash: -1 }, "its stash is -1"],
  [
    "restarts of NaN",
    { supervision: { onCrash: "restart", intensity: { restartsMax: Number.NaN, windowMs: 1 } } },
    "its restartsMax is NaN, and must be a number of restarts",
  ],
  [
    "window of NaN",
    { supervision: { onCrash: "restart", intensity: { restartsMax: 1, windowMs: Number.NaN } } },
    "its windowMs is NaN, and must be a number of milliseconds",
  ],
  [
    "backoff that shrinks",
    { supervision: { onCrash: "restart", backoff: { minMs: 2, maxMs: 1, jitter: 0 } } },
    "its backoff's maxMs is 1, and must be at least minMs",
  ],
  [
    "jitter over 1",
    { supervision: { onCrash: "restart", backoff: { minMs: 1, maxMs: 1, jitter: 2 } } },
    "its backoff's jitter is 2, and must be a share from 0 to 1",
  ],
  [
    "directive that is none",
    { supervision: { onCrash: "retry" as Directive } },
    "its onCrash is retry, and must be a directive, or a function",
  ],
])("spawn() refuses a %s, and spawns nothing", (_, options, message) => {
  const { system } = record();
  expect(() => system.spawn(idle, { ...options, name: "x" })).toThrow(`Cannot spawn "x": ${message}`);
  expect(system.tree()).toEqual([]);
});

test("spawn() takes limits that bound nothing", () => {
  const { system } = record();
  const intensity = { restartsMax: Infinity, windowMs: Infinity };
  const options = {
    mailbox: { capacity: Infinity },
    stash: 0,
    supervision: { onCrash: "restart", intensity },
  } as const;
  system.spawn(idle, options);
  expect(system.tree()).toHaveLength(1);
});

test("a tree of 1,000 levels can be named and ended, and has no further one", () => {
  const { world, system, crashes } = record();
  let deepest: Ref<null> | undefined;
  const level: Behavior<null, null> = {
    name: "level",
    init: (ctx) => {
      deepest = ctx.self;
      return null;
    },
    receive: (state, _, ctx) => {
      ctx.spawn(level, { name: "x" });
      return state;
    },
  };
  let at: Ref<null> = system.spawn(level, { name: "x" });
  for (let depth = 1; depth < 1_000; depth++) {
    system.tell(at, null);
    world.settle();
    at = deepest as Ref<null>;
  }
  expect(at.path).toHaveLength(1_999);
  system.tell(at, null);
  world.settle();
  expect(crashes).toEqual([`${at.path}: Cannot spawn "x": it would be more than 1000 levels below the top: stop`]);
  system.stop();
  expect(system.tree()).toEqual([]);
});
