/** Scenarios run: whom faults strike, what is measured, and that the seed decides all of it. */
import { expect, test } from "vitest";
import { formatScenario } from "../../../sim/scenario-file/report.ts";
import { runScenario } from "../../../sim/scenario-file/run-scenario.ts";
import type { ScenarioRun } from "../../../sim/scenario-file/scenario-run.ts";
import { summarize } from "../../../sim/scenario-file/summary.ts";
import { planOf } from "./scenario-document.ts";

const SHORT = {
  duration: "40s",
  workload: { vms: [{ name: "web", replicas: 2 }], clients: { count: 1, reads: "0%" } },
};

function run(
  spec: Readonly<Record<string, unknown>>,
  seed = 1,
): { readonly run: ScenarioRun; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const ran = runScenario({ plan: planOf(spec), seed, onLine: (line) => void lines.push(line) });
  return { run: ran, lines };
}

/** Words of the lines of a kind, without their times. */
function told(lines: readonly string[], kind: RegExp): readonly string[] {
  return lines.map((line) => line.replace(/^\d+ /u, "")).filter((line) => kind.test(line));
}

test("a quiet scenario keeps everything, the same for the same seed, otherwise for another", () => {
  const spec = {
    ...SHORT,
    expect: [
      { downtime: "all", max: "0s" },
      { acknowledged: "writes", within: "2s" },
    ],
  };
  const [one, again, other] = [run(spec), run(spec), run(spec, 2)];
  expect(one.run).toMatchObject({ ok: true, rule: null, unsettled: null, neverUp: [], findings: [] });
  expect(one.run.waits.writes?.count).toBeGreaterThan(20);
  expect(again.run).toEqual(one.run);
  expect(other.run.eventLogHash).not.toBe(one.run.eventLogHash);
});

test("faults strike whom they name, when they name it, for as long", () => {
  const faults = [
    { "power-loss": { zone: "b" }, at: "2s", for: "5s" },
    { "disk-hang": "n1", at: "3s", for: "1s" },
    { cut: { from: "n1", to: ["n2", "n3"] }, at: "20s", for: "2s" },
    { pause: "any", at: "25s", for: "1s", every: "5s", times: 2 },
  ];
  const { lines } = run({ ...SHORT, faults, expect: [{ "never-two": "all" }] });
  const begun = Number(/^\d+/u.exec(lines.find((line) => line.includes("scenario begins")) ?? "")?.[0]);
  const atOf = (kind: RegExp): readonly number[] =>
    lines
      .filter((line) => kind.test(line))
      .map((line) => Math.round((Number(/^\d+/u.exec(line)?.[0]) - begun) / 100_000) / 10);
  expect(told(lines, /^power-loss/u)).toEqual(["power-loss 1", "power-loss 2"]);
  expect(atOf(/\d power-loss /u)).toEqual([2, 2]);
  expect(told(lines, /^start [12] life 2/u)).toHaveLength(2);
  expect(atOf(/ life 2/u)).toEqual([7, 7]);
  expect(told(lines, /^fault disk-hang/u)).toEqual(["fault disk-hang 0 1000000"]);
  expect(told(lines, /^(fault|heal) cut/u)).toEqual(["fault cut 0 | 1,2", "heal cut 0 | 1,2"]);
  const delivered = (path: string): number =>
    atOf(new RegExp(`deliver ${path} `, "u")).filter((at) => at > 20.1 && at < 22).length;
  expect(delivered("0 [12]"), "n1 does not reach n2 or n3").toBe(0);
  expect(delivered("[12] 0"), "whoever leads or asks for votes reaches n1").toBeGreaterThan(0);
  expect(atOf(/ pause \d/u).length).toBeGreaterThanOrEqual(2);
  expect(atOf(/scenario fault pause/u)).toEqual([25, 30]);
});

test("a zone that is lost takes its VMs, which come back elsewhere; one that may run nowhere else is lost", () => {
  const vms = [
    { name: "web", spec: {} },
    { name: "db", spec: { nodeSelector: { zone: "c" } } },
  ];
  const nodes = [..."aabbc"].map((zone, index) => ({ name: `n${index + 1}`, zone }));
  const { run: ran } = run({
    ...{ duration: "1m30s", cluster: { nodes }, workload: { vms } },
    faults: [{ "lose-zone": "c", at: "10s" }],
    expect: [
      { healthy: "web", within: "30s" },
      { lost: "db", after: "lose-zone" },
      { healthy: "db", within: "30s" },
    ],
  });
  expect(ran.verdicts.map(({ isKept }) => isKept)).toEqual([true, true, false]);
  expect(ran.findings).toMatchObject([{ vms: ["db"], why: "its nodeSelector zone=c allows n5 only, which was down" }]);
  expect(ran.vms.find(({ name }) => name === "db")).toMatchObject({ isOpen: true });
});

