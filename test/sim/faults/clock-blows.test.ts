/** Blows at clocks: what is drawn stays within what the software states, and outside of it the checkers find what breaks. */
import { expect, test } from "vitest";
import { createRandom } from "../../../runtime/index.ts";
import { ClockBlowMaker } from "../../../sim/faults/clock-blow-maker.ts";
import { runSeed, type Schedule } from "../../../sim/index.ts";
import { mapNodes, type BlowAct } from "../../../sim/schedule/blow.ts";
import { isClockBlow, type ClockBlow } from "../../../sim/schedule/clock-blow.ts";
import { checkEvent } from "../../../sim/shrink/check-event.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";

/** What a lease bears: see `clock-blow-maker.ts`. */
const FREEZE_MAX_US = 150_000;
const LEASE_US = 6_310_000;
const DRIFT_MAX = 0.0045;

const SEEDS_MAX = 100;

const BLOWS: readonly ClockBlow[] = [
  { type: "wall-step", node: 1, byMs: -3_600_000 },
  { type: "clock-freeze", node: 0, durationUs: 100_000 },
  { type: "clock-drift", node: 2, rate: 1.004, durationUs: 5_000_000 },
];

test(
  "clocks that are wrong outside of the stated bound make a VM run twice, and it is found",
  { timeout: 120_000 },
  () => {
    const seeds = Array.from({ length: SEEDS_MAX }, (_, at) => at + 1);
    const found = seeds.find((seed) => {
      const { failure } = runSeed({ seed, nodes: 3, durationMs: 60_000, profile: "broken-clocks" });
      return failure?.invariant === "a-vm-never-runs-twice";
    });
    expect(found, `none of ${SEEDS_MAX} seeds found it`).toBeDefined();
  },
);

test("drawn freezes stay below what leases bear, drawn rates within the bound, and wall clocks step both ways", () => {
  const { maker, timeline, struck } = drawing();
  for (let at = 0; at < 3000; at++) {
    const victim = { index: at % 3 };
    maker.freeze(victim);
    maker.drift(victim);
    maker.stepWall(victim);
    timeline.run(timeline.nowUs + 50_000);
  }
  const frozen = struck.filter(({ act }) => act.type === "clock-freeze");
  expect(frozen.length).toBeGreaterThan(100);
  for (const { atUs, act } of frozen) {
    const ofNode = frozen.filter((one) => one.act.node === act.node);
    const near = ofNode.filter((one) => one.atUs <= atUs && one.atUs > atUs - LEASE_US);
    expect(near.reduce((sum, one) => sum + lengthOf(one.act), 0)).toBeLessThanOrEqual(FREEZE_MAX_US);
  }
  const rates = struck.flatMap(({ act }) => (act.type === "clock-drift" ? [act.rate] : []));
  expect(Math.max(...rates.map((rate) => Math.abs(rate - 1)))).toBeLessThanOrEqual(DRIFT_MAX);
  const steps = struck.flatMap(({ act }) => (act.type === "wall-step" ? [act.byMs] : []));
  expect(Math.min(...steps)).toBeLessThan(-86_400_000);
  expect(Math.max(...steps)).toBeGreaterThan(86_400_000);
});

test("what is drawn outside of the bound is outside of it", () => {
  const { maker, struck } = drawing();
  for (let at = 0; at < 200; at++) maker.unbind({ index: 0 });
  expect(struck).toHaveLength(200);
  for (const { act } of struck) {
    if (act.type === "clock-drift") expect(Math.abs(act.rate - 1)).toBeGreaterThan(0.01);
    else expect(lengthOf(act)).toBeGreaterThan(250_000);
  }
});

interface Struck {
  readonly atUs: number;
  readonly act: ClockBlow;
}

/** Who draws, over a cluster that is not there. */
function drawing(): {
  readonly maker: ClockBlowMaker;
  readonly timeline: Timeline;
  readonly struck: readonly Struck[];
} {
  const random = createRandom(5);
  const timeline = new Timeline(random.fork(), new EventLog({ linesKept: 0 }));
  const struck: Struck[] = [];
  const strike = (act: BlowAct): boolean => {
    if (isClockBlow(act)) struck.push({ atUs: timeline.nowUs, act });
    return true;
  };
  const blows = { strike, drawUs: () => 1_000_000, partition: () => true };
  return { maker: new ClockBlowMaker(timeline, random.fork(), blows), timeline, struck };
}

function lengthOf(act: ClockBlow): number {
  return "durationUs" in act ? act.durationUs : 0;
}

test("what is struck is told, ends by itself, and can be struck again", () => {
  const events = BLOWS.map((blow, at) => ({ ...blow, atUs: 3_000_000 + at, tie: 0 }));
  const schedule: Schedule = { events, load: "drawn", passedOver: [] };
  const lines: string[] = [];
  const options = { seed: 1, nodes: 3, durationMs: 20_000, profile: "leases", replay: { schedule } } as const;
  const result = runSeed({ ...options, onLine: (line) => void lines.push(line) });
  expect(result.failure).toBeUndefined();
  expect(result.faults).toEqual({ "wall-step": 1, "clock-freeze": 1, "clock-drift": 1 });
  expect(lines).toContain("3000000 fault wall-step 1 -3600000");
  expect(lines).toContain("3000001 fault clock-freeze 0 100000");
  expect(runSeed(options).eventLogHash).toBe(result.eventLogHash);
});

test("mapNodes() and checkEvent() know each of them", () => {
  for (const blow of BLOWS) {
    expect(mapNodes(blow, (node) => node + 10)).toEqual({ ...blow, node: blow.node + 10 });
    expect(checkEvent({ ...blow, atUs: 1, tie: 0 })).toBeNull();
  }
  expect(checkEvent({ type: "clock-drift", node: 0, rate: 0, durationUs: 1, atUs: 1, tie: 0 })).toContain('"rate"');
  expect(checkEvent({ type: "wall-step", node: 0, atUs: 1, tie: 0 })).toContain('"byMs"');
});
