/** Expectations against what was seen: each kept, broken, and not judged where what it is about did not happen. */
import { expect, test } from "vitest";
import { judge, shortages } from "../../../sim/scenario-file/judge.ts";
import type { Observation, ObservedStrike, VmOutage } from "../../../sim/scenario-file/observation.ts";
import type { Expectation } from "../../../sim/scenario-file/scenario-plan.ts";

function outage(fromMs: number, untilMs: number | null): VmOutage {
  return { fromMs, untilMs, reason: "", node: 0 };
}

function strike(fault: string, atMs: number, untilMs: number): ObservedStrike {
  return { fault, title: fault, atMs, untilMs, nodes: [0], notStruck: null, leader: 0, places: {} };
}

function seen(parts: Partial<Observation> = {}): Observation {
  return {
    spanMs: 100_000,
    vms: [],
    leaderless: [],
    requests: [],
    strikes: [strike("dark", 20_000, 50_000)],
    ...parts,
  };
}

const HEALTHY: Expectation = { type: "healthy", vms: ["web"], withinMs: 30_000, after: "dark", title: "" };

test.each([
  [[], true, 0],
  [[outage(25_000, 45_000)], true, 25_000],
  [[outage(25_000, 50_001)], false, 30_001],
  // Before the strike, and after the time.
  [[outage(1000, 2000), outage(60_000, 90_000)], true, 0],
  // Down already when it struck.
  [[outage(10_000, 22_000)], true, 2000],
  [[outage(49_000, null)], false, 80_000],
])("healthy after a fault: %j", (outages, isKept, figureMs) => {
  const verdict = judge(HEALTHY, seen({ vms: [{ name: "web", outages }] }), null);
  expect(verdict).toMatchObject({ isKept, figureMs, vms: isKept ? [] : ["web"], notJudged: null });
});

test("healthy is broken by who is still down at the end, however soon that is", () => {
  const late = seen({
    strikes: [strike("dark", 80_000, 90_000)],
    vms: [{ name: "web", outages: [outage(85_000, null)] }],
  });
  expect(judge(HEALTHY, late, null)).toMatchObject({ isKept: false, figureMs: 20_000, isOpen: true, vms: ["web"] });
});

test("healthy is not judged where the fault was not struck", () => {
  expect(judge({ ...HEALTHY, after: "other" }, seen(), null).notJudged).toBe("other was not struck");
  const strikes = [{ ...strike("dark", 20_000, 20_000), notStruck: "there was nobody to strike" }];
  expect(judge(HEALTHY, seen({ strikes }), null).notJudged).toBe("dark was not struck");
});

test("downtime looks at the longest of each VM", () => {
  const vms = [
    { name: "web", outages: [outage(0, 5000), outage(9000, 12_000)] },
    { name: "db", outages: [outage(90_000, null)] },
  ];
  const expectation: Expectation = { type: "downtime", vms: ["web", "db"], maxMs: 5000, title: "" };
  expect(judge(expectation, seen({ vms }), null)).toMatchObject({
    isKept: false,
    figureMs: 10_000,
    isOpen: true,
    vms: ["db"],
  });
  expect(judge({ ...expectation, vms: ["web"] }, seen({ vms }), null)).toMatchObject({ isKept: true, figureMs: 5000 });
});

test("available counts only when too few serve at one time", () => {
  const vms = [
    { name: "web-1", outages: [outage(10_000, 20_000)] },
    { name: "web-2", outages: [outage(18_000, 30_000), outage(95_000, null)] },
  ];
  const expectation: Expectation = {
    ...{ type: "available", app: "web", vms: ["web-1", "web-2"], title: "" },
    ...{ min: 1, gapMs: 1000 },
  };
  expect(judge(expectation, seen({ vms }), null)).toMatchObject({ isKept: false, figureMs: 2000 });
  expect(judge({ ...expectation, gapMs: 2000 }, seen({ vms }), null).isKept).toBe(true);
  expect(judge({ ...expectation, min: 2, gapMs: 2000 }, seen({ vms }), null)).toMatchObject({ figureMs: 20_000 });
  expect(shortages(["web-1", "web-2"], 2, seen({ vms }))).toEqual([
    { fromMs: 10_000, untilMs: 30_000 },
    { fromMs: 95_000, untilMs: null },
  ]);
});

test("lost is who is down when the fault ends", () => {
  const lost = (outages: readonly VmOutage[]): boolean =>
    judge({ type: "lost", vms: ["db"], after: "dark", title: "" }, seen({ vms: [{ name: "db", outages }] }), null)
      .isKept;
  expect(lost([outage(26_000, 51_000)])).toBe(true);
  expect(lost([outage(26_000, null)])).toBe(true);
  expect(lost([outage(26_000, 40_000)])).toBe(false);
  expect(lost([outage(60_000, 70_000)])).toBe(false);
});

test("acknowledged counts from the first attempt, and not what lies in an excepted fault", () => {
  const requests = [
    { what: "writes", startedMs: 15_000, answeredMs: 55_000 },
    { what: "reads", startedMs: 0, answeredMs: 90_000 },
  ] as const;
  const expectation: Expectation = { type: "answered", what: "writes", withinMs: 10_000, except: [], title: "" };
  expect(judge(expectation, seen({ requests }), null)).toMatchObject({ isKept: false, figureMs: 40_000 });
  expect(judge({ ...expectation, except: ["dark"] }, seen({ requests }), null)).toMatchObject({
    isKept: true,
    figureMs: 10_000,
  });
  // Two strikes at one time are counted once.
  const strikes = [strike("dark", 20_000, 50_000), strike("dark", 30_000, 40_000)];
  expect(judge({ ...expectation, except: ["dark"] }, seen({ requests, strikes }), null).figureMs).toBe(10_000);
  const unanswered = [{ what: "writes", startedMs: 70_000, answeredMs: null }] as const;
  expect(judge(expectation, seen({ requests: unanswered }), null)).toMatchObject({
    isKept: false,
    figureMs: 30_000,
    isOpen: true,
  });
  expect(judge(expectation, seen(), null).notJudged).toBe("there were no writes");
});

test("leader bounds the longest time without one", () => {
  const leaderless = [{ fromMs: 19_000, untilMs: 24_000 }];
  const expectation: Expectation = { type: "leader", gapMs: 4000, except: [], title: "" };
  expect(judge(expectation, seen({ leaderless }), null)).toMatchObject({ isKept: false, figureMs: 5000 });
  expect(judge({ ...expectation, except: ["dark"] }, seen({ leaderless }), null)).toMatchObject({
    isKept: true,
    figureMs: 1000,
  });
});

test("a broken rule of the simulator leaves nothing to judge but a VM that ran twice", () => {
  const twice: Expectation = { type: "never-two", title: "" };
  expect(judge(HEALTHY, seen(), "log-matching").notJudged).toBe("a rule of the simulator was broken");
  expect(judge(twice, seen(), "log-matching").notJudged).toBe("a rule of the simulator was broken");
  expect(judge(twice, seen(), "a-vm-never-runs-twice")).toMatchObject({ isKept: false, notJudged: null });
  expect(judge(twice, seen(), null).isKept).toBe(true);
});
