/** Where things stand in a sequence diagram: in order, beside each other, never on each other. */
import { expect, test } from "vitest";
import { layOut, LETTER, LINE, type DiagramLayout } from "../../../sim/report/diagram-layout.ts";
import { selectMoments } from "../../../sim/report/select-moments.ts";
import type { RunRecord } from "../../../sim/record/run-record.ts";
import { findFailingRun } from "./failing-run.ts";
import { makeLongRecord, makeMessage, makeMoments, makeRecord, said } from "./make-record.ts";

function layOutAll(record: RunRecord): DiagramLayout {
  return layOut(record, selectMoments(record));
}

/** What would lie on each other, or outside. */
function requireApart({ rows, headers, lanes, width, height, wordsX, verdict, lanesBottom }: DiagramLayout): void {
  const boxes = [
    ...rows.map(({ top, height: high }) => ({ top, bottom: top + high })),
    ...headers.map((top) => ({ top, bottom: top + 30 })),
    ...(verdict === null ? [] : [{ top: verdict.top, bottom: verdict.top + verdict.height }]),
  ].toSorted((one, other) => one.top - other.top);
  for (const [at, { top, bottom }] of boxes.entries()) {
    expect(bottom).toBeGreaterThan(top);
    expect(top, `row ${at}`).toBeGreaterThanOrEqual(boxes[at - 1]?.bottom ?? 0);
    expect(bottom).toBeLessThanOrEqual(height);
  }
  for (const [at, { x, short }] of lanes.entries()) {
    const before = lanes[at - 1];
    const free = before === undefined ? Infinity : x - before.x;
    expect((LETTER * (short.length + (before?.short.length ?? 0))) / 2).toBeLessThanOrEqual(free);
    expect(x).toBeLessThan(wordsX);
  }
  for (const row of rows) {
    const lines = row.type === "fold" ? [row.text] : row.lines;
    const indent = row.type === "fold" ? 0 : row.name.length + 2;
    for (const line of lines) expect(wordsX + (indent + line.length) * LETTER, line).toBeLessThanOrEqual(width);
    if (row.type === "moment") expect(row.height).toBeGreaterThanOrEqual(lines.length * LINE);
  }
  for (const line of verdict?.lines ?? []) expect(26 + line.length * LETTER).toBeLessThanOrEqual(width - 12);
  expect(lanesBottom).toBeLessThanOrEqual(height);
}

test("layOut() puts rows one below the other, in the order of time, words within the page", () => {
  const { record } = findFailingRun();
  const layout = layOutAll(record);
  requireApart(layout);
  const times = layout.rows.map((row) => (row.type === "fold" ? row.fold.fromUs : row.moment.atUs));
  expect(times).toEqual(times.toSorted((one, other) => one - other));
  expect(layout.verdict?.title).toContain("elected-by-quorum does not hold");
});

test("layOut() leaves nothing on anything in a run of nine nodes with long names and long messages", () => {
  const nodes = Array.from({ length: 9 }, (_, at) => `a-node-with-a-long-name-${at}`);
  const message = makeMessage({ from: 0, to: 8, sentIn: 0, fields: "word ".repeat(60) });
  const moments = makeMoments([
    { lane: 0, facts: [{ type: "send", message }, said("x".repeat(400))] },
    { lane: "clients", facts: [said("asks", "client")] },
    { lane: "outside", facts: [said("strikes", "fault")] },
  ]);
  const failure = { rule: "some-rule", message: "long ".repeat(100), atUs: 2000, nodes: [0, 8], moment: 2 };
  const layout = layOutAll(makeRecord({ nodes, moments, failure }));
  requireApart(layout);
  expect(layout.lanes).toHaveLength(11);
  expect(layout.verdict?.xs.length).toBe(3);
});

