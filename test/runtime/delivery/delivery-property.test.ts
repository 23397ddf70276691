/** Reliable delivery under everything that can go wrong: never lost, never doubled, in order, within its credit. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Rig, type RigOptions } from "./delivery-rig.ts";

type Step =
  | { readonly type: "send"; readonly count: number }
  | { readonly type: "advance"; readonly ms: number }
  | { readonly type: "cut" | "heal" | "crash-consumer" }
  | { readonly type: "crash" | "restart"; readonly node: "s" | "r" }
  /** A crash while messages are on their way, or on their way to the disk. */
  | { readonly type: "blink"; readonly node: "s" | "r"; readonly count: number; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant("send" as const), count: fc.integer({ min: 1, max: 30 }) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        type: fc.constant("advance" as const),
        ms: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 400 })),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constantFrom("cut" as const, "heal" as const, "crash-consumer" as const) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant("blink" as const),
        node: fc.constantFrom("s" as const, "r" as const),
        count: fc.integer({ min: 1, max: 9 }),
        ms: fc.integer({ min: 1, max: 9 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constantFrom("crash" as const, "restart" as const),
        node: fc.constantFrom("s" as const, "r" as const),
      }),
    },
  ),
  { maxLength: 30, size: "max" },
);

const options = fc.record({
  seed: fc.integer({ min: 0, max: 1e9 }),
  window: fc.integer({ min: 1, max: 20 }),
  loss: fc.constantFrom(0, 0.05, 0.3),
  crashChance: fc.constantFrom(0, 0.02),
  confirmMs: fc.constantFrom(0, 3, 50),
});

/** Runs the steps, then lets everything heal; returns what was seen. */
function run(schedule: readonly Step[], wanted: RigOptions & { crashChance: number; confirmMs: number }): Rig {
  const rig = new Rig(wanted);
  rig.crashChance = wanted.crashChance;
  rig.confirmMs = wanted.confirmMs;
  const alive = { s: true, r: true };
  let linked = true;
  const restart = (node: "s" | "r"): void => {
    if (alive[node]) return;
    alive[node] = true;
    rig.restart(node);
    // A node that starts is linked with all that run.
    if (alive.s && alive.r) linked = true;
  };
  const heal = (): void => {
    if (!linked && alive.s && alive.r) rig.cluster.heal("s", "r");
    linked = alive.s && alive.r;
  };
  try {
    for (const step of schedule) {
      if (step.type === "send" && alive.s) rig.send(step.count);
      else if (step.type === "advance") rig.advance(step.ms);
      else if (step.type === "cut" && linked && alive.s && alive.r) {
        rig.cluster.cut("s", "r");
        linked = false;
      } else if (step.type === "heal") heal();
      else if (step.type === "crash-consumer" && alive.r) rig.crashConsumer();
      else if (step.type === "crash" && wanted.store !== "none" && alive[step.node]) {
        rig.crash(step.node);
        alive[step.node] = false;
      } else if (step.type === "restart") restart(step.node);
      else if (step.type === "blink" && wanted.store !== "none" && alive.s && alive[step.node]) {
        rig.send(step.count);
        rig.advance(step.ms);
        rig.crash(step.node);
        rig.restart(step.node);
        linked = alive.s && alive.r;
      }
    }
    restart("s");
    restart("r");
    heal();
    rig.crashChance = 0;
    rig.loss = 0;
    rig.advance(120_000);
  } finally {
    rig.cluster.close();
  }
  return rig;
}

function check(rig: Rig): void {
  expect(rig.violations).toEqual([]);
  expect(new Set(rig.recorded).size).toBe(rig.recorded.length);
  const recorded = new Set(rig.recorded);
  expect([...rig.accepted].filter((n) => !recorded.has(n))).toEqual([]);
  expect(rig.recorded).toEqual(rig.recorded.toSorted((a, b) => a - b));
}

for (const store of ["disk", "journal"] as const) {
  test(`with a ${store} and a consumer that records numbers: nothing lost, doubled or out of order over crashes of either process`, () => {
    fc.assert(
      fc.property(steps, options, (schedule, chosen) => check(run(schedule, { ...chosen, store }))),
      { numRuns: 300 },
    );
  }, 60_000);
}

test("without a store: nothing lost, doubled or out of order over lost links, lost messages and crashes of the consumer", () => {
  fc.assert(
    fc.property(steps, options, (schedule, chosen) => {
      const rig = run(schedule, { ...chosen, store: "none" });
      check(rig);
      expect(rig.refused).toEqual([]);
    }),
    { numRuns: 300 },
  );
}, 60_000);
