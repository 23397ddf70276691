/** `sim --keep`: failures of earlier sweeps are run first. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keepFailed, replayKept } from "../../cli/commands/sim-kept.ts";
import { Progress } from "../../cli/progress.ts";
import { runSeed, type SeedResult } from "../../sim/index.ts";
import { FailureFolder, type SweepOptions } from "../../sim/node/index.ts";
import { DOOM } from "../sim/node/doom.ts";
import { KeptStream, runCommandLine } from "./run-command-line.ts";

let path = "";
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "blixard-kept-"));
});
afterEach(() => rmSync(path, { recursive: true }));

/** Threads of production load the simulator, each for itself. */
const THREADS_MS = 60_000;

const DOOMED: Omit<SweepOptions, "runs"> = {
  workers: 1,
  file: new URL("../sim/node/doomed-worker.ts", import.meta.url),
};

/** Says of seeds that they failed once. */
function keepAll(failures: FailureFolder, invariants: Readonly<Record<number, string>>): void {
  failures.open();
  const run = runSeed({ seed: 1, nodes: 1, durationMs: 1000, profile: "calm" });
  for (const [seed, invariant] of Object.entries(invariants)) {
    const failed: SeedResult = {
      ...run,
      seed: Number(seed),
      ok: false,
      failure: { invariant, message: "", atMs: 1, lines: [] },
    };
    failures.keep(failed, "0.0.9");
  }
}

test("replayKept() tells which kept failures are clean now, which fail as before, and which otherwise", async () => {
  const [folder, terminal] = [new FailureFolder(path), { out: new KeptStream(), err: new KeptStream() }];
  keepAll(folder, { 1: "settles", [DOOM.fails]: "settles" });
  const failing = await replayKept({ folder, threads: DOOMED, terminal, json: false });
  expect(failing.map(({ seed }) => seed)).toEqual([DOOM.fails]);
  expect(terminal.out.text).toBe(
    [
      "clean now    calm-1-1n-1000ms.json: was settles, by 0.0.9",
      "fails still  calm-503-1n-1000ms.json: settles, by 0.0.9",
      "",
    ].join("\n"),
  );
  expect(terminal.err.text).toContain("Replaying 2 kept failures: 1 of 2 clean now");
  keepAll(folder, { [DOOM.fails]: "election-safety" });
  await replayKept({ folder, threads: DOOMED, terminal, json: false });
  expect(terminal.out.text).toContain("fails        calm-503-1n-1000ms.json: settles; was election-safety, by 0.0.9");
});

test("replayKept() ends with the seed that has no result", async () => {
  const [folder, terminal] = [new FailureFolder(path), { out: new KeptStream(), err: new KeptStream() }];
  keepAll(folder, { [DOOM.exits]: "settles" });
  await expect(replayKept({ folder, threads: DOOMED, terminal, json: false })).rejects.toThrow(
    "Cannot finish the sweep: seed 303 has no result, its thread ended with exit code 7",
  );
});

test("keepFailed() goes on where nothing can be kept, and says so", async () => {
  const taken = join(path, "taken");
  writeFileSync(taken, "");
  const [err, run] = [new KeptStream(), runSeed({ seed: 1, nodes: 1, durationMs: 1000, profile: "calm" })];
  const failure = { invariant: "settles", message: "", atMs: 1, lines: [] };
  await keepFailed(new FailureFolder(taken), { ...run, ok: false, failure }, new Progress(err));
  expect(err.text).toMatch(
    /^Cannot keep seed 1 in the folder of failing seeds .*taken: ENOTDIR.*It goes on without\n$/,
  );
});

test(
  "sim --keep runs what is kept, then its own seeds",
  async () => {
    keepAll(new FailureFolder(path), { 3: "settles" });
    const args = ["sim", "--keep", path, "--seed", "7", "--nodes", "1", "--duration", "1s", "--profile", "calm"];
    const { exitCode, out } = await runCommandLine([...args, "--workers", "1"]);
    expect([exitCode, out]).toEqual([
      0,
      expect.stringMatching(/^clean now {4}calm-3-1n-1000ms\.json: was settles, by 0\.0\.9\n1 seed: all clean\n/),
    ]);
  },
  THREADS_MS,
);

test("sim --keep refuses a file of another version by name", async () => {
  writeFileSync(join(path, "old.json"), '{"format":"blixard-failing-seed","formatVersion":9}');
  const { exitCode, err } = await runCommandLine(["sim", "--keep", path]);
  expect([exitCode, err]).toEqual([2, expect.stringContaining(`${join(path, "old.json")}: its format version is 9`)]);
});

test.each([
  ["/proc/failing", "ENOENT"],
  ["/proc/version", "it is no folder"],
])("sim --keep %s is refused before anything runs: %s", async (folder, why) => {
  const { exitCode, out, err } = await runCommandLine(["sim", "--seeds", "1000000", "--keep", folder]);
  expect([exitCode, out]).toEqual([2, ""]);
  expect(err).toMatch(new RegExp(`^Error: Cannot open the folder of failing seeds ${folder}: .*${why}`, "u"));
});

test("sim --shrink is refused before anything runs where the file it would write has no place", async () => {
  const { exitCode, err } = await runCommandLine(["sim", "--seed", "1", "--duration", "8000h", "--shrink"], {
    cwd: "/proc",
  });
  expect([exitCode, err]).toEqual([
    2,
    expect.stringMatching(/^Error: Cannot write the run to "seed.short.json": no file/u),
  ]);
});
