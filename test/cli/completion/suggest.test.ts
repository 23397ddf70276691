import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { COMPLETION_SCRIPTS, SHELLS } from "../../../cli/completion/shell-scripts.ts";
import { FakeCluster, nodeNamed, vmNamed } from "../fake-cluster.ts";
import { runCommandLine } from "../run-command-line.ts";

/** Candidates for a line whose last word, perhaps empty, is being written. */
async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const cluster = new FakeCluster();
  for (const name of ["web", "db"]) cluster.put(vmNamed(name));
  cluster.put(nodeNamed("n1"));
  const { exitCode, out } = await runCommandLine(["completion-words", "--", ...words], { cluster });
  expect(exitCode).toBe(0);
  return out.split("\n").filter((line) => line !== "");
}

test("suggest() offers commands, and none that is hidden", async () => {
  const commands = await complete("");
  expect(commands).toEqual(expect.arrayContaining(["up", "down", "vm", "get", "apply", "sim"]));
  expect(commands).not.toContain("completion-words");
  expect(await complete("vm", "d")).toEqual(["delete", "describe"]);
});

test("suggest() offers the names of VMs, each once", async () => {
  expect(await complete("vm", "stop", "")).toEqual(["web", "db"]);
  expect(await complete("vm", "stop", "web", "")).toEqual(["db"]);
  expect(await complete("vm", "logs", "w")).toEqual(["web"]);
});

test("suggest() offers kinds, then names of that kind", async () => {
  expect(await complete("get", "")).toEqual(["vms", "nodes", "checkpoints", "events"]);
  expect(await complete("get", "no", "")).toEqual(["n1"]);
  expect(await complete("get", "-o", "json", "vm", "")).toEqual(["web", "db"]);
});

test("suggest() offers options, and what an option may be", async () => {
  expect(await complete("vm", "logs", "web", "--f")).toEqual(["--follow"]);
  expect(await complete("get", "vms", "-o", "")).toEqual(["table", "wide", "json", "yaml", "name"]);
  expect(await complete("up", "--driver", "p")).toEqual(["process"]);
  expect(await complete("get", "--serv")).toEqual(["--server"]);
});

test("suggest() leaves files to the shell", async () => {
  expect(await complete("apply", "-f", "")).toEqual([]);
  expect(await complete("up", "--apply", "exam")).toEqual([]);
});

test("suggest() is silent when there is no cluster, or no such command", async () => {
  const { exitCode, out, err } = await runCommandLine(["completion-words", "--", "vm", "stop", ""], {
    env: { BLIXARD_HOME: "/nonexistent" },
  });
  expect([exitCode, out, err]).toEqual([0, "", ""]);
  expect(await complete("frob", "")).not.toContain("frob");
});

test("completion prints a script for each shell, and refuses others by name", async () => {
  for (const shell of SHELLS) {
    expect((await runCommandLine(["completion", shell])).out).toBe(COMPLETION_SCRIPTS[shell]);
  }
  const { exitCode, err } = await runCommandLine(["completion", "tcsh"]);
  expect([exitCode, err]).toEqual([2, expect.stringContaining("bash, zsh, fish")]);
});

test("the bash script completes with what the program says", () => {
  const script = [
    COMPLETION_SCRIPTS.bash,
    'asked() { shift 2; printf "<%s>" "$@" >&2; printf "one\\ntwo words\\n"; }',
    'COMP_WORDS=(asked vm stop "") COMP_CWORD=3',
    '_blixard; printf "[%s]" "${COMPREPLY[@]}"',
  ].join("\n");
  const { stdout } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
  expect(stdout).toBe("[one][two words]");
});
