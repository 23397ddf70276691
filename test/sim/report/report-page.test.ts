/** Pages about runs: whole, self-contained, inert, small enough to send. */
import { describe, expect, test } from "vitest";
import {
  addToSummary,
  EMPTY_SUMMARY,
  formatRunReport,
  formatSimulationReport,
  formatSweepReport,
  neverReached,
  reportSeed,
  SeedLines,
  simulate,
  watchSeed,
  watchSimulation,
  type SimulateOptions,
} from "../../../sim/index.ts";
import { drawDiagram } from "../../../sim/report/draw-diagram.ts";
import { drawOverview } from "../../../sim/report/draw-overview.ts";
import { escape } from "../../../sim/report/markup.ts";
import { selectMoments } from "../../../sim/report/select-moments.ts";
import { whatIsWrongWith } from "./check-xml.ts";
import { findFailingRun } from "./failing-run.ts";
import { makeLongRecord, makeMessage, makeMoments, makeRecord, said } from "./make-record.ts";

const FAILING = findFailingRun();

const EVIL = `</text><script>alert("1")</script><img src=x onerror='alert(2)'>&amp;\u0000\ud800`;

/** All that would be asked of elsewhere. */
function requireAlone(page: string): void {
  const links = [...page.matchAll(/\b(?:https?:|\/\/)[^\s"'<>]*/g)].map(([link]) => link);
  expect(links.filter((link) => link !== "http://www.w3.org/2000/svg")).toEqual([]);
  expect(page).not.toMatch(/<(?:link|iframe|object|embed|img)\b|@import|<[a-z]+(?: [\w-]+="[^"]*")* src=|url\((?!#)/);
}

describe("a diagram", () => {
  test("is well-formed XML, of a real run and of one that says what it should not", () => {
    const { record } = FAILING;
    const svg = drawDiagram(record, selectMoments(record), { title: "a run" });
    expect(whatIsWrongWith(svg)).toBeNull();
    expect(whatIsWrongWith(drawOverview(record, "run"))).toBeNull();
    expect(svg.match(/class="moment/g)?.length).toBeGreaterThan(50);
    for (const broken of [
      svg.replace("</g>", ""),
      svg.replace("seconds", "sec & onds"),
      svg.replace("</title>", "<b></title>"),
    ]) {
      expect(whatIsWrongWith(broken)).not.toBeNull();
    }
  });

  test("says in words, for who cannot see it, what it shows", () => {
    const { record } = FAILING;
    const svg = drawDiagram(record, selectMoments(record), { id: "a", title: "Seed 1" });
    expect(svg).toContain('role="img" aria-labelledby="a-title a-desc"');
    expect(svg).toContain('<title id="a-title">Seed 1</title>');
    expect(svg).toMatch(/<desc id="a-desc">[^<]*It ends where elected-by-quorum does not hold/);
  });

  test("repeats no id where two are on one page", () => {
    const { record } = FAILING;
    const both = ["a", "b"].map((id) => drawDiagram(record, selectMoments(record), { id, title: "x" })).join("");
    const ids = [...both.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.length).toBeGreaterThan(10);
    expect(new Set(ids).size).toBe(ids.length);
    const used = [...both.matchAll(/url\(#([^)]+)\)/g)].map(([, id]) => id);
    expect(used.filter((id) => !ids.includes(id))).toEqual([]);
  });

  test("and its page keep what actors say as text", () => {
    const message = makeMessage({ from: 0, to: 1, sentIn: 0, kind: EVIL, fields: EVIL });
    const moments = makeMoments([
      { lane: 0, facts: [{ type: "send", message }, said(EVIL)] },
      { lane: "outside", facts: [said(EVIL, "fault")] },
    ]);
    const record = makeRecord({
      nodes: [EVIL, "n2"],
      moments,
      spans: [{ kind: "disk", text: EVIL, lanes: [0], fromUs: 0, toUs: 1 }],
      faults: [{ atUs: 0, text: EVIL, durationUs: null }],
      messages: { [EVIL]: 1 },
      failure: { rule: EVIL, message: EVIL, atUs: 1000, nodes: [0], moment: 1 },
    });
    const svg = drawDiagram(record, selectMoments(record), { title: EVIL });
    expect(whatIsWrongWith(svg)).toBeNull();
    const page = formatRunReport({
      ...{ title: EVIL, record, options: [[EVIL, EVIL]], software: EVIL, eventLogHash: EVIL, events: 1, turns: 1 },
      ...{ faults: { [EVIL]: 1 }, marks: { [EVIL]: 2 }, commands: [{ what: EVIL, command: EVIL }] },
    });
    expect(page.match(/<script\b/g)).toHaveLength(1);
    expect(page).not.toContain("<img");
    expect(page).not.toContain("\u0000");
    expect(page).toContain(escape(EVIL));
    requireAlone(page);
  });
});

test("escape() makes of any text what can stand between tags and in an attribute", () => {
  expect(escape(`<a b="c" d='e'>&\u0001\ud800`)).toBe("&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\ufffd\ufffd");
});

test("formatRunReport() tells the seed, the rule, the way to it, the faults, what was reached, and how to do it again", () => {
  const watched = FAILING;
  const { seed } = watched.result;
  const page = formatRunReport(reportSeed(watched, { software: "1.2.3" }));
  requireAlone(page);
  for (const part of [
    `<h1>Seed ${seed} (elections)</h1>`,
    "<strong>✗ elected-by-quorum</strong>",
    "How it came to this",
    "Blixard 1.2.3",
    watched.result.eventLogHash,
    `blixard sim --seed ${seed} --nodes 3 --duration 20s --profile elections`,
    "--shrink",
    "<h2>Faults</h2>",
    "<h2>Reached</h2>",
    "<h2>Messages between nodes</h2>",
    "The same in words",
  ]) {
    expect(page).toContain(part);
  }
  expect(page.length).toBeLessThan(1_000_000);
});

test("formatRunReport() of a clean run says that it was clean", () => {
  const watched = watchSeed({ seed: 4, nodes: 3, profile: "elections", durationMs: 30_000 });
  expect(watched.result.ok).toBe(true);
  const page = formatRunReport(reportSeed(watched, { software: "1.2.3" }));
  expect(page).toContain("✓ Clean");
  expect(page).not.toContain("--shrink");
  requireAlone(page);
});

test("formatRunReport() of a run as long and as troubled as one of ten minutes stays under 2 MB", () => {
  const { result, record } = watchSeed({ seed: 4, nodes: 3, profile: "elections", durationMs: 5000 });
  const { moments, momentsSeen } = makeLongRecord(60_000);
  const struck = Array.from({ length: 5000 }, (_, at) => ({
    at: 12_000 * at,
    text: `cut ${at}: ${"n1 ⇸ n2, ".repeat(8)}`,
  }));
  const page = formatRunReport(
    reportSeed(
      {
        result,
        record: {
          ...record,
          ...{ moments, momentsSeen, endUs: 60_000_000 },
          faults: struck.map(({ at, text }) => ({ atUs: at, text, durationUs: 5000 })),
          spans: struck.map(({ at, text }) => ({
            kind: "network",
            text,
            lanes: [0, 1, 2],
            fromUs: at,
            toUs: at + 5000,
          })),
          roles: struck.map(({ at }) => ({ node: 1, role: "leader", term: at, fromUs: at, toUs: at + 9000 })),
        },
      },
      { software: "1.2.3" },
    ),
  );
  expect(page.length).toBeLessThan(2_000_000);
});

test("formatSweepReport() tells all seeds, what failed and how, and what was never reached", () => {
  const { planted: _, ...whole } = FAILING.options;
  const again = watchSeed({ ...FAILING.options, durationMs: 19_999 });
  const results = [FAILING, again, ...[1, 2].map((seed) => watchSeed({ ...whole, seed, durationMs: 5000 }))];
  const seeds = new SeedLines();
  for (const { result } of results) seeds.add(result);
  const summary = results.reduce((sum, { result }) => addToSummary(sum, result), EMPTY_SUMMARY);
  const failed = results.filter(({ result }) => !result.ok);
  expect(failed.length).toBeGreaterThan(1);
  const page = formatSweepReport({
    ...{ title: "Seeds 1 to 4", totals: summary, profiles: summary.profiles, seeds, software: "1.2.3", wallMs: 1000 },
    never: neverReached(summary.profiles, summary.marks),
    drawn: failed.map((watched) => reportSeed(watched, { software: "1.2.3" })),
    commands: [{ what: "Runs it again:", command: "blixard sim --seed 1 --seeds 4" }],
    notes: ["The sweep was interrupted."],
  });
  requireAlone(page);
  for (const part of [
    `✗ ${failed.length} of 4 seeds failed`,
    "Never reached",
    "snapshots installed",
    "The sweep was interrupted.",
    "simulated seconds a second",
    ...results.map(({ result }) => result.eventLogHash),
  ]) {
    expect(page).toContain(part);
  }
  expect(page.match(/class="diagram sequence"/g)).toHaveLength(failed.length);
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("SeedLines keep the first of each end of a long sweep and count all", () => {
  const { result } = watchSeed({ ...FAILING.options, durationMs: 1000 });
  const { failure: _, ...clean } = result;
  const lines = new SeedLines();
  for (let seed = 0; seed < 2000; seed++) lines.add({ ...clean, seed, ...(seed % 2 === 1 && failing(seed)) });
  expect([lines.clean.length, lines.failed.length, lines.failures]).toEqual([500, 500, 1000]);
  expect([...lines.rules]).toEqual([["odd", 1000]]);
});

function failing(seed: number): { readonly failure: NonNullable<ReturnType<typeof watchSeed>["result"]["failure"]> } {
  return { failure: { invariant: "odd", message: `seed ${seed}`, atMs: 1, lines: [] } };
}

test("formatSimulationReport() draws a run of a user's actors; the run is the same as without", async () => {
  const options: SimulateOptions = {
    seed: 3,
    durationMs: 5000,
    start: (node) => node.note("<b>begins</b>"),
    load: { act: (run) => run.note("acts") },
    always: { "nothing is forever": (run) => (run.nowMs > 3000 ? "it has lasted" : null) },
  };
  const watched = await watchSimulation(options);
  expect(watched.result).toEqual(await simulate(options));
  const page = formatSimulationReport(watched, { name: "my actors" });
  for (const part of ["my actors: seed 3", "nothing is forever", "&lt;b&gt;begins&lt;/b&gt;", "simulate({"]) {
    expect(page).toContain(part);
  }
  expect(page).not.toContain("<b>begins");
  requireAlone(page);
});
