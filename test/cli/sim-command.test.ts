import { expect, test } from "vitest";
import { runCommandLine } from "./run-command-line.ts";

const SHORT = ["sim", "--nodes", "3", "--duration", "5s"];

test("sim --json prints one line a seed, the same each time", async () => {
  const args = [...SHORT, "--seed", "7", "--json"];
  const [one, two] = [await runCommandLine(args), await runCommandLine(args)];
  expect(JSON.parse(one.out)).toMatchObject({ seed: 7, nodes: 3, ok: true });
  expect(two.out).toBe(one.out);
});

test("sim --events prints every event of the run before its summary", async () => {
  const { out } = await runCommandLine([...SHORT, "--seed", "7", "--events"]);
  const { events } = JSON.parse((await runCommandLine([...SHORT, "--seed", "7", "--json"])).out) as { events: number };
  expect(out.slice(0, out.indexOf("1 seed: ")).trimEnd().split("\n")).toHaveLength(events);
});

test("sim refuses options that no run can have", async () => {
  for (const args of [
    ["--nodes", "10"],
    ["--duration", "soon"],
    ["--seed", "-1"],
    ["--profile", "stormy"],
    ["--workers", "0"],
    ["--minutes", "0"],
    ["--minutes", "1", "--seeds", "2"],
    ["--events", "--workers", "2"],
    ["--hung-after", "soon"],
  ]) {
    expect((await runCommandLine(["sim", ...args])).exitCode, args.join(" ")).toBe(2);
  }
});
