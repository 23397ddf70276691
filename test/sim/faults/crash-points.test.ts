/** A process ends at the point that a blow names, and the cluster bears it. */
import { expect, test } from "vitest";
import { runSeed, type RunOptions } from "../../../sim/index.ts";
import {
  CRASH_POINTS,
  crashMark,
  HAND_OVER_POINTS,
  MOVE_POINTS,
  RAFT_CRASH_POINTS,
  type CrashPoint,
} from "../../../sim/schedule/crash-point.ts";

const NODES = [0, 1, 2];

/** Each node is to end there, the first time that it comes by. */
function crashAt(point: CrashPoint, power: boolean, onLine: (line: string) => void): ReturnType<typeof runSeed> {
  const events = NODES.map((node) => {
    return { type: "crash-at", node, point, nth: 1, power, downUs: 500_000, atUs: 1000 + node, tie: 0 } as const;
  });
  const schedule = { events, load: "drawn", passedOver: [] } as const;
  const options: RunOptions = { seed: 7, profile: "elections", nodes: 3, durationMs: 8000, replay: { schedule } };
  return runSeed({ ...options, onLine });
}

test.each(["vote written", "vote synced", "vote-request sent", "append sent", "entries synced"] as const)(
  "a process ends at %s, and all goes on",
  (point) => {
    for (const power of [false, true]) {
      const lines: string[] = [];
      const { failure, marks } = crashAt(point, power, (line) => void lines.push(line));
      expect(failure).toBeUndefined();
      expect(marks[crashMark(point)]).toBeGreaterThan(0);
      expect(lines.some((line) => line.includes(`crash-point`))).toBe(true);
    }
  },
);

test("a vote that is synced when the process ends is on disk, and its candidate has not heard of it", () => {
  const lines: string[] = [];
  crashAt("vote synced", false, (line) => void lines.push(line));
  const at = lines.findIndex((line) => / crash-point (\d)/.test(line));
  const [timeUs, , node] = (lines[at] ?? "").split(" ");
  expect(lines.slice(0, at).some((line) => line.includes(` sync ${node} term 1`))).toBe(true);
  const said = lines.filter((line) => line.includes(` deliver ${node} `) && line.includes("vote-response 1"));
  expect(said.filter((line) => Number(line.split(" ")[0]) < Number(timeUs) + 500_000)).toEqual([]);
});

test.each(HAND_OVER_POINTS)(
  "a process ends at %s, on the way of a VM from node to node, and none runs twice",
  (point) => {
    const arm = NODES.map((node) => {
      return {
        type: "crash-at",
        node,
        point,
        nth: 1,
        power: false,
        downUs: 9_000_000,
        atUs: 5_000_000,
        tie: 0,
      } as const;
    });
    const mute = { type: "crash", node: 0, power: false, downUs: 12_000_000, atUs: 6_000_000, tie: 0 } as const;
    const schedule = { events: [...arm, mute], load: "drawn", passedOver: [] } as const;
    const options = { seed: 7, profile: "mixed", nodes: 3, vms: 3, durationMs: 30_000, replay: { schedule } } as const;
    const { failure, marks } = runSeed(options);
    expect(failure).toBeUndefined();
    expect(marks[crashMark(point)]).toBeGreaterThan(0);
  },
);

test.each(MOVE_POINTS)("a process ends at %s, on the way of a running guest, and none runs twice", (point) => {
  const about = { type: "crash-at", point, nth: 1, power: false, downUs: 4_000_000, tie: 0 } as const;
  const events = [15_000_000, 36_000_000].flatMap((atUs) => NODES.map((node) => ({ ...about, node, atUs })));
  const schedule = { events, load: "drawn", passedOver: [] } as const;
  // A run with users who move VMs.
  const options = { seed: 5, profile: "mixed", nodes: 3, vms: 3, durationMs: 60_000, replay: { schedule } } as const;
  const { failure, marks } = runSeed(options);
  expect(failure).toBeUndefined();
  expect(marks["migrations begun"]).toBeGreaterThan(5);
  expect(marks[crashMark(point)]).toBeGreaterThan(0);
});

test("every point has a name of its own", () => {
  expect(new Set(CRASH_POINTS).size).toBe(CRASH_POINTS.length);
  expect(RAFT_CRASH_POINTS.length).toBe(CRASH_POINTS.length - HAND_OVER_POINTS.length - MOVE_POINTS.length - 1);
});
