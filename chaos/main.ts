/**
 * `npm run chaos -- [--minutes N] [--nodes 3|5] [--seed S] [--faults KINDS] [--keep]`
 *
 * Runs itself once more inside the enclosure, and cleans up behind it: the copy ends with the pipe to its input, so it does not outlive the
 * program, and the enclosure takes along whatever the copy leaves.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import { parseChaosOptions, type ChaosInvocation } from "./chaos-options.ts";
import { enclosedRack } from "./enclosed-rack.ts";
import { findEnclosure } from "./enclosure.ts";
import { loopbackRack } from "./loopback-rack.ts";
import type { Rack } from "./rack.ts";
import { formatReport } from "./report.ts";
import { runChaos } from "./run-chaos.ts";

const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

const SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Around the run. */
async function outside(args: readonly string[], { seed, keep }: ChaosInvocation): Promise<number> {
  const enclosure = findEnclosure();
  const folder = mkdtempSync(join(tmpdir(), "blixard-chaos-"));
  const [program = "", ...rest] = [
    ...(enclosure.ok ? enclosure.enter : []),
    process.execPath,
    import.meta.filename,
    ...args,
    ...["--seed", String(seed), "--inside", folder],
    ...(enclosure.ok ? [] : ["--bare", enclosure.why]),
  ];
  const child = spawn(program, rest, { stdio: ["pipe", "inherit", "inherit"] });
  child.stdin?.on("error", () => {});
  for (const signal of SIGNALS) process.on(signal, () => child.stdin?.end());
  const [code] = (await once(child, "exit")) as [number | null];
  const isClean = code === EXIT.ok || code === EXIT.usage || code === EXIT.interrupted;
  if (isClean && !keep) rmSync(folder, { recursive: true, force: true });
  else console.log(`History, schedule, logs and disks are kept in ${folder}`);
  return code ?? EXIT.failed;
}

async function inside(invocation: ChaosInvocation, folder: string): Promise<number> {
  const { bare, nodes, seed, minutes, leaseReads, keep } = invocation;
  const names = Array.from({ length: nodes }, (_, at) => `n${at + 1}`);
  const rack = bare === undefined ? enclosedRack(folder, names) : await loopbackRack(folder, { names, why: bare });
  const refused = invocation.faults.filter((kind) => rack.missing[kind] !== undefined);
  for (const kind of refused) console.log(`The fault "${kind}" cannot be had here: ${rack.missing[kind]}`);
  if (refused.length > 0 && invocation.wantsAllFaults) return EXIT.usage;
  const faults = invocation.faults.filter((kind) => rack.missing[kind] === undefined);
  console.log(
    `chaos, seed ${seed}: ${nodes} nodes for ${minutes} minutes under ${faults.join(", ")}${leaseReads ? ", with reads under the lease" : ""}`,
  );
  console.log(`  ${rack.description}`);
  const interrupted = interruption();
  const startMs = performance.now();
  const progress = (line: string): void =>
    console.log(`  ${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  try {
    const report = await runChaos({ ...invocation, faults, folder, rack, progress, signal: interrupted });
    const isWell = report.failures.length === 0;
    if (!isWell || keep) saveDisks(rack);
    console.log(`\n${formatReport(report)}`);
    if (!isWell) {
      const reads = leaseReads ? " --lease-reads" : "";
      const again = `--seed ${seed} --nodes ${nodes} --minutes ${minutes} --faults ${faults.join(",")}${reads}`;
      console.log(`The same schedule again: npm run chaos -- ${again}`);
    }
    return isWell ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!interrupted.aborted) throw error;
    console.log("Interrupted: everything that was started has ended.");
    return EXIT.interrupted;
  }
}

/** Aborted by a signal, or when the program outside is gone. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error("Interrupted"));
  for (const signal of SIGNALS) process.on(signal, abort);
  process.stdin.on("end", abort).resume();
  return controller.signal;
}

/** What is on disks that go with the enclosure is put beside them. */
function saveDisks({ hosts }: Rack): void {
  for (const { folder } of hosts) spawnSync("cp", ["--archive", folder, `${folder}.saved`]);
}

async function main(): Promise<number> {
  try {
    const args = process.argv.slice(2);
    const invocation = parseChaosOptions(args, { seed: Date.now() % 2 ** 32 });
    const { inside: folder } = invocation;
    return await (folder === undefined ? outside(args, invocation) : inside(invocation, folder));
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  }
}

process.exit(await main());
