/** The file of a run: whole again when it is read, and refused by name when it is something else. */
import { describe, expect, test } from "vitest";
import {
  formatReplay,
  parseReplay,
  recordSeed,
  ReplayFileError,
  runSeed,
  type Replayable,
} from "../../../sim/index.ts";

const OPTIONS = { seed: 5, profile: "elections", nodes: 3, durationMs: 20_000 } as const;

function recorded(): { readonly run: Replayable; readonly text: string; readonly hash: string } {
  const { result, schedule } = recordSeed(OPTIONS);
  const run: Replayable = { ...OPTIONS, planted: { raft: [17] }, replay: { schedule } };
  return { run, text: formatReplay(run, result, "0.0.1"), hash: result.eventLogHash };
}

test("parseReplay() reads what formatReplay() wrote, and it is the same run", () => {
  const { run, text, hash } = recorded();
  const file = parseReplay(text, "a.json");
  expect(file).toEqual({ software: "0.0.1", run, failure: null, eventLogHash: hash });
  expect(runSeed({ ...file.run, planted: {} }).eventLogHash).toBe(hash);
});

describe("parseReplay() refuses", () => {
  const head = {
    format: "blixard-replay",
    formatVersion: 1,
    software: "0.0.1",
    failure: null,
    eventLogHash: "",
    passedOver: [],
  };
  const schedule = { load: "drawn" };
  const run = { ...OPTIONS, replay: { schedule } };
  const event = { type: "crash", node: 1, power: false, downUs: 5, atUs: 1, tie: 0 };

  test.each<[string, string, string]>([
    ["what is no JSON", "{", "it is no JSON"],
    ["another file", '{"format":"x"}', "it is no recorded run of the simulator"],
    [
      "another version",
      JSON.stringify({ ...head, formatVersion: 2, software: "9.1.0" }),
      "it is of format version 2, this software reads version 1. Blixard 9.1.0 wrote it",
    ],
    [
      "an act that does not exist",
      JSON.stringify({ ...head, run, events: [event, { ...event, type: "explode" }] }),
      'event 2 of 2 is of a type that does not exist: "explode"',
    ],
    [
      "a node that is not there",
      JSON.stringify({ ...head, run, events: [event, { ...event, node: 3 }] }),
      "event 2 of 2 (crash) names node 3, and this run has nodes 0 to 2",
    ],
    [
      "a link that is not there",
      JSON.stringify({
        ...head,
        run,
        events: [{ atUs: 1, tie: 0, type: "clog", directions: [[0, 7]], durationUs: 1 }],
      }),
      "event 1 of 1 (clog) names node 7, and this run has nodes 0 to 2",
    ],
    [
      "a VM that is not there",
      JSON.stringify({
        ...head,
        run: { ...run, profile: "calm", vms: 2 },
        events: [{ atUs: 1, tie: 0, type: "ask", node: 0, vm: 2, chance: 1 }],
      }),
      "event 1 of 1 (ask) names VM 2, and this run has VMs 0 to 1",
    ],
    [
      "a VM where there are none",
      JSON.stringify({ ...head, run, events: [{ atUs: 1, tie: 0, type: "ask", node: 0, vm: 0, chance: 1 }] }),
      "event 1 of 1 (ask) names VM 0, and this run has no VMs",
    ],
    [
      "a node of its end that is not there",
      JSON.stringify({ ...head, run, events: [], ending: [{ atUs: 1, tie: 0, type: "heal-core", core: [0, 4] }] }),
      "event of the end 1 of 1 (heal-core) names node 4, and this run has nodes 0 to 2",
    ],
    [
      "an act that says too little",
      JSON.stringify({ ...head, run, events: [{ ...event, downUs: "long" }] }),
      'event 1 of 1 (crash) has no "downUs" that can be used: "long"',
    ],
    [
      "a profile that does not exist",
      JSON.stringify({ ...head, run: { ...run, profile: "stormy" }, events: [] }),
      'there is no profile "stormy"',
    ],
    ["too many nodes", JSON.stringify({ ...head, run: { ...run, nodes: 99 }, events: [] }), "Cannot simulate 99 nodes"],
    ["a run without a schedule", JSON.stringify({ ...head, run: OPTIONS, events: [] }), 'its "run" has no "replay"'],
  ])("%s", (_, text, why) => {
    expect(() => parseReplay(text, "a.json")).toThrow(ReplayFileError);
    expect(() => parseReplay(text, "a.json")).toThrow(`Cannot replay a.json: ${why}`);
  });

  test("nothing of what is right", () => {
    expect(parseReplay(JSON.stringify({ ...head, run, events: [event] }), "a.json").run.replay.schedule.events).toEqual(
      [event],
    );
  });
});

test("parseReplay() takes nodes that join a cluster whose membership changes, and whoever led in a larger one", () => {
  const { text } = recorded();
  const file = JSON.parse(text) as Record<string, unknown>;
  const crash = { type: "crash", power: false, downUs: 5, atUs: 1, tie: 0 };
  const read = (profile: string, event: object): number =>
    parseReplay(JSON.stringify({ ...file, run: { ...(file["run"] as object), profile }, events: [event] }), "a.json")
      .run.replay.schedule.events.length;
  expect(read("membership", { ...crash, node: 4 })).toBe(1);
  expect(() => read("membership", { ...crash, node: 5 })).toThrow("names node 5, and this run has nodes 0 to 4");
  expect(read("elections", { ...crash, node: 6, leader: 6 })).toBe(1);
});
