/** Lines, blows and messages in words that people read. */
import { describe, expect, test } from "vitest";
import type { BlowAct } from "../../../sim/schedule/blow.ts";
import { describeAct } from "../../../sim/record/describe-act.ts";
import { describeMessage } from "../../../sim/record/describe-message.ts";
import { describeWrite } from "../../../sim/record/describe-write.ts";
import { readLine } from "../../../sim/record/read-line.ts";

const NAMES = ["n1", "n2", "n3"];

describe("readLine()", () => {
  test.each([
    ["100 start 1 life 2", 1, "starts (life 2)", { life: "start" }],
    ["100 power-loss 2", 2, "its host loses power", { life: "end" }],
    ["100 link-break 0 2 peer gone", 0, "link to n3 breaks: peer gone", { broken: [0, 2] }],
    ["100 link-down 1 sees 0", 1, "sees its link to n1 down", {}],
    ["100 sync 1 term 3 last 14", 1, "synced: term 3 last 14", { isSync: true }],
    ["100 configuration 0 4 {n1 n2}", 0, "configuration at index 4 {n1 n2}", {}],
    ["100 journal journal-2 append appended", 2, "what it wrote to its journal is on the disk", { isJournal: true }],
    ["100 call 7 c1 put k0 s1", "clients", "c1 begins operation 7: put k0", {}],
    ["100 healed", "outside", "all faults end, clients stop", { isHealed: true }],
    ["100 heal partition 0,2", "outside", "ends: partition n1,n3", {}],
    ["100 something 1 new of it", 1, "something new of it", {}],
    ["100 something else", "outside", "something else", {}],
    ["100 note anybody's words", "outside", "anybody's words", {}],
    ["100 note 2 n3 commit t73", 2, "n3 commit t73", {}],
  ])("%s", (line, lane, text, more) => {
    expect(readLine(line, NAMES, new Map())).toMatchObject({ lane, fact: { type: "said", text }, ...more });
  });

  test("passes over what the network and the faults tell with more in it", () => {
    for (const line of ["1 deliver 0 1 raft append 2", "1 fault loss 0.3", "1 leader 0 term 2 last 3"]) {
      expect(readLine(line, NAMES, new Map())).toBeNull();
    }
  });

  test("knows which node an operation was asked at when it is answered", () => {
    const asked = new Map<string, number>();
    expect(readLine("1 ask 7 at 2", NAMES, asked)?.fact).toMatchObject({ to: 2 });
    expect(readLine("2 refused 7 not-leader", NAMES, asked)?.fact).toMatchObject({ from: 2 });
    expect(readLine("3 return 7 true", NAMES, asked)?.fact).toMatchObject({ from: 2, text: "operation 7: true" });
    expect(asked.size).toBe(0);
  });
});

describe("describeAct()", () => {
  const both = [
    [0, 1],
    [1, 0],
    [0, 2],
    [2, 0],
  ] as const;
  test.each<[BlowAct, Partial<ReturnType<typeof describeAct>>]>([
    [
      { type: "crash", node: 1, power: true, downUs: 5 },
      { text: "n2's host loses power", lanes: [1], durationUs: 5 },
    ],
    [
      { type: "cut", what: "partition 0", directions: both, breaks: true, durationUs: 9 },
      { text: "cut: partition n1", lanes: [0], span: "network", durationUs: 9 },
    ],
    [
      { type: "cut", what: "cut 0>1", directions: [[0, 1]], breaks: true, durationUs: 9 },
      { text: "cut n1>n2 (n1 ⇸ n2)", lanes: [0, 1] },
    ],
    [
      { type: "disk-hang", node: 2, durationUs: 7 },
      { text: "n3's disk hangs", span: "disk", lanes: [2] },
    ],
    [
      { type: "weather", key: "loss", value: 0.25, durationUs: 7 },
      { text: "weather: loss 0.25", lanes: ["outside"] },
    ],
    [
      { type: "clock-freeze", node: 0, durationUs: 7 },
      { text: "n1's clock stands still", span: null },
    ],
    [
      { type: "bandwidth", directions: both.slice(0, 2), bytesPerSecond: 900, durationUs: 7 },
      { text: "only 900 bytes a second pass among n1, n2", lanes: [0, 1], span: "network" },
    ],
    [{ type: "heal-all" }, { text: "everything is healed", span: null, durationUs: null }],
  ])("%o", (act, told) => {
    expect(describeAct(act, NAMES)).toMatchObject(told);
  });

  test("tells a kind that it has never heard of by its fields", () => {
    const act = { type: "gremlin", node: 1, mood: "bad", tries: 3, durationUs: 100 } as unknown as BlowAct;
    expect(describeAct(act, NAMES)).toEqual({
      ...{ text: "gremlin n2 mood bad tries 3", lanes: [1], span: null, durationUs: 100 },
    });
  });
});

describe("describeMessage()", () => {
  const to = { node: "n2", path: "raft" };
  const from = { node: "n1", path: "raft" };
  const peer = (message: unknown): ReturnType<typeof describeMessage> =>
    describeMessage({ from, to, message: { type: "peer", from: "n1@x", message } });

  test("tells what Raft's members say by places in the log", () => {
    const append = { type: "append", term: 3, sequence: 9, previousIndex: 4, previousTerm: 2, commit: 4 };
    const entries = [{ index: 5 }, { index: 6 }];
    expect(peer({ ...append, entries })).toEqual({
      ...{ kind: "append", isRoutine: false, fields: "term 3, after 4/2, commit 4, entries 5 to 6" },
    });
    expect(peer({ type: "vote-response", term: 3, granted: false }).fields).toBe("term 3, refused");
    expect(peer({ type: "heartbeat", term: 3, commit: 4, round: 1 }).isRoutine).toBe(true);
  });

  test("tells any message by its type and plain fields, and takes no user's for a heartbeat", () => {
    const message = { type: "commit", id: "t73", bytes: new Uint8Array(12), list: [1, 2], deep: { a: 1 }, none: null };
    expect(describeMessage({ from, to: { node: "n2", path: "bank/desk" }, message })).toEqual({
      ...{ kind: "commit", isRoutine: false, fields: "id t73, 12 bytes, 2 list, no none (at bank/desk)" },
    });
    expect(describeMessage({ from, to: { node: "n2", path: "x" }, message: "hi" }).kind).toBe("string");
  });
});

test("describeWrite() tells term, vote and entries", () => {
  const hardState = { term: 3, vote: "n2@a", commit: 1 };
  const entry = { type: "noop", index: 7, term: 3 } as never;
  expect(describeWrite({ hardState, entries: [] })).toBe("term 3, vote for n2@a");
  expect(describeWrite({ entries: [entry] })).toBe("entry 7 of term 3");
  expect(describeWrite({ entries: [] })).toBe("nothing");
});