test("a leader that is struck is followed by another, and the time is told", () => {
  const faults = [{ "power-loss": "leader", at: "10s", for: "10s" }];
  const { run: ran, lines } = run({ ...SHORT, faults, expect: [{ leader: "always", gap: "10s" }] });
  const led = told(lines, /^leader /u).map((line) => line.split(" ")[1]);
  expect(told(lines, /^power-loss/u)[0]).toBe(`power-loss ${led.at(-2)}`);
  expect(ran.newLeaderMs).toHaveLength(1);
  expect(ran.newLeaderMs[0]).toBeGreaterThan(0);
  expect(ran.verdicts[0]?.figureMs).toBeGreaterThan(0);
});

test("a fault that finds nobody is told, and what is about it is not judged", () => {
  const vms = [{ name: "web", spec: { nodeSelector: { zone: "nowhere" } } }];
  const { run: ran } = run({
    ...{ ...SHORT, workload: { vms } },
    faults: [{ "guest-hang": "web", at: "5s" }],
    expect: [{ healthy: "web", within: "10s", after: "guest-hang" }],
  });
  expect(ran.notStruck).toEqual([{ fault: "guest-hang", why: "there was nobody to strike" }]);
  expect(ran.verdicts[0]?.notJudged).toBe("guest-hang was not struck");
  expect(ran.neverUp).toMatchObject([{ vm: "web", reason: expect.stringContaining("wants zone=nowhere") as string }]);
});

test("faults can be drawn beside those of the file", () => {
  const { lines, run: ran } = run(
    { ...SHORT, random: { profile: "mixed", everyFault: true }, expect: [{ "never-two": "all" }] },
    3,
  );
  expect(told(lines, /^(fault|kill|power-loss|pause)/u).length).toBeGreaterThan(3);
  expect(ran.rule).toBeNull();
});

test("a report says what is kept, what is not, why, what would help and how to see it", () => {
  const plan = planOf({
    ...SHORT,
    faults: [{ "lose-zone": "b", at: "10s", for: "20s" }],
    expect: [{ acknowledged: "writes", within: "5s" }, { "never-two": "all" }],
  });
  const runs = [1, 2].map((seed) => runScenario({ plan, seed }));
  const summary = summarize(plan, runs);
  expect(summary).toMatchObject({
    ok: false,
    seeds: 2,
    expectations: [
      { kept: 0, broken: 2 },
      { kept: 2, broken: 0 },
    ],
  });
  const text = formatScenario({ plan, summary, commandOf: (seed) => `see ${seed}` });
  expect(text).toMatch(/^tested: 3 nodes \(zone a: n1; b: n2 n3\), 2 VMs, 1 client; 40s under 2 seeds\n/u);
  expect(text).toMatch(
    / ✗ a write is acknowledged within 5s\n +kept in 0 of 2; worst \d+\.\d s \(seed [12]\), median \d+\.\d s/u,
  );
  expect(text).toContain(" ✓ no VM ever runs twice\n      kept in 2 of 2\n");
  expect(text).toContain("n2 and n3 (lose-zone) were 2 of 3 nodes at once");
  expect(text).toContain("what would help: zone b holds a majority");
  expect(text).toMatch(/\nSee it: see [12]\n\nNo: 1 of 2 expectations does not hold\.\n$/u);
});

test("a VM whose disk is on storage that is full is down while it is, and told why", () => {
  const disks = [{ name: "data", source: "rbd:vms/db" }];
  const { run: ran } = run({
    duration: "20s",
    workload: { vms: [{ name: "db", spec: { disks } }], clients: { count: 0 } },
    faults: [{ "fill-storage": "97%", at: "2s", for: "8s" }],
    expect: [{ downtime: "db", max: "2s" }],
  });
  expect(ran).toMatchObject({ rule: null, unsettled: null, neverUp: [] });
  expect(ran.findings.map(({ why }) => why)).toEqual(["its disk, image vms/db, stands still: the storage is full"]);
});
