/** Replicated time is never ahead of real time, whoever proposes it and however late it comes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { TimeKeeper } from "../../../../actors/raft/machine/time-keeper.ts";

test("due() proposes what went by since this node leads, and nothing while nothing happens", () => {
  const time = new TimeKeeper();
  expect(time.due(5)).toBeNull();
  time.begin(1000, 50);
  expect(time.due(10_050)).toBe(11_000);
  time.moved(11_000, 10_060);
  expect(time.due(20_060)).toBeNull();
  time.stir();
  expect(time.due(30_060.5)).toBe(31_000);
  time.end();
  expect(time.due(40_000)).toBeNull();
});

test("due() of nodes that lead by turns or at once never makes time run ahead", () => {
  const node = fc.nat(2);
  const step = fc.record({
    type: fc.constantFrom("lead", "end", "propose", "propose", "apply", "apply"),
    node,
    waitMs: fc.nat(5000),
    which: fc.nat(20),
  });
  let furthest = 0;
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.array(fc.nat(1_000_000), { minLength: 3, maxLength: 3 }),
      (steps, offsets) => {
        const keepers = [new TimeKeeper(), new TimeKeeper(), new TimeKeeper()];
        const proposed: number[] = [];
        let [realMs, timeMs] = [0, 0];
        for (const { type, node: at, waitMs, which } of steps) {
          realMs += waitMs;
          const keeper = keepers[at] as TimeKeeper;
          // No two clocks agree.
          const nowMs = realMs + (offsets[at] ?? 0);
          if (type === "lead") keeper.begin(timeMs, nowMs);
          else if (type === "end") keeper.end();
          else if (type === "propose") {
            keeper.stir();
            const toMs = keeper.due(nowMs);
            if (toMs !== null) proposed.push(toMs);
          } else if (proposed.length > 0) {
            // Any of them, however old, and as often as it likes.
            const before = timeMs;
            timeMs = Math.max(timeMs, proposed[which % proposed.length] ?? 0);
            for (const [other, each] of keepers.entries()) each.moved(timeMs, realMs + (offsets[other] ?? 0));
            expect(timeMs).toBeGreaterThanOrEqual(before);
          }
          expect(timeMs).toBeLessThanOrEqual(realMs);
          furthest = Math.max(furthest, timeMs);
        }
      },
    ),
    { numRuns: 300, seed: 5 },
  );
  expect(furthest).toBeGreaterThan(10_000);
});
