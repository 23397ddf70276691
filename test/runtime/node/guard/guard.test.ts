/** The guard script by itself, in every shell that it must work in. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { anythingRuns, giveUp, guardFolder, killInstance, readGuard } from "../../../../runtime/node/guard/guard.ts";
import { rightsWords } from "../../../../runtime/node/guard/command-rights.ts";
import { uptimeHundredths } from "../../../../runtime/node/guard/host-uptime.ts";
import { leaseLine, writeLease } from "../../../../runtime/node/guard/lease-file.ts";
import { isRunning, processState } from "../../../../runtime/node/guard/process-identity.ts";

const SCRIPT = join(import.meta.dirname, "../../../../runtime/node/guard/guard.sh");
const SHELLS = [
  ["dash", []],
  ["busybox", ["ash"]],
] as const;

/** Where a program is, or undefined. */
function which(program: string): string | undefined {
  try {
    return execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "pipe" })
      .toString()
      .trim();
  } catch {
    return undefined;
  }
}

const CASES = SHELLS.filter(([shell]) => which(shell) !== undefined).flatMap(([shell, args]) =>
  [which("setpriv"), "none"].filter((setpriv) => setpriv !== undefined).map((setpriv) => ({ shell, args, setpriv })),
);

test("the guard is tested in a shell", () => {
  expect(CASES.length).toBeGreaterThan(0);
});