test("arrows lead from where a message was sent to where it came, downwards; what is lost never reaches the other lane", () => {
  const came = makeMessage({ from: 0, to: 1, sentIn: 0, arrivals: [{ atUs: 1000, moment: 1 }] });
  const lost = makeMessage({ from: 1, to: 2, sentIn: 1, sentUs: 1000, lost: { atUs: 1000, why: "lost on its way" } });
  const open = makeMessage({ from: 2, to: 0, sentIn: 2, sentUs: 2000 });
  const moments = makeMoments([
    { lane: 0, facts: [{ type: "send", message: came }] },
    {
      lane: 1,
      facts: [
        { type: "receive", message: came },
        { type: "send", message: lost },
      ],
      cause: 0,
    },
    { lane: 2, facts: [{ type: "send", message: open }] },
  ]);
  const { arrows, rows, lanes } = layOutAll(makeRecord({ moments }));
  const [n1, n2, n3] = lanes.map(({ x }) => x);
  expect(arrows.map(({ end }) => end)).toEqual(["arrives", "lost", "under-way"]);
  expect(arrows[0]).toMatchObject({ fromX: n1, fromY: rows[0]?.y, toX: n2, toY: rows[1]?.y });
  expect(arrows[1]?.fromX).toBe(n2);
  expect(arrows[1]?.toX).toBeLessThan(n3 ?? 0);
  for (const { fromY, toY } of arrows) expect(toY).toBeGreaterThan(fromY);
});

test("an arrow into what is left out ends at the line that stands for it", () => {
  const record = makeLongRecord(2000);
  const layout = layOutAll(record);
  const folds = new Set(layout.rows.filter(({ type }) => type === "fold").map(({ y }) => y));
  const folded = layout.arrows.filter(({ end }) => end === "folded");
  expect(folded.length).toBeGreaterThan(0);
  for (const { fromY, toY } of folded) expect(folds.has(fromY) || folds.has(toY)).toBe(true);
  requireApart(layout);
});

test("bands and roles stand where they are in time, on the lanes that they strike, and are seen however short", () => {
  const moments = makeMoments([0, 1, 2, 0].map((lane) => ({ lane, facts: [said("something")] })));
  const spans = [
    { kind: "disk", text: "hangs", lanes: [1], fromUs: 1000, toUs: 1000 },
    { kind: "network", text: "cut", lanes: [0, 2], fromUs: 1000, toUs: 3000 },
    { kind: "down", text: "down", lanes: [2], fromUs: 2500, toUs: Infinity },
  ] as const;
  const roles = [{ node: 0, role: "leader", term: 3, fromUs: 1000, toUs: 3000 }] as const;
  const { bands, rows, lanes, roles: bars, lanesBottom } = layOutAll(makeRecord({ moments, spans, roles }));
  const [disk, one, other, down] = bands;
  expect(disk?.top).toBe(rows[1]?.top);
  expect((disk?.bottom ?? 0) - (disk?.top ?? 0)).toBeGreaterThanOrEqual(12);
  expect([one?.top, one?.bottom]).toEqual([rows[1]?.top, rows[3]?.top]);
  expect([other?.top, other?.bottom]).toEqual([one?.top, one?.bottom]);
  expect([down?.top, down?.bottom]).toEqual([rows[3]?.top, lanesBottom]);
  for (const { x, width } of bands) {
    expect(lanes.some((lane) => x >= lane.x - 34 && x + width <= lane.x + 34)).toBe(true);
  }
  expect(bars).toMatchObject([{ role: "leader", x: lanes[0]?.x, top: rows[1]?.top, bottom: lanesBottom }]);
});

test("lanes of clients and of who strikes are there when they act", () => {
  const moments = makeMoments([{ lane: 0, facts: [said("alone")] }]);
  expect(layOutAll(makeRecord({ moments })).lanes.map(({ name }) => name)).toEqual(["n1", "n2", "n3"]);
  const both = makeMoments([
    { lane: "clients", facts: [{ type: "said", kind: "client", text: "ask", to: 1 }] },
    { lane: "outside", facts: [said("strike", "fault")] },
  ]);
  const { lanes, arrows } = layOutAll(makeRecord({ moments: both }));
  expect(lanes.map(({ name }) => name)).toEqual(["clients", "n1", "n2", "n3", "outside"]);
  expect(arrows).toMatchObject([{ kind: "client", fromX: lanes[0]?.x, toX: lanes[2]?.x }]);
});
