import { expect, test } from "vitest";
import { type GuestVerbs, lackingVerbs, type VerbResult } from "../../runtime/index.ts";

function make(
  own: Partial<GuestVerbs>,
  lacks: Parameters<typeof lackingVerbs>[0]["lacks"],
): {
  verbs: GuestVerbs;
  pending: (() => void)[];
} {
  const pending: (() => void)[] = [];
  return { verbs: lackingVerbs({ driver: "half", lacks, own, later: (run) => pending.push(run) }), pending };
}

test("lackingVerbs() refuses what is lacked with the reason, and not during the call", () => {
  const { verbs, pending } = make({}, { pause: "no brakes" });
  const results: VerbResult[] = [];
  verbs.resume("i-1", (result) => results.push(result));
  expect(results).toEqual([]);
  for (const run of pending) run();
  expect(results).toEqual([
    {
      ok: false,
      code: "unsupported",
      message: 'Cannot pause or resume instance "i-1": the driver "half" lacks it (no brakes)',
    },
  ]);
});

test("lackingVerbs() hands what is not lacked to the driver, as the driver's own method", () => {
  const own = {
    seen: [] as string[],
    pause(instance: string): void {
      this.seen.push(instance);
    },
  };
  make(own, {}).verbs.pause("i-2", () => undefined);
  expect(own.seen).toEqual(["i-2"]);
});

test("lackingVerbs() throws where a driver neither does nor lacks a verb", () => {
  expect(() => make({}, {}).verbs.readMetrics("i-3", () => undefined)).toThrow(
    'driver "half" neither does nor lacks "readMetrics"',
  );
});

test("lackingVerbs() drops checkpoints of a driver that makes none, for there are none", () => {
  const { verbs, pending } = make({}, { checkpoint: "no memory" });
  const results: VerbResult[] = [];
  verbs.dropCheckpoint("c-1", (result) => results.push(result));
  for (const run of pending) run();
  expect(results).toEqual([{ ok: true }]);
});
