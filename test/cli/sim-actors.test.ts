/** `blixard sim --actors`: a user's own simulation from the command line. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "./run-command-line.ts";

const FILE = join(import.meta.dirname, "adding-simulation.ts");
const ACTORS = ["sim", "--actors", FILE, "--seed", "1"];

/** Threads of a busy machine begin slowly. */
const TIMEOUT_MS = 60_000;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "blixard-actors-"));
});
afterAll(() => rm(cwd, { recursive: true }));

test(
  "sim --actors runs many seeds over threads as one after the other, and says what they reached",
  { timeout: TIMEOUT_MS },
  async () => {
    const threads = await runCommandLine([...ACTORS, "--seeds", "4", "--workers", "2", "--json"], { cwd });
    const here: string[] = [];
    for (const seed of [1, 2, 3, 4]) {
      const { out } = await runCommandLine(["sim", "--actors", FILE, "--seed", `${seed}`, "--json"], { cwd });
      here.push(out);
    }
    expect([threads.exitCode, threads.out]).toEqual([0, here.join("")]);
    const told = await runCommandLine([...ACTORS, "--seeds", "4", "--workers", "1"], { cwd });
    expect([told.exitCode, told.out]).toEqual([0, expect.stringContaining("4 seeds: all clean")]);
    expect(told.out).toContain("never        nothing that was to be reached");
  },
);

test(
  "sim --actors finds what is planted, makes it short and draws it, and its file fails until it is mended",
  { timeout: TIMEOUT_MS },
  async () => {
    const planted = [...ACTORS, "--plant", "seven", "--seeds", "20", "--workers", "1"];
    const found = await runCommandLine(planted, { cwd });
    expect([found.exitCode, found.err]).toEqual([1, expect.stringContaining(": nothing is wrong\n")]);
    expect(found.err).toContain(`Replay it with: blixard sim --actors ${FILE} --plant seven --seed `);
    const shrunk = await runCommandLine([...planted, "--shrink", "short.json", "--report", "short.html"], { cwd });
    expect([shrunk.exitCode, shrunk.out]).toEqual([1, expect.stringMatching(/ ms {2}step {"to":"n\d","by":7}\n/)]);
    expect(shrunk.err).toContain("Wrote short.json: 1 event");
    expect(await readFile(join(cwd, "short.html"), "utf8")).toContain("nothing is wrong");
    const replay = ["sim", "--actors", FILE, "--replay", "short.json"];
    const replayed = await runCommandLine(replay, { cwd });
    expect([replayed.exitCode, replayed.out]).toEqual([1, "It still fails, byte for byte the recorded run.\n"]);
    const text = await readFile(join(cwd, "short.json"), "utf8");
    await writeFile(join(cwd, "mended.json"), text.replace(/"planted": \[[^\]]*\]/, '"planted": []'));
    const mended = await runCommandLine([...replay.slice(0, -1), "mended.json"], { cwd });
    expect([mended.exitCode, mended.out]).toEqual([0, expect.stringContaining("It no longer fails.")]);
  },
);

test("sim --actors --record writes a run that --replay repeats byte for byte", { timeout: TIMEOUT_MS }, async () => {
  const recorded = await runCommandLine([...ACTORS, "--record", "a.json"], { cwd });
  expect([recorded.exitCode, recorded.err]).toEqual([0, expect.stringContaining("Wrote a.json: ")]);
  const replayed = await runCommandLine(["sim", "--actors", FILE, "--replay", "a.json", "--events"], { cwd });
  expect(replayed.exitCode).toBe(0);
  expect(replayed.out).toContain("Clean, as recorded, byte for byte the recorded run.\n");
  expect(replayed.out).toContain(" note step {");
  const shrunk = await runCommandLine(["sim", "--actors", FILE, "--replay", "a.json", "--shrink"], { cwd });
  expect([shrunk.exitCode, shrunk.out]).toEqual([0, "It does not fail; there is nothing to shrink.\n"]);
});

test("sim --actors --verify tells what the seed does not decide, and where", { timeout: TIMEOUT_MS }, async () => {
  const clean = await runCommandLine([...ACTORS, "--seeds", "2", "--verify", "--workers", "1"], { cwd });
  expect(clean.exitCode).toBe(0);
  const undecided = await runCommandLine([...ACTORS, "--plant", "total", "--verify"], { cwd });
  expect([undecided.exitCode, undecided.err]).toEqual([1, expect.stringContaining("decided-by-seed")]);
  expect(undecided.err).toContain("The first event that differs is ");
});

test("a sweep that never reached what it was for fails", { timeout: TIMEOUT_MS }, async () => {
  const { exitCode, err } = await runCommandLine([...ACTORS, "--plant", "shy", "--seeds", "2", "--workers", "1"], {
    cwd,
  });
  expect([exitCode, err]).toEqual([1, expect.stringContaining("None of 2 seeds reached: added")]);
});

test("what is no simulation, or none of this file, is refused with exit code 2", { timeout: TIMEOUT_MS }, async () => {
  await writeFile(join(cwd, "other.mjs"), "export default { name: 'x' }\n");
  await writeFile(join(cwd, "broken.mjs"), "export default {\n");
  await writeFile(
    join(cwd, "upset.mjs"),
    'export default { name: "x", make: () => { throw new Error("no office"); } };\n',
  );
  await writeFile(join(cwd, "endless.mjs"), 'export default { name: "x", make: () => { for (;;); } };\n');
  await writeFile(join(cwd, "later.mjs"), 'export default { name: "x", make: async () => ({}) };\n');
  await runCommandLine([...ACTORS, "--record", "b.json"], { cwd });
  const text = await readFile(join(cwd, "b.json"), "utf8");
  await writeFile(join(cwd, "foreign.json"), text.replace('"adding"', '"bank"'));
  await writeFile(join(cwd, "old.json"), text.replace('"formatVersion": 1', '"formatVersion": 7'));
  for (const [args, why] of [
    [["--actors", "missing.ts"], "there is no such file"],
    [["--actors", "."], "it is a folder, wanted a file"],
    [["--actors", "other.mjs"], "its default export is no simulation, wanted one by defineSimulation({ name, make })"],
    [["--actors", "broken.mjs"], "it cannot be loaded ("],
    [["--actors", "upset.mjs"], "Cannot simulate upset.mjs: its make() throws: no office"],
    [["--actors", "endless.mjs", "--hung-after", "4s"], "endless.mjs: its make() has not ended after 4 s"],
    [["--actors", "later.mjs"], "its make() throws: it returns a promise, wanted the options of a run at once"],
    [["--actors", FILE, "--plant", "eight"], 'Cannot plant "eight" in adding: what can be is seven, total, shy'],
    [["--plant", "seven"], "Cannot use --plant without --actors"],
    [["--actors", FILE, "--profile", "calm"], "--profile"],
    [["--actors", FILE, "--replay", "foreign.json"], 'it is a run of "bank", and'],
    [["--actors", FILE, "--replay", "old.json"], "it is of format version 7, this software reads version 1"],
    [["--actors", FILE, "--replay", "none.json"], "there is no such file"],
  ] as const) {
    const { exitCode, err } = await runCommandLine(["sim", ...args], { cwd });
    expect([args, exitCode, err]).toEqual([args, 2, expect.stringContaining(why)]);
  }
});
