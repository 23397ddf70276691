/** Of whom it is asked that all is well where not all faults end. */
import { expect, test } from "vitest";
import type { Cluster } from "../../../sim/cluster/cluster.ts";
import { runSeed } from "../../../sim/index.ts";
import { Scope } from "../../../sim/scenarios/scope.ts";
import { FOREVER_US } from "../../../sim/schedule/blow.ts";

test("a leader outside of the core owes nothing to who hears it and is not heard by it", () => {
  const atUs = 20_000_000;
  const unheard = [[0, 1]] as const;
  const ending = [
    { type: "heal-core", core: [0, 2, 3], atUs, tie: 0.5, leader: 1 },
    { type: "cut", what: "partly cut 1", directions: unheard, breaks: false, durationUs: FOREVER_US, atUs, tie: 0.5 },
  ] as const;
  const results = [1, 2, 3, 4].map((seed) =>
    runSeed({
      ...{ seed, nodes: 4, durationMs: 20_000, profile: "calm" },
      replay: { schedule: { events: [], ending, load: "drawn", passedOver: [] } },
    }),
  );
  expect(results.map(({ failure }) => failure)).toEqual([undefined, undefined, undefined, undefined]);
  for (const { marks } of results) expect(marks).toMatchObject({ "cores healed": 1, leaders: 1 });
}, 60_000);

test("lag() is what the last who is needed for a quorum lacks, of whom nobody outside of the core is", () => {
  const nodes = [291, 402, 700, 0, 400, 395].map((durableLastIndex, index) => ({ index, disk: { durableLastIndex } }));
  const cluster = { nodes } as unknown as Cluster;
  // Four of six are a quorum: without the two that lack most where all count, and with each of the core where four are.
  expect(new Scope(cluster, null).lag()).toBe(700 - 395);
  expect(new Scope(cluster, { core: new Set([0, 1, 4, 5]), hub: null }).lag()).toBe(402 - 291);
});
