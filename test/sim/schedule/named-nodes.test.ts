/** Which nodes events name, and what is left of events in a smaller cluster. */
import { expect, test } from "vitest";
import { namedNodes, withinNodes } from "../../../sim/schedule/named-nodes.ts";
import type { ScheduledEvent } from "../../../sim/schedule/schedule.ts";

const WHEN = { atUs: 1, tie: 0 };
const CRASH = { ...WHEN, type: "crash", power: false, downUs: 5 } as const;

test("namedNodes() passes over who led, and a hand-over to nobody by name", () => {
  expect(namedNodes({ ...CRASH, node: 2 })).toEqual([2]);
  expect(namedNodes({ ...CRASH, node: 2, leader: 2 })).toEqual([]);
  expect(namedNodes({ ...WHEN, type: "reset", between: [0, 3], leader: 0 })).toEqual([3]);
  expect(namedNodes({ ...WHEN, type: "transfer", node: null, force: false, chance: 1 })).toEqual([]);
  expect(namedNodes({ ...WHEN, type: "heal-all" })).toEqual([]);
});

test("withinNodes() leaves out events of other nodes, and of what names several only those", () => {
  const clog = { ...WHEN, type: "clog", durationUs: 1 } as const;
  const storm = { ...WHEN, type: "reconnect-storm", durationUs: 1 } as const;
  const events: readonly ScheduledEvent[] = [
    { ...CRASH, node: 1 },
    { ...CRASH, node: 2 },
    { ...CRASH, node: 2, leader: 2 },
    {
      ...clog,
      directions: [
        [0, 1],
        [0, 2],
      ],
    },
    { ...clog, directions: [[2, 0]] },
    { ...storm, nodes: [0, 2] },
    { ...WHEN, type: "heal-core", core: [2] },
    { ...WHEN, type: "snapshot", chance: 1 },
  ];
  expect(withinNodes(events, 2)).toEqual([
    events[0],
    events[2],
    { ...clog, directions: [[0, 1]] },
    { ...storm, nodes: [0] },
    events[7],
  ]);
  expect(withinNodes(events, 3)).toEqual(events);
});
