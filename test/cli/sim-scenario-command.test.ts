/** `blixard sim scenario` as a user meets it: the answer, exit codes, one run with its events, the schema, and what is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine, type Ran } from "./run-command-line.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sim-scenario-"));
  writeFileSync(join(folder, "calm.yaml"), CALM);
  writeFileSync(join(folder, "dark.yaml"), CALM.replace("calm", "dark").replace("n1", "all").replace("2s }", "8s }"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const CALM = `
apiVersion: blixard.dev/v1
kind: Scenario
metadata: { name: calm }
spec:
  duration: 15s
  seeds: 2
  workload: { vms: [{ name: web }], clients: { reads: 0% } }
  faults: [{ pause: n1, at: 2s, for: 2s }]
  expect: [{ acknowledged: writes, within: 5s }]
`;

async function scenario(...args: readonly string[]): Promise<Ran> {
  return runCommandLine(["sim", "scenario", ...args], { cwd: folder });
}

test("sim scenario says yes and exits 0, no and exits 1, of several files each", async () => {
  const { exitCode, out, err } = await scenario("calm.yaml", "dark.yaml", "--workers", "1");
  expect(exitCode).toBe(1);
  expect(out).toContain("calm: 3 nodes, 1 VM, 3 clients; 15s under 2 seeds");
  expect(out).toContain("✓ a write is acknowledged within 5s\n      kept in 2 of 2; worst");
  expect(out).toContain("Yes: everything expected holds under 2 seeds.");
  expect(out).toContain("✗ a write is acknowledged within 5s\n      kept in 0 of 2; worst");
  expect(out).toMatch(/See it: blixard sim scenario dark\.yaml --seed [12] --events\n/u);
  expect(err).toContain("Error: 1 of 2 scenarios do not hold: dark");
}, 60_000);

test("sim scenario -o json says the same to programs", async () => {
  const { exitCode, out } = await scenario("calm.yaml", "--seed", "1", "-o", "json");
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    ok: true,
    scenarios: [{ scenario: "calm", seeds: 1, ok: true, worstSeed: null, expectations: [{ kept: 1, broken: 0 }] }],
  });
}, 60_000);

test("sim scenario --seed --events prints all that happened", async () => {
  const { exitCode, out } = await scenario("calm.yaml", "--seed", "2", "--events");
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^\d+ scenario fault pause: pause n1$/mu);
  expect(out).toMatch(/^\d+ pause 0$/mu);
  expect(out).toContain("15s under 1 seed");
}, 60_000);

test("sim scenario --report draws the worst seed", async () => {
  const { exitCode, err } = await scenario("dark.yaml", "--seed", "2", "--report", "dark.html");
  expect([exitCode, err]).toEqual([1, expect.stringContaining("Wrote dark.html")]);
  const page = readFileSync(join(folder, "dark.html"), "utf8");
  expect(page).toContain("dark: seed 2");
  expect(page).toContain("<strong>✗ a write is acknowledged within 5s</strong>");
  expect(page).toContain("blixard sim scenario dark.yaml --seed 2");
}, 60_000);

test("sim scenario --schema prints what editors check against", async () => {
  const { exitCode, out } = await scenario("--schema");
  expect(exitCode).toBe(0);
  const schema = JSON.parse(out) as { readonly properties: { readonly spec: { readonly properties: object } } };
  expect(Object.keys(schema.properties.spec.properties)).toContain("faults");
});

test.each([
  [[], "Cannot run a scenario: none is named."],
  [["none.yaml"], 'Cannot run "none.yaml": there is no such file or folder.'],
  [["calm.yaml", "--events"], "Cannot print the events of many runs."],
  [["calm.yaml", "--nodes", "3"], "Cannot run a scenario with --nodes: the file says what is run."],
  [
    ["calm.yaml", "-o", "yaml"],
    "error: option '-o, --output <format>' argument 'yaml' is invalid. Allowed choices are text, json.",
  ],
  [["calm.yaml", "dark.yaml", "--report", "two.html"], "Cannot draw 2 scenarios into one page."],
  [["calm.yaml", "--platform", "none"], 'Cannot simulate "none": there is no such file or folder.'],
])("sim scenario %j is refused", async (args, message) => {
  const { exitCode, err } = await scenario(...args);
  expect(exitCode).toBe(2);
  expect(err.toLowerCase()).toContain(message.toLowerCase());
});
