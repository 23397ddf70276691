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

test("below level 2 a VM may come again and again to a host that refuses it, and the run is clean", () => {
  const events = [
    { type: "crash", node: 2, power: true, downUs: FOREVER_US, atUs: 200_000, tie: 0.5 } as const,
    { type: "host-trouble", node: 0, trouble: "refused", durationUs: FOREVER_US, atUs: 300_000, tie: 0.5 } as const,
  ];
  const ending = [{ type: "heal-core", core: [0, 1], atUs: 20_000_000, tie: 0.5 } as const];
  const results = [1, 2, 3, 4, 5, 6].map((seed) =>
    runSeed({
      ...{ seed, nodes: 3, durationMs: 20_000, profile: "calm" },
      replay: { schedule: { events, ending, load: "drawn", passedOver: [] } },
    }),
  );
  expect(results.filter(({ failure }) => failure !== undefined)).toEqual([]);
  for (const { marks } of results) {
    expect(marks).toMatchObject({ "cores healed": 1, "levels raised": 0, "instances given back": 0 });
  }
  expect(results.some(({ marks }) => (marks["starts refused"] ?? 0) > 20)).toBe(true);
}, 60_000);

test("nothing is asked of users whom a schedule leaves out", () => {
  const results = [1, 2, 3, 4, 5, 6].map((seed) =>
    runSeed({
      ...{ seed, nodes: 1, durationMs: 1000, profile: "calm" },
      replay: { schedule: { events: [], load: "scheduled", passedOver: [] } },
    }),
  );
  expect(results.filter(({ failure }) => failure !== undefined)).toEqual([]);
}, 60_000);