describe.each(CASES)("guard in $shell, setpriv: $setpriv", ({ shell, args, setpriv }) => {
  let folder: string;
  let guards: ChildProcess[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "blixard-guard-"));
    mkdirSync(guardFolder(folder));
    guards = [];
  });

  afterEach(async () => {
    await until(() => {
      killInstance(readGuard(folder));
      return !anythingRuns(readGuard(folder));
    });
    for (const guard of guards) guard.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  function start(script: string, leaseMs: number, rights = ""): Promise<string> {
    writeFileSync(join(guardFolder(folder), "lease"), leaseLine(uptimeHundredths() + leaseMs / 10));
    const guard = spawn(shell, [...args, SCRIPT, "out", setpriv, rights, "", "sh", "-c", script], {
      cwd: folder,
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    guards.push(guard);
    return new Promise((resolve) => {
      let said = "";
      guard.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
      guard.stdout.on("close", () => resolve(said));
    });
  }

  const exit = (): Promise<ReturnType<typeof readGuard>["exit"]> => until(() => readGuard(folder).exit);

  test("says started, keeps the output, reports the status", async () => {
    expect(await start("echo out; echo err >&2; exit 7", 60_000)).toBe("started\n");
    expect(await exit()).toEqual({ reason: "exit", kind: "code", number: 7 });
    expect(readFileSync(join(folder, "out"), "utf8")).toBe("out\nerr\n");
    await until(() => !anythingRuns(readGuard(folder)));
  });

  test("notices the end of its command also when it was stopped, once the command is killed", async () => {
    await start("exec sleep 60 >&- 2>&-", 60_000);
    const { guard } = await until(() => (readGuard(folder).child === undefined ? undefined : readGuard(folder)));
    process.kill(guard!.pid, "SIGSTOP");
    await until(() => processState(guard!) === "T");
    killInstance(readGuard(folder));
    expect(await exit()).toEqual({ reason: "exit", kind: "signal", number: 9 });
    await until(() => !anythingRuns(readGuard(folder)));
  });

  test("reports a signal", async () => {
    await start("kill -TERM $$", 60_000);
    expect(await exit()).toEqual({ reason: "exit", kind: "signal", number: 15 });
  });

  test("ends the whole group at the deadline, not before", async () => {
    const deadline = uptimeHundredths() + 30;
    await start("sleep 1000 & trap '' TERM; sleep 1000; sleep 1000", 300);
    const { child } = readGuard(folder);
    expect(isRunning(child!)).toBe(true);
    expect(await exit()).toEqual({ reason: "lease", kind: "signal", number: 9 });
    expect(uptimeHundredths()).toBeGreaterThanOrEqual(deadline - 1);
    await until(() => !anythingRuns({ guard: undefined, child, exit: undefined }));
  });

  test("runs on when the lease is extended", async () => {
    const first = uptimeHundredths() + 30;
    await start("sleep 1000", 300);
    writeLease(guardFolder(folder), first + 30);
    await until(() => uptimeHundredths() > first + 10);
    expect(readGuard(folder).exit).toBeUndefined();
    expect(await exit()).toMatchObject({ reason: "lease" });
    expect(uptimeHundredths()).toBeGreaterThanOrEqual(first + 29);
  });

  test("keeps its deadline when the lease file is half written or gone", async () => {
    const deadline = uptimeHundredths() + 30;
    await start("sleep 1000", 300);
    writeFileSync(join(guardFolder(folder), "lease"), `${deadline + 100_000} ${deadline}\n`);
    expect(await exit()).toMatchObject({ reason: "lease" });
    expect(uptimeHundredths()).toBeLessThan(deadline + 500);
  });

  test("starts nothing under a lease that is over", async () => {
    expect(await start("touch ran", -10)).toBe("");
    expect(readGuard(folder)).toMatchObject({ child: undefined, exit: { reason: "lease" } });
  });

  test("starts nothing in a folder that was given up", async () => {
    expect(giveUp(folder)).toBe(true);
    expect(await start("touch ran", 60_000)).toBe("");
    expect(readGuard(folder)).toMatchObject({ child: undefined, exit: undefined });
    expect(giveUp(folder)).toBe(false);
  });

  test("does not mistake a stopped child for an ended one", async () => {
    await start("exec sleep 1000", 60_000);
    const child = readGuard(folder).child!;
    await until(() => readFileSync(`/proc/${child.pid}/comm`, "utf8") === "sleep\n");
    process.kill(-child.pid, "SIGSTOP");
    await until(() => processState(child) === "T");
    process.kill(-child.pid, "SIGCONT");
    await until(() => processState(child) === "S");
    expect(isRunning(readGuard(folder).guard!)).toBe(true);
    process.kill(-child.pid, "SIGKILL");
    expect(await exit()).toEqual({ reason: "exit", kind: "signal", number: 9 });
  });

  test("ends the instance when it is told to end", async () => {
    await start("trap '' TERM; sleep 1000; sleep 1000", 60_000);
    process.kill(readGuard(folder).guard!.pid, "SIGTERM");
    expect(await exit()).toEqual({ reason: "exit", kind: "signal", number: 9 });
  });

  test.runIf(setpriv !== "none")("takes the instance along when it is killed", async () => {
    await start("sleep 1000", 60_000);
    const { guard, child } = readGuard(folder);
    process.kill(guard!.pid, "SIGKILL");
    await until(() => !isRunning(child!));
    expect(readGuard(folder).exit).toBeUndefined();
  });

  test.runIf(setpriv !== "none" && process.getuid?.() === 0)(
    "runs a command as another user, who cannot write to its guard, and takes it along when it is killed",
    async () => {
      const rights = rightsWords({ user: 1_900_000_001, groups: [], lowPorts: false }).join(" ");
      await start("id -u; id -G; echo 0 >guard/lease; exec sleep 1000", 60_000, rights);
      const { guard, child } = readGuard(folder);
      await until(() => readFileSync(join(folder, "out"), "utf8").includes("lease"));
      expect(readFileSync(join(folder, "out"), "utf8")).toMatch(
        /^1900000001\n1900000001\n.*guard\/lease: Permission denied\n$/,
      );
      expect(readFileSync(`/proc/${child!.pid}/status`, "utf8")).toMatch(/^CapPrm:\t0+$/m);
      await until(() => readFileSync(`/proc/${child!.pid}/comm`, "utf8") === "sleep\n");
      process.kill(guard!.pid, "SIGKILL");
      await until(() => !isRunning(child!));
    },
  );

  test("starts nothing as the node's user that was to be another's", async () => {
    if (setpriv !== "none") return;
    expect(await start("touch ran", 60_000, "--reuid 1900000001")).toBe("");
  });
});

/** Waits for a value; there is no event to wait for that would not be the guard's own. */
async function until<Value>(get: () => Value): Promise<NonNullable<Value>> {
  const untilMs = performance.now() + 10_000;
  for (;;) {
    const value = get();
    if (value) return value;
    if (performance.now() > untilMs) throw new Error("waited 10 s in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
