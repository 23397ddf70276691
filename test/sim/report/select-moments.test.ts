/** What of a run is shown: all of a short one, and of a long one what weighs. */
import { expect, test } from "vitest";
import { selectMoments, type Row } from "../../../sim/report/select-moments.ts";
import { makeLongRecord, makeMoments, makeRecord, said } from "./make-record.ts";

function numbersOf(rows: readonly Row[]): readonly number[] {
  return rows.flatMap((row) => (row.type === "moment" ? [row.moment.number] : []));
}

/** Every moment of the run is in a row or in exactly one line that stands for several. */
function requireWhole(rows: readonly Row[], seen: number): void {
  let next = 0;
  for (const row of rows) {
    const [first, last] = row.type === "moment" ? [row.moment.number, row.moment.number] : [row.first, row.last];
    expect(first).toBe(next);
    next = last + 1;
  }
  expect(next).toBe(seen);
}

test("selectMoments() shows all of a short run, and says so", () => {
  const { rows, told } = selectMoments(makeLongRecord(200));
  expect(numbersOf(rows)).toHaveLength(200);
  expect(told).toBe("All 200 moments of the run are shown.");
});

test("selectMoments() leaves out of a longer run what repeats itself", () => {
  const { rows, told } = selectMoments(makeLongRecord(1000));
  expect(numbersOf(rows).filter((number) => number % 10 === 9)).toHaveLength(100);
  expect(told).toContain("Shown are all 100 moments but the 900 in which only heartbeats");
  requireWhole(rows, 1000);
});

test("selectMoments() shows of a long run the last, and before them the last that weigh; lines tell what is left out", () => {
  const record = makeLongRecord(20_000);
  const { rows, told } = selectMoments(record);
  const numbers = numbersOf(rows);
  expect(numbers.slice(-160)).toEqual(Array.from({ length: 160 }, (_, at) => 19_840 + at));
  expect(numbers.slice(0, -160).every((number) => number % 10 === 9)).toBe(true);
  expect(numbers.length).toBe(160 + 200);
  expect(told).toContain("Of 20,000 moments the last 160 are shown in full");
  const [first] = rows;
  expect(first?.type === "fold" && first.text).toMatch(/^17,8\d\d moments in .* left out: 17,8\d\d × heartbeat/);
  requireWhole(rows, 20_000);
});

test("selectMoments() follows the failure back to where it began, however far that is", () => {
  const filler = Array.from({ length: 3000 }, () => ({ lane: 1, facts: [said("busy")] }));
  const moments = makeMoments([
    { lane: 0, facts: [said("the seed of it")] },
    { lane: 2, facts: [said("the step")], cause: 0 },
    ...filler,
    { lane: 0, facts: [said("the end")], cause: 1 },
  ]);
  const failure = { rule: "some-rule", message: "wrong", atUs: 0, nodes: [0], moment: 3002 };
  const { rows, causes, told } = selectMoments(makeRecord({ moments, failure }));
  expect(causes.map(({ number }) => number)).toEqual([0, 1, 3002]);
  expect(numbersOf(rows).slice(0, 2)).toEqual([0, 1]);
  expect(told).toContain("the 2 before them that led to the failure");
});

test.each([
  ["Index 38 of term 5 was committed twice", "index 38", "→ n2: writes entries 30 to 40 of term 5"],
  ["t73: commit at n1, abort at n3", "t73", "n1 commit t73"],
])("selectMoments() shows what the failure is about: %s", (message, subject, words) => {
  const filler = Array.from({ length: 1500 }, (_, at) => ({ lane: 1, facts: [said(`commits ${at + 1000} t7`)] }));
  const moments = makeMoments([...filler, { lane: 2, facts: [said(words)] }, ...filler]);
  const failure = { rule: "some-rule", message, atUs: 0, nodes: [], moment: null };
  const { rows, told } = selectMoments(makeRecord({ moments, failure }));
  expect(numbersOf(rows)[0]).toBe(1500);
  expect(told).toContain(`1 that are about ${subject}`);
});

test("selectMoments() counts what the recorder did not keep", () => {
  const { moments } = makeLongRecord(400);
  const { rows, told } = selectMoments(makeRecord({ moments: moments.slice(300), momentsSeen: 400 }));
  expect(rows[0]).toMatchObject({ type: "fold", first: 0, last: 299 });
  expect(told).toContain("Of 400 moments");
  requireWhole(rows, 400);
});
