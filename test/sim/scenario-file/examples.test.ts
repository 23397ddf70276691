/** The scenarios of `examples/scenarios` say what their README says of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readScenarios } from "../../../cli/scenario/read-scenarios.ts";
import { runScenario, summarize } from "../../../sim/index.ts";
import { REPOSITORY } from "../../arch/scratch-folder.ts";

const FOLDER = "examples/scenarios";
const SEEDS = [1, 2];

/** What is broken, by the start of its words; of the others nothing is. */
const BROKEN: Readonly<Record<string, readonly string[]>> = {
  "lose-zone-b": ["every VM is healthy again", "1 of 2 VMs of application web"],
  "lose-zone-of-five": ["every VM is healthy again", "1 of 2 VMs of application web", "a write is acknowledged"],
};

/** Told as why, of those. */
const WHY: Readonly<Record<string, readonly string[]>> = {
  "lose-zone-b": ["disk=nvme allows b1 and b2 only", "both VMs of application web ran in zone b"],
  "lose-zone-of-five": ["n4 and n5 (lose-zone) and n3 (disk-hang) were 3 of 5 nodes at once"],
};

const options = { cwd: REPOSITORY, readStdin: async () => "", platform: null };
const scenarios = await readScenarios([FOLDER], options);
const readme = readFileSync(join(REPOSITORY, FOLDER, "README.md"), "utf8");

test("there are examples, and the README has a row for each", () => {
  expect(scenarios.length).toBeGreaterThanOrEqual(6);
  for (const { file } of scenarios) expect(readme).toContain(`(${file.split("/").at(-1)})`);
});

test("the file that docs/scenarios.md shows can be run", async () => {
  const text = readFileSync(join(REPOSITORY, "docs/scenarios.md"), "utf8");
  const [, yaml = ""] = /```yaml\n(.*?)```/su.exec(text) ?? [];
  const [shown] = await readScenarios(["-"], { ...options, readStdin: async () => yaml });
  expect(shown?.plan).toMatchObject({ name: "lose-zone", durationMs: 180_000 });
  expect(shown?.plan.expectations).toHaveLength(3);
});

test.each(scenarios.map(({ plan }) => [plan.name, plan] as const))("%s answers as its README says", (name, plan) => {
  const runs = SEEDS.map((seed) => runScenario({ plan, seed }));
  const summary = summarize(plan, runs);
  expect(summary.rules).toEqual([]);
  expect(summary.unsettled).toBeNull();
  expect(summary.neverUp).toEqual([]);
  const broken = BROKEN[name] ?? [];
  const title = (found: string): string => broken.find((start) => found.startsWith(start)) ?? found;
  expect(
    summary.expectations.filter(({ kept, broken: times }) => times > 0 || kept === 0).map((one) => title(one.title)),
  ).toEqual(broken);
  const why = summary.findings.map((finding) => finding.why).join("\n");
  for (const words of WHY[name] ?? []) expect(why).toContain(words);
});
