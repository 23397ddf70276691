/** Options of `blixard sim` that contradict each other are refused, each by both names and with what to do; all that it has are sorted. */
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { addSimCommand } from "../../cli/commands/sim-command.ts";
import { BELONGING, CONTRADICTIONS, OPTION_GROUPS, type SimOption } from "../../cli/commands/sim-contradictions.ts";
import type { CliContext } from "../../cli/cli-context.ts";
import { runCommandLine } from "./run-command-line.ts";

/** Each as somebody would write it. */
const WRITTEN: Readonly<Record<SimOption, readonly string[]>> = {
  seed: ["--seed", "7"],
  nodes: ["--nodes", "3"],
  vms: ["--vms", "5"],
  duration: ["--duration", "5s"],
  profile: ["--profile", "mixed"],
  everyFault: ["--every-fault"],
  schedule: ["--schedule", "pct"],
  upgradeFrom: ["--upgrade-from", "elsewhere"],
  seeds: ["--seeds", "2"],
  minutes: ["--minutes", "1"],
  keepGoing: ["--keep-going"],
  workers: ["--workers", "2"],
  hungAfter: ["--hung-after", "5m"],
  keep: ["--keep", "folder"],
  events: ["--events"],
  json: ["--json"],
  report: ["--report", "out.html"],
  actors: ["--actors", "mine.ts"],
  plant: ["--plant", "this"],
  depth: ["--depth", "3"],
  states: ["--states", "100"],
  output: ["--output", "json"],
  verify: ["--verify"],
  record: ["--record", "run.json"],
  replay: ["--replay", "run.json"],
  shrink: ["--shrink"],
  explore: ["--explore", "two-elect"],
};

const sim = simCommand();
const isThere = (name: SimOption): boolean => sim.options.some((option) => option.attributeName() === name);

function simCommand(): Command {
  const program = new Command("blixard");
  addSimCommand(program, {} as CliContext);
  return program.commands.find((command) => command.name() === "sim") as Command;
}

const PAIRS = CONTRADICTIONS.flatMap(({ option, others, why }) =>
  others.map((other): [SimOption, SimOption, string] => [option, other, why]),
).filter(([option, other]) => isThere(option) && isThere(other));

describe("sim refuses", () => {
  test("more than 50 pairs of options", () => {
    expect(PAIRS.length).toBeGreaterThan(50);
  });

  test.each(PAIRS)("--%s with --%s", async (option, other, why) => {
    for (const args of [
      [...WRITTEN[option], ...WRITTEN[other]],
      [...WRITTEN[other], ...WRITTEN[option]],
    ]) {
      const { exitCode, out, err } = await runCommandLine(["sim", ...args]);
      expect([exitCode, out], args.join(" ")).toEqual([2, ""]);
      expect(err).toContain(`Error: Cannot use ${WRITTEN[option][0]} with ${WRITTEN[other][0]}: ${why}.\n`);
      const hint = err.slice(err.indexOf("\n") + 1);
      expect(hint, "says what to do").toMatch(/^\S.{10,}\n$/);
      expect(hint).not.toContain("OTHER");
    }
  });

  test.each(BELONGING)("$option without what it belongs to", async ({ option, to }) => {
    const { exitCode, err } = await runCommandLine(["sim", ...WRITTEN[option]]);
    expect([exitCode, err]).toEqual([
      2,
      `Error: Cannot use ${WRITTEN[option][0]}: it belongs to --${to}.\nAdd --${to}, or leave ${WRITTEN[option][0]} out.\n`,
    ]);
  });

  test.each<[string, readonly string[], string]>([
    ["--workers 0", ["--workers", "0"], "Expected a whole number from 1 to 256"],
    ["--seeds 0", ["--seeds", "0"], "Expected a whole number from 1 to 1000000"],
    ["--minutes 0", ["--minutes", "0"], "Expected a whole number from 1"],
    ["--nodes 10", ["--nodes", "10"], "Expected a whole number from 1 to 9"],
    ["--seed -1", ["--seed", "-1"], "Expected a whole number from 0"],
    ["--seed 1.5", ["--seed", "1.5"], "Expected a whole number from 0"],
    ["--duration soon", ["--duration", "soon"], "Expected a duration like 30s, 5m or 1h"],
    ["--duration 0s", ["--duration", "0s"], "Expected more than nothing, like 30s, 5m or 1h"],
    ["--duration 366d", ["--duration", "366d"], "argument '366d' is invalid. Expected at most 365d"],
    ["--hung-after 25d", ["--hung-after", "25d"], "argument '25d' is invalid. Expected at most 24d"],
    ["--profile stormy", ["--profile", "stormy"], "Allowed choices are mixed, elections"],
    ["--schedule fair", ["--schedule", "fair"], "Allowed choices are"],
  ])("%s", async (_, args, why) => {
    const { exitCode, err } = await runCommandLine(["sim", ...args]);
    expect([exitCode, err]).toEqual([2, expect.stringContaining(why)]);
    expect(err).toContain('See "blixard sim --help".');
  });
});

test("every option of sim belongs to one group, which is a heading of its help", async () => {
  const groups = Object.values(OPTION_GROUPS).flat();
  const names = sim.options.map((option) => option.attributeName());
  expect(names.filter((name) => !groups.includes(name as SimOption))).toEqual([]);
  expect(new Set(groups).size).toBe(groups.length);
  const { out } = await runCommandLine(["sim", "--help"]);
  const headings = [...out.matchAll(/^(\S.*):$/gmu)].map(([, heading]) => heading);
  expect(headings).toEqual(expect.arrayContaining(["What happens in a run", "Many runs", "With --explore"]));
});

test("sim refuses --every-fault where there are none", async () => {
  const { exitCode, err } = await runCommandLine(["sim", "--every-fault", "--profile", "calm"]);
  expect([exitCode, err]).toEqual([
    2,
    'Error: Cannot use --every-fault with profile "calm": it has no faults.\nLeave one of the two out.\n',
  ]);
});

test("sim takes as the only seed whichever a sweep may have run last", async () => {
  const { exitCode, err } = await runCommandLine(["sim", "--seed", `${2 ** 32}`, "--every-fault", "--profile", "calm"]);
  expect([exitCode, err]).toEqual([2, expect.stringContaining("it has no faults")]);
});

test("what stands behind check-history is its own, and its errors name it", async () => {
  for (const args of [
    ["--states", "0"],
    ["-o", "yaml"],
    ["--seed", "3"],
  ]) {
    const { exitCode, err } = await runCommandLine(["sim", "check-history", "--model", "kv", "h.edn", ...args]);
    expect([exitCode, err], args.join(" ")).toEqual([
      2,
      expect.stringContaining('See "blixard sim check-history --help".'),
    ]);
  }
  const before = await runCommandLine(["sim", "--seed", "3", "check-history", "--model", "kv", "h.edn"]);
  expect([before.exitCode, before.err]).toEqual([
    2,
    expect.stringContaining("Cannot check a history with --seed: that is an option of a simulation."),
  ]);
});
