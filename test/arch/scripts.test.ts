/** The shell scripts at the root, `.ci/run` and `blixard`, run against stand-ins of what they start. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPOSITORY, ScratchFolder } from "./scratch-folder.ts";

interface Ended {
  readonly lastLine: string;
  readonly status: number | null;
}

function end(command: string, args: readonly string[], cwd: string, path: string): Ended & { readonly stderr: string } {
  const { stdout, stderr, status } = spawnSync(command, args, { cwd, env: { PATH: path }, encoding: "utf8" });
  return { lastLine: stdout.trimEnd().split("\n").at(-1) ?? "", status, stderr };
}

/** Runs `.ci/run` on an npm whose commands do the given lines of shell. */
function runCi(npm: { readonly ci?: string; readonly check?: string; readonly test?: string }): Ended {
  using folder = new ScratchFolder();
  cpSync(join(REPOSITORY, ".ci", "run"), join(folder.root, ".ci", "run"));
  folder.plantScript("bin/npm", [
    "#!/bin/sh",
    'case "$*" in',
    `ci) ${npm.ci ?? "true"} ;;`,
    `"run check") ${npm.check ?? "true"} ;;`,
    `test) ${npm.test ?? 'echo "2 passed, 0 failed"'} ;;`,
    '*) echo "unexpected: npm $*"; exit 99 ;;',
    "esac",
  ]);
  const path = `${join(folder.root, "bin")}:${process.env["PATH"]}`;
  const { lastLine, status } = end(join(folder.root, ".ci", "run"), [], "/", path);
  return { lastLine, status };
}

test(".ci/run ends with the tally of the tests", () => {
  expect(runCi({ test: 'echo "7 passed, 0 failed, 3 skipped"; echo "npm error noise" >&2' })).toEqual({
    lastLine: "7 passed, 0 failed, 3 skipped",
    status: 0,
  });
});

test(".ci/run counts failed tests, a failed check and a failed install", () => {
  const failing = 'echo "7 passed, 2 failed"; exit 1';
  expect(runCi({ test: failing })).toEqual({ lastLine: "7 passed, 2 failed", status: 1 });
  expect(runCi({ check: "exit 1" })).toEqual({ lastLine: "2 passed, 1 failed", status: 1 });
  expect(runCi({ check: "exit 1", test: failing })).toEqual({ lastLine: "7 passed, 3 failed", status: 1 });
  expect(runCi({ ci: "exit 1" })).toEqual({ lastLine: "0 passed, 1 failed", status: 1 });
});

test(".ci/run does not believe a test run that died or contradicts itself", () => {
  expect(runCi({ test: "exit 137" })).toEqual({ lastLine: "0 passed, 1 failed", status: 1 });
  expect(runCi({ test: "true" })).toEqual({ lastLine: "0 passed, 1 failed", status: 1 });
  expect(runCi({ test: 'echo "7 passed, 0 failed"; exit 1' })).toEqual({ lastLine: "7 passed, 1 failed", status: 1 });
});

/** A checkout whose command line prints the Node.js it runs on and its arguments. */
function plantCheckout(folder: ScratchFolder): void {
  cpSync(join(REPOSITORY, "blixard"), join(folder.root, "blixard"));
  folder.plant("cli/main.ts", ["console.log(process.argv0, ...process.argv.slice(2) as string[]);"]);
}

test("blixard runs the checkout's Node.js, from any folder and through symlinks", () => {
  using folder = new ScratchFolder();
  plantCheckout(folder);
  const node = join(folder.root, "node_modules", ".bin", "node");
  mkdirSync(join(node, ".."), { recursive: true });
  symlinkSync(process.execPath, node);
  mkdirSync(join(folder.root, "links"));
  symlinkSync("../blixard", join(folder.root, "links", "first"));
  symlinkSync("first", join(folder.root, "links", "second"));
  const ran = end(join(folder.root, "links", "second"), ["vm", "get", "two words"], "/", "/usr/bin:/bin");
  expect(ran).toEqual({ lastLine: `${node} vm get two words`, status: 0, stderr: "" });
});

test("blixard refuses a Node.js that is too old, by its version, and says what to do", () => {
  using folder = new ScratchFolder();
  plantCheckout(folder);
  folder.plantScript("bin/node", ["#!/bin/sh", 'if [ "$1" = --version ]; then echo v20.19.2; else exit 1; fi']);
  const ran = end(join(folder.root, "blixard"), ["version"], "/", `${join(folder.root, "bin")}:/usr/bin:/bin`);
  expect(ran.status).toBe(1);
  expect(ran.stderr).toBe(
    `Cannot run blixard: needs Node.js 24 or later, found v20.19.2. Run "npm ci" in ${folder.root}, which brings it.\n`,
  );
});
