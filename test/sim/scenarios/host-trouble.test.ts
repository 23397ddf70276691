import { expect, test } from "vitest";
import { runSeed } from "../../../sim/index.ts";
import { FOREVER_US } from "../../../sim/schedule/blow.ts";

test("VMs that a host refuses to start for good run on the others", () => {
  const trouble = { type: "host-trouble", node: 0, trouble: "refused", durationUs: FOREVER_US } as const;
  const events = [{ ...trouble, atUs: 100_000, tie: 0.5 }];
  const results = [1, 2, 3].map((seed) =>
    runSeed({
      ...{ seed, nodes: 3, durationMs: 20_000, profile: "calm" },
      replay: { schedule: { events, load: "drawn", passedOver: [] } },
    }),
  );
  expect(results.map(({ failure }) => failure)).toEqual([undefined, undefined, undefined]);
  for (const { marks } of results) expect(marks["instances given back"]).toBeGreaterThan(0);
}, 60_000);
