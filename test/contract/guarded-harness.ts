/** The harness of the drivers that run real processes under guards. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { type GuardedHypervisor, nodeClock } from "../../runtime/node/index.ts";
import { anythingRuns, killInstance, readGuard } from "../../runtime/node/guard/guard.ts";
import type { Hypervisor, InstanceLaunch } from "../../runtime/index.ts";
import type { HypervisorHarness } from "./hypervisor-suite.ts";
import { type DriverChoice, openDriver } from "./open-driver.ts";

export async function guardedHarness(
  driver: DriverChoice["driver"],
  options: {
    imagesDir: string;
    bootMs: number;
    shortLeaseMs: number;
    nix?: DriverChoice["nix"];
    standbys?: DriverChoice["standbys"];
  },
): Promise<HypervisorHarness> {
  const stateDir = await mkdtemp(join(tmpdir(), "blixard-hypervisor-"));
  const { imagesDir, nix, standbys } = options;
  const more = { ...(nix === undefined ? {} : { nix }), ...(standbys === undefined ? {} : { standbys }) };
  const choice: DriverChoice = { driver, stateDir, imagesDir, ...more };
  return {
    name: driver,
    bootMs: options.bootMs,
    shortLeaseMs: options.shortLeaseMs,
    open: () => openDriver(choice),
    close: (hypervisor: Hypervisor) => (hypervisor as GuardedHypervisor).close(),
    now: () => nodeClock.monotonicMs(),
    freePort,
    occupy,
    isAlive,
    kill: (pid) => void process.kill(pid, "SIGKILL"),
    pause: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
    startAndDie: (launch) => startAndDie(choice, launch, launch.leaseUntilMs - nodeClock.monotonicMs()),
    cleanUp: () => cleanUp(stateDir),
  };
}

/** Ends whatever the test left running, then removes the folder. */
export async function cleanUp(stateDir: string): Promise<void> {
  const folders = ["instances", "standbys"].map((name) => join(stateDir, name));
  const all = await Promise.all(
    folders.map(async (folder) => (await readdir(folder).catch(() => [])).map((id) => join(folder, id))),
  );
  const states = all.flat();
  const untilMs = performance.now() + 5_000;
  while (states.some((id) => anythingRuns(readGuard(id)))) {
    for (const id of states) killInstance(readGuard(id));
    expect(performance.now(), "instances that cannot be ended").toBeLessThan(untilMs);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await rm(stateDir, { recursive: true, force: true });
}

export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
  );
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function occupy(port: number): Promise<() => Promise<void>> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return async () => {
    await new Promise((resolve) => server.close(resolve));
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function startAndDie(choice: DriverChoice, launch: InstanceLaunch, leaseMs: number): Promise<void> {
  const script = join(import.meta.dirname, "doomed-node.ts");
  const node = spawn(process.execPath, [script, JSON.stringify({ choice, launch, leaseMs })], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    for await (const line of createInterface({ input: node.stdout })) {
      if (line !== "booted") throw new Error(line);
      return;
    }
    throw new Error("the doomed node ended too early");
  } finally {
    const gone = new Promise((resolve) => node.once("exit", resolve));
    node.kill("SIGKILL");
    await gone;
  }
}
