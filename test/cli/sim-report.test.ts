/** `blixard sim --report`: pages about one run and about many, and what cannot be written is refused before anything runs. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { formatReplay, recordSeed, runSeed } from "../../sim/index.ts";
import { runCommandLine } from "./run-command-line.ts";

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "blixard-report-"));
});
afterAll(() => rm(cwd, { recursive: true }));

const SHORT = ["--nodes", "3", "--duration", "5s", "--profile", "elections"];

async function page(name: string): Promise<string> {
  return readFile(join(cwd, name), "utf8");
}

test("sim --seed N --report writes a page about that run, and prints what it prints without", async () => {
  const { exitCode, out, err } = await runCommandLine(["sim", "--seed", "5", ...SHORT, "--report", "a.html"], { cwd });
  expect([exitCode, err]).toEqual([0, expect.stringContaining("Wrote a.html: open it in a browser\n")]);
  expect(out).toContain("1 seed: all clean");
  const html = await page("a.html");
  const { eventLogHash } = runSeed({ seed: 5, nodes: 3, durationMs: 5000, profile: "elections" });
  for (const part of ["<h1>Seed 5 (elections)</h1>", "✓ Clean", eventLogHash, "blixard sim --seed 5 --nodes 3"]) {
    expect(html).toContain(part);
  }
  const json = await runCommandLine(["sim", "--seed", "5", ...SHORT, "--report", "a.html", "--json"], { cwd });
  expect(JSON.parse(json.out)).toMatchObject({ seed: 5, eventLogHash });
});

// With events the runs stay in this thread: starting others takes seconds on a busy machine.
test("sim --seeds N --report writes a page about all of them", async () => {
  const args = ["sim", "--seed", "1", "--seeds", "3", "--events", ...SHORT, "--report", "many.html"];
  const { exitCode, err } = await runCommandLine(args, { cwd });
  expect([exitCode, err]).toEqual([0, expect.stringContaining("Wrote many.html")]);
  const html = await page("many.html");
  for (const part of [
    "<h1>Seeds 1 to 3</h1>",
    "✓ 3 seeds: all clean.",
    "Never reached",
    "blixard sim --seed 1 --nodes 3 --duration 5s --profile elections --seeds 3",
  ]) {
    expect(html).toContain(part);
  }
  expect(html.match(/<td class="number">[123]<\/td><td>clean<\/td>/g)).toHaveLength(3);
});

test("sim --replay and --shrink draw the run of the file, and the short one", async () => {
  const options = { seed: 1, profile: "elections", nodes: 3, durationMs: 20_000, planted: { raft: [7] } } as const;
  const { result, schedule } = recordSeed(options);
  expect(result.ok).toBe(false);
  await writeFile(join(cwd, "long.json"), formatReplay({ ...options, replay: { schedule } }, result, "0.0.1"));
  const replayed = await runCommandLine(["sim", "--replay", "long.json", "--report", "long.html"], { cwd });
  expect([replayed.exitCode, replayed.err]).toEqual([1, expect.stringContaining("Wrote long.html")]);
  expect(replayed.err).toContain("Make it short:  blixard sim --replay long.json --shrink\n");
  expect(replayed.err).toContain("Draw it:        blixard sim --replay long.json --shrink --report seed-1.html");
  const long = await page("long.html");
  for (const part of [
    result.failure?.invariant ?? "?",
    "blixard sim --replay long.json",
    "--shrink",
    result.eventLogHash,
  ]) {
    expect(long).toContain(part);
  }
  const args = ["sim", "--replay", "long.json", "--shrink", "short.json", "--report", "short.html"];
  const shrunk = await runCommandLine(args, { cwd });
  expect([shrunk.exitCode, shrunk.err]).toEqual([1, expect.stringContaining("Wrote short.html")]);
  expect(shrunk.err).not.toContain("Make it short");
  expect(shrunk.err).toContain("Draw it:        blixard sim --replay short.json --report seed-1.html");
  const short = await page("short.html");
  expect(short).toContain("blixard sim --replay short.json");
  expect(short).toMatch(/moments of the run are shown|Shown are all/);
  expect(short.length).toBeLessThan(long.length);
});

test("sim --shrink --report of a run that does not fail draws that run", async () => {
  const args = ["sim", "--seed", "5", ...SHORT, "--shrink", "--report", "fine.html"];
  const { exitCode, out } = await runCommandLine(args, { cwd });
  expect([exitCode, out]).toEqual([0, "It does not fail; there is nothing to shrink.\n"]);
  expect(await page("fine.html")).toContain("blixard sim --seed 5 --nodes 3 --duration 5s --profile elections");
});

test("sim --record draws what it records", async () => {
  const args = ["sim", "--seed", "5", ...SHORT, "--record", "run.json", "--report", "run.html"];
  const { exitCode } = await runCommandLine(args, { cwd });
  expect(exitCode).toBe(0);
  expect(await page("run.html")).toContain("blixard sim --replay run.json");
});

// Each run begins with a thread of its own.
test("sim --actors draws a user's own actors, one seed and many", { timeout: 60_000 }, async () => {
  const actors = join(import.meta.dirname, "../../examples/two-phase-commit/simulation.ts");
  const own = ["sim", "--actors", actors, "--plant", "tells-first", "--seed", "13", "--duration", "25s"];
  const one = await runCommandLine([...own, "--report", "own.html"], { cwd });
  expect(one.err).toContain("Wrote own.html");
  expect(await page("own.html")).toContain("<h1>two-phase commit: seed 13</h1>");
  const many = await runCommandLine([...own, "--seeds", "2", "--events", "--report", "owns.html"], { cwd });
  expect(many.err).toContain("Wrote owns.html");
  expect(await page("owns.html")).toContain("<h1>two-phase commit, with tells-first: seeds 13 to 14</h1>");
});

test.each([
  ["", "it has no name"],
  [".", "it is a folder"],
  ["folder", "it is a folder"],
  ["nowhere/a.html", "there is no folder"],
  ["file/a.html", "is no folder"],
  ["/dev/null", "it is no file"],
  ["/proc/a.html", "no file can be made there \\(ENOENT\\)"],
])('sim --report "%s" is refused before anything runs: %s', async (name, why) => {
  await mkdir(join(cwd, "folder"), { recursive: true });
  await writeFile(join(cwd, "file"), "");
  const { exitCode, out, err } = await runCommandLine(["sim", "--seeds", "1000000", "--report", name], { cwd });
  expect([exitCode, out]).toEqual([2, ""]);
  expect(err).toMatch(new RegExp(`^Error: Cannot write a report to "${name.replaceAll(".", "\\.")}": .*${why}`));
  expect(err).toContain("--report run.html");
});

test.each([
  ["--record", "nowhere/run.json", "there is no folder"],
  ["--shrink", "nowhere/run.json", "there is no folder"],
  ["--shrink", ".", "it is a folder"],
  ["--record", "/proc/run.json", "no file can be made there"],
])("sim %s %s is refused before anything runs: %s", async (option, name, why) => {
  const { exitCode, out, err } = await runCommandLine(["sim", "--seed", "1", "--duration", "8000h", option, name], {
    cwd,
  });
  expect([exitCode, out]).toEqual([2, ""]);
  expect(err).toMatch(new RegExp(`^Error: Cannot write the run to "${name.replaceAll(".", "\\.")}": ${why}`));
  expect(err).toContain(`${option} run.json`);
});

test.each([
  ["--record", "same"],
  ["--replay", "same"],
  ["--shrink", "same"],
  ["--keep", "same"],
])("sim --report is refused where %s names the same file", async (option, name) => {
  const { exitCode, err } = await runCommandLine(["sim", "--report", `./${name}`, option, name], { cwd });
  expect([exitCode, err]).toEqual([2, expect.stringContaining(`: ${option} names the same file\n`)]);
  await expect(stat(join(cwd, name))).rejects.toThrow("ENOENT");
});

test("sim --explore --report is refused: there is no one run to draw", async () => {
  const { exitCode, err } = await runCommandLine(["sim", "--explore", "two-elect", "--report", "a.html"], { cwd });
  expect([exitCode, err]).toEqual([2, expect.stringContaining("Cannot use --explore with --report")]);
});
