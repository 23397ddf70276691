/** What is written down of a run: all that happened, in order, with where it came from; and that nothing changes by it. */
import { describe, expect, test } from "vitest";
import { runSeed, watchSeed, type RunOptions } from "../../../sim/index.ts";
import { isHeavy, KeptMoments } from "../../../sim/record/kept-moments.ts";
import { findFailingRun } from "../report/failing-run.ts";
import type { Moment, RecordedMessage, RunRecord } from "../../../sim/record/run-record.ts";

const OPTIONS = { seed: 5, nodes: 3, profile: "elections", durationMs: 15_000, everyFault: true } as const;

function messagesOf({ moments }: RunRecord): readonly RecordedMessage[] {
  const sent = moments.flatMap(({ facts }) => facts.flatMap((fact) => (fact.type === "send" ? [fact.message] : [])));
  return [...new Set(sent)];
}

describe("watchSeed()", () => {
  test.each<RunOptions>([
    OPTIONS,
    { ...OPTIONS, profile: "membership" },
    { seed: 2, nodes: 3, profile: "mixed", durationMs: 8000 },
    { seed: 3, nodes: 3, profile: "library", durationMs: 8000 },
  ])("runs $profile as runSeed() does, byte for byte", (options) => {
    expect(watchSeed(options).result).toEqual(runSeed(options));
  });

  const { record, result } = watchSeed(OPTIONS);

  test("tells moments in order, each with what it follows from before it", () => {
    expect(record.moments.length).toBeGreaterThan(500);
    for (const [at, { number, atUs, cause, facts }] of record.moments.entries()) {
      expect(facts.length).toBeGreaterThan(0);
      expect(cause ?? -1).toBeLessThan(number);
      expect(number).toBeGreaterThan(record.moments[at - 1]?.number ?? -1);
      expect(atUs).toBeGreaterThanOrEqual(record.moments[at - 1]?.atUs ?? 0);
    }
    expect(record.endUs / 1000).toBeCloseTo(result.simulatedMs, -1);
  });

  test("tells of each message when it was sent, and when it came or how it was lost", () => {
    const messages = messagesOf(record);
    const byNumber = new Map(record.moments.map((moment) => [moment.number, moment]));
    for (const { sentIn, sentUs, from, to, arrivals, lost } of messages) {
      expect(byNumber.get(sentIn)).toMatchObject({ lane: from, atUs: sentUs });
      for (const { atUs, moment } of arrivals) {
        expect(atUs).toBeGreaterThan(sentUs);
        expect(byNumber.get(moment)).toMatchObject({ lane: to, atUs });
      }
      if (lost !== null) expect([arrivals.length, lost.atUs >= sentUs, lost.why === ""]).toEqual([0, true, false]);
    }
    const total = Object.values(record.messages).reduce((sum, count) => sum + count, 0);
    expect(messages).toHaveLength(total);
    expect(messages.some(({ lost }) => lost !== null)).toBe(true);
    const arrived = messages.flatMap(({ arrivals }) => arrivals).length;
    expect(arrived / (result.marks["delivered"] ?? 0)).toBeGreaterThan(0.9);
  });

  test("tells faults by names and with their lengths, and who was down when", () => {
    expect(record.faults.length).toBeGreaterThan(3);
    expect(record.faults.every(({ text }) => text !== "" && !/undefined|node \d/.test(text))).toBe(true);
    const down = record.spans.filter(({ kind }) => kind === "down");
    const starts = record.moments.filter(({ facts }) =>
      facts.some((fact) => fact.type === "said" && /^starts \(life [2-9]/.test(fact.text)),
    );
    expect(down.length).toBeGreaterThan(0);
    expect(down.map(({ toUs }) => toUs).toSorted((a, b) => a - b)).toEqual(starts.map(({ atUs }) => atUs));
  });

  test("tells who led when: never two of one term, and no member is two things at once", () => {
    const leaders = record.roles.filter(({ role }) => role === "leader");
    expect(new Set(leaders.map(({ term }) => term)).size).toBe(result.marks["leaders"]);
    for (const node of record.nodes.keys()) {
      const own = record.roles.filter((span) => span.node === node);
      for (const [at, { fromUs }] of own.entries()) expect(fromUs).toBeGreaterThanOrEqual(own[at - 1]?.toUs ?? 0);
    }
  });
});

test("a failure names its moment, and each step back is the cause of the next: of a vote that was not durable the election", () => {
  const { record } = findFailingRun();
  const { failure } = record;
  const last = record.moments.at(-1);
  expect(last?.number).toBe(failure?.moment);
  expect(failure?.nodes).toEqual([last?.lane]);
  expect(last?.facts).toContainEqual(expect.objectContaining({ type: "role", role: "leader" }));
  const byNumber = new Map(record.moments.map((moment) => [moment.number, moment]));
  const steps: Moment[] = [];
  for (let at = last; at !== undefined; at = byNumber.get(at.cause ?? -1)) steps.push(at);
  const said = steps.flatMap(({ facts }) => facts.flatMap((fact) => (fact.type === "send" ? [fact.message.kind] : [])));
  expect(said).toEqual(expect.arrayContaining(["vote-request"]));
});

test("KeptMoments keep what weighs and the last of the rest", () => {
  const kept = new KeptMoments();
  const moments = Array.from({ length: 40_000 }, (_, number): Moment => {
    const kind = number % 1000 === 0 ? "fault" : "note";
    return { number, atUs: number, lane: 0, facts: [{ type: "said", kind, text: "x" }], cause: null };
  });
  for (const moment of moments) kept.add([moment]);
  const list = kept.list();
  expect(list.filter(isHeavy)).toHaveLength(40);
  expect(list.length).toBeLessThan(13_000);
  expect(list.slice(-5000)).toEqual(moments.slice(-5000));
  expect(list.map(({ number }) => number)).toEqual(list.map(({ number }) => number).toSorted((a, b) => a - b));
});

test("KeptMoments tell entries that are applied at once as one run", () => {
  const kept = new KeptMoments();
  const facts = [3, 4, 5].map((index) => ({ type: "said", kind: "apply", text: `applies ${index}` }) as const);
  kept.add([{ number: 0, atUs: 0, lane: 0, facts, cause: null }]);
  expect(kept.list()[0]?.facts).toEqual([{ type: "said", kind: "apply", text: "applies 3 to 5" }]);
});

test("a failure is about who its message names, and not about everybody in a list", () => {
  const options = { nodes: 3, profile: "disk", durationMs: 10_000, planted: { raft: [21] } } as const;
  const seeds = Array.from({ length: 20 }, (_, at) => at + 1);
  const failure = seeds
    .map((seed) => watchSeed({ ...options, seed }).record.failure)
    .find((one) => one?.message.includes("durable only on {") === true);
  expect(failure?.rule).toBe("committed-on-quorum");
  expect(failure?.nodes).toEqual([]);
  expect(failure?.moment).not.toBeNull();
});
