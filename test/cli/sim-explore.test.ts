import { expect, test } from "vitest";
import { runCommandLine } from "./run-command-line.ts";

test("sim --explore looks at every state of a configuration, and says what holds", async () => {
  const { exitCode, out, err } = await runCommandLine(["sim", "--explore", "two-elect"]);
  expect([exitCode, out]).toEqual([
    0,
    expect.stringMatching(/^two-elect: complete, every rule holds\nstates +[\d,]+, /),
  ]);
  expect(out).toContain("✓ election-safety");
  expect(err).toContain("Exploring two-elect");
});

test("sim --explore without a name lists the configurations; an unknown one does too, and is refused", async () => {
  const list = await runCommandLine(["sim", "--explore"]);
  expect([list.exitCode, list.out]).toEqual([0, expect.stringContaining("three-elect-crash")]);
  const unknown = await runCommandLine(["sim", "--explore", "nine-elect"]);
  expect([unknown.exitCode, unknown.out]).toEqual([2, ""]);
  expect(unknown.err).toContain('Cannot explore "nine-elect": there is no such configuration. There are:');
});

test("sim --explore says which bound was hit, and how far it came", async () => {
  const { exitCode, out, err } = await runCommandLine(["sim", "--explore", "two-elect", "--depth", "5", "-o", "json"]);
  expect(exitCode).toBe(6);
  expect(JSON.parse(out)).toMatchObject({ model: "two-elect", end: "depth", depth: 5, ok: true });
  expect(err).toContain("not complete, the bound of depth was hit");
  const states = await runCommandLine(["sim", "--explore", "two-elect", "--states", "100"]);
  expect([states.exitCode, states.out]).toEqual([6, expect.stringContaining("stopped at 100 states")]);
});

test("sim --explore refuses options of runs under seeds, and they refuse its own", async () => {
  for (const args of [
    ["--explore", "two-elect", "--seed", "7"],
    ["--explore", "two-elect", "--json"],
    ["--depth", "5"],
    ["-o", "json", "--seed", "7"],
    ["--explore", "two-elect", "--states", "0"],
  ]) {
    expect((await runCommandLine(["sim", ...args])).exitCode, args.join(" ")).toBe(2);
  }
});
