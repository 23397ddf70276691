/** The canary of the tally: a run in which everything fails that can fail must not be counted as passed. */
import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPOSITORY, ScratchFolder } from "./scratch-folder.ts";

function runVitest(files: Readonly<Record<string, readonly string[]>>): { lastLine: string; status: number | null } {
  using folder = new ScratchFolder();
  symlinkSync(join(REPOSITORY, "node_modules"), join(folder.root, "node_modules"));
  const reporter = join(REPOSITORY, "test", "tally-reporter.ts");
  folder.plant("vitest.config.ts", [`export default { test: { reporters: ["default", "${reporter}"] } };`]);
  for (const [path, lines] of Object.entries(files)) {
    folder.plant(path, ['import { beforeAll, describe, expect, test } from "vitest";', ...lines]);
  }
  const vitest = join(REPOSITORY, "node_modules", ".bin", "vitest");
  const { stdout, status } = spawnSync(process.execPath, [vitest, "run"], { cwd: folder.root, encoding: "utf8" });
  return { lastLine: stdout.trimEnd().split("\n").at(-1) ?? "", status };
}

test("tally() counts what passed and what was skipped", () => {
  const run = runVitest({
    "good.test.ts": ['test("a", () => expect(1).toBe(1));', 'test("b", () => expect(2).toBe(2));'],
    "skipped.test.ts": ['test.skip("c", () => expect(1).toBe(2));'],
  });
  expect(run).toEqual({ lastLine: "2 passed, 0 failed, 1 skipped", status: 0 });
});

test("tally() counts a test, a hook, a file and an error outside of tests as one failure each", () => {
  const run = runVitest({
    "test.test.ts": ['test("a", () => expect(1).toBe(1));', 'test("b", () => expect(1).toBe(2));'],
    "hook.test.ts": [
      'describe("c", () => {',
      '  beforeAll(() => { throw new Error("no set-up"); });',
      '  test("never runs", () => expect(1).toBe(1));',
      "});",
    ],
    "file.test.ts": ['import "./missing.ts";'],
    "outside.test.ts": [
      'test("d", () => { setTimeout(() => { throw new Error("late"); }, 1); });',
      'test("e", () => new Promise((resolve) => { setTimeout(resolve, 50); }));',
    ],
  });
  expect(run).toEqual({ lastLine: "3 passed, 4 failed, 1 skipped", status: 1 });
});
