/** Blows at links: drawn, recorded, struck again, and each with the effect that it is for. */
import { expect, test } from "vitest";
import { recordSeed, runSeed, type Schedule, type SeedResult } from "../../../sim/index.ts";
import { checkEvent } from "../../../sim/shrink/check-event.ts";
import { mapNodes } from "../../../sim/schedule/blow.ts";
import type { Directions, LinkBlow } from "../../../sim/schedule/link-blow.ts";

const ALL: Directions = [0, 1, 2].flatMap((from) => [0, 1, 2].flatMap((to) => (from === to ? [] : [[from, to]])));

const LONG_US = 8_000_000;

/** One of each, and what a run is marked with when it had its effect. */
const BLOWS: readonly (readonly [LinkBlow, string])[] = [
  [{ type: "link-weather", directions: ALL, key: "loss", value: 0.5, durationUs: LONG_US }, "lost"],
  [{ type: "bandwidth", directions: ALL, bytesPerSecond: 5000, durationUs: LONG_US }, "messages in line"],
  [{ type: "clog", directions: [[0, 1]], durationUs: LONG_US }, "messages in a burst"],
  [{ type: "flap", directions: ALL, downUs: 3_000_000, upUs: 100_000, durationUs: LONG_US }, "lost"],
  [{ type: "filter", directions: ALL, kind: "heartbeat", durationUs: LONG_US }, "messages filtered"],
  [{ type: "replay", directions: ALL, durationUs: 1_000_000, afterUs: 4_000_000 }, "messages said again"],
  [{ type: "reconnect-storm", nodes: [0, 1, 2], durationUs: LONG_US }, "connections stormed"],
  [{ type: "half-open", between: [1, 0], noticeUs: 4_000_000 }, "messages to nobody"],
];

function runOf(blows: readonly LinkBlow[], onLine: (line: string) => void = () => {}): SeedResult {
  const calls = Array.from({ length: 20 }, (_, at) => {
    return {
      type: "call",
      client: at % 3,
      key: 0,
      how: "put",
      chance: 1,
      atUs: 3_000_000 + at * 400_000,
      tie: 0,
    } as const;
  });
  const struck = blows.map((blow) => ({ ...blow, atUs: 2_500_000, tie: 0 }));
  const schedule: Schedule = { events: [...struck, ...calls], load: "scheduled", passedOver: [] };
  return runSeed({ seed: 3, profile: "elections", nodes: 3, durationMs: 15_000, replay: { schedule }, onLine });
}

const calm = runOf([]);

test.each(BLOWS.map(([blow, mark]) => [blow.type, blow, mark] as const))(
  "%s has its effect, and ends",
  (type, blow, mark) => {
    const result = runOf([blow]);
    expect(result.failure).toBeUndefined();
    expect(result.faults[type]).toBe(1);
    expect(result.marks[mark]).toBeGreaterThan(calm.marks[mark] ?? 0);
    expect(result.marks["acknowledged"]).toBeGreaterThan(0);
    expect(runOf([blow]).eventLogHash).toBe(result.eventLogHash);
  },
);

test("of nodes that a cluster has not, and links that are not up, nothing is struck", () => {
  const result = runOf([
    { type: "clog", directions: [[7, 8]], durationUs: 1000 },
    { type: "reconnect-storm", nodes: [7], durationUs: 1000 },
    { type: "half-open", between: [0, 7], noticeUs: 1000 },
  ]);
  expect(result.faults["not possible"]).toBe(3);
});

test("what was to be said again after all faults have ended is not", () => {
  const lines: string[] = [];
  const result = runOf(
    [{ type: "replay", directions: ALL, durationUs: 1_000_000, afterUs: 60_000_000 }],
    (line) => void lines.push(line),
  );
  expect(lines.some((line) => line.includes("fault replay"))).toBe(true);
  expect(result.marks["messages said again"]).toBe(0);
});

test("mapNodes() and checkEvent() know each of them", () => {
  for (const [blow] of BLOWS) {
    const mapped = mapNodes(
      mapNodes(blow, (node) => node + 10),
      (node) => node - 10,
    );
    expect(mapped).toEqual(blow);
    expect(mapNodes(blow, (node) => node + 10)).not.toEqual(blow);
    expect(checkEvent({ ...blow, atUs: 1, tie: 0 })).toBeNull();
  }
  const flap = { type: "flap", directions: [[0, 1]], downUs: 0, upUs: 1, durationUs: 1, atUs: 1, tie: 0 };
  expect(checkEvent(flap)).toContain('"downUs"');
});

test("recordSeed() writes each kind down so that it is struck again, byte for byte", { timeout: 60_000 }, () => {
  const missing = new Set<string>(BLOWS.map(([{ type }]) => type));
  for (let seed = 1; missing.size > 0 && seed <= 40; seed++) {
    const options = { seed, profile: "elections", everyFault: true, nodes: 3, durationMs: 30_000 } as const;
    const { result, schedule } = recordSeed(options);
    const fresh = schedule.events.filter(({ type }) => missing.has(type));
    if (fresh.length === 0) continue;
    const stored = JSON.parse(JSON.stringify(schedule)) as Schedule;
    expect(runSeed({ ...options, replay: { schedule: stored } }).eventLogHash).toBe(result.eventLogHash);
    for (const { type } of fresh) missing.delete(type);
  }
  expect([...missing]).toEqual([]);
});
