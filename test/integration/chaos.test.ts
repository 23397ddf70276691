/**
 * `npm run chaos` as a user runs it: short and clean, with a fault planted that it must find, interrupted, and killed. What it started is
 * looked for by the folder of the run, which stands in the command line of every node.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { parseHistory } from "../../sim/checkers/history.ts";
import { REPOSITORY } from "./blixard-process.ts";

const WAIT = { timeout: 60_000, interval: 50 };

interface Chaos {
  readonly child: ChildProcess;
  /** Of the run; known once it has begun. */
  readonly folder: () => string;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

function startChaos(...args: readonly string[]): Chaos {
  const child = spawn(process.execPath, [join(REPOSITORY, "chaos", "main.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (said += text));
  }
  const folder = (): string => /--inside\0([^\0]+)/.exec(commandLines().find(isCopyOf(child)) ?? "")?.[1] ?? "";
  const ended = once(child, "exit").then(([code]) => code as number | null);
  onTestFinished(() => void child.kill("SIGTERM"));
  return { child, folder, said: () => said, ended };
}

/** The program starts its copy directly, or as an argument of the `unshare` that it starts. */
function isCopyOf({ pid }: ChildProcess): (line: string) => boolean {
  return (line) => line.startsWith(`${pid} `);
}

/** Of all processes, with the number of the parent in front. */
function commandLines(): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, parent = ""] = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
        return [`${parent} ${readFileSync(`/proc/${pid}/cmdline`, "utf8")}`];
      } catch {
        return [];
      }
    });
}

/** Processes and mounts that a run has left. */
function remainsOf(folder: string): readonly string[] {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  return [...commandLines(), ...mounts].filter((line) => line.includes(basename(folder)));
}

async function underWay(chaos: Chaos): Promise<string> {
  await vi.waitFor(() => expect(chaos.said()).toContain("a write after"), WAIT);
  const folder = chaos.folder();
  expect(existsSync(folder)).toBe(true);
  expect(remainsOf(folder).length).toBeGreaterThan(2);
  return folder;
}

test("chaos ends well after a quarter of a minute of faults, and leaves nothing", async () => {
  const chaos = startChaos("--minutes", "0.25", "--seed", "1");
  const folder = await underWay(chaos);
  expect(await chaos.ended, chaos.said()).toBe(0);
  expect(chaos.said()).toContain("The history is linearizable, no acknowledged write is lost, all nodes agree");
  expect(chaos.said()).toMatch(/acknowledged +[\d,]{3,} writes, [\d,]{3,} reads/);
  expect(existsSync(folder)).toBe(false);
  await vi.waitFor(() => expect(remainsOf(folder)).toEqual([]), WAIT);
});

test("chaos finds disks that confirm what they do not keep, says which writes are lost, and keeps what shows it", async () => {
  const chaos = startChaos("--minutes", "0.5", "--seed", "2", "--faults", "restart-all", "--plant", "forgetful-disks");
  expect(await chaos.ended, chaos.said()).toBe(1);
  expect(chaos.said()).toMatch(/✗ An acknowledged write is lost: c\d \w+ g\d+-k\d/);
  expect(chaos.said()).toContain("No order of the operations on key");
  const folder = /are kept in (.+)/.exec(chaos.said())?.[1] ?? "";
  onTestFinished(() => rmSync(folder, { recursive: true }));
  expect(parseHistory(readFileSync(join(folder, "history.jsonl"), "utf8")).length).toBeGreaterThan(100);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(["n1.log", "n1.saved", "schedule.jsonl"]));
  await vi.waitFor(() => expect(remainsOf(folder)).toEqual([]), WAIT);
});

test("chaos finds reads of the past", async () => {
  const chaos = startChaos("--minutes", "0.3", "--seed", "4", "--faults", "kill,pause", "--plant", "stale-reads");
  expect(await chaos.ended, chaos.said()).toBe(1);
  expect(chaos.said()).toContain("No order of the operations on key");
  expect(chaos.said()).not.toContain("An acknowledged write is lost");
  rmSync(/are kept in (.+)/.exec(chaos.said())?.[1] ?? "", { recursive: true });
});

test.each(["SIGINT", "SIGKILL"] as const)("chaos leaves nothing behind after %s", async (signal) => {
  const chaos = startChaos("--minutes", "5", "--seed", "3", "--faults", "kill,pause");
  const folder = await underWay(chaos);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chaos.child.kill(signal);
  expect(await chaos.ended).toBe(signal === "SIGKILL" ? null : 130);
  await vi.waitFor(() => expect(remainsOf(folder)).toEqual([]), WAIT);
  // Whoever is killed removes no folder.
  if (signal !== "SIGKILL") expect(existsSync(folder)).toBe(false);
});

test("chaos refuses bad options by name, with exit code 2", async () => {
  const chaos = startChaos("--nodes", "4", "--minutes", "1");
  expect(await chaos.ended).toBe(2);
  expect(chaos.said()).toContain("'4' is invalid. Allowed choices are 3, 5.");
});
