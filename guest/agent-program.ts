/**
 * Builds the guest's agent (guest/agent/) with whatever C compiler this host has, or with one that apt has and nobody installs.
 *
 * The agent needs no C library and no headers, so any compiler will do: `cc` where there is one; otherwise Debian's tcc, 290 kB, which is
 * downloaded and unpacked into the cache as the kernel is, and builds it in 20 ms. A host that has neither gets an image without an agent: its
 * guests boot, beat and stop, and everything else is refused by name. See docs/decisions/0026-guest-agent.md.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { findExecutable } from "../runtime/node/find-executable.ts";
import { runCommand } from "./run-command.ts";

export interface AgentProgramOptions {
  /** Programs are kept below it. */
  readonly cacheDir: string;
  /** Called before each step that may take longer than a second. */
  onProgress(step: string, detail: string): void;
  /** Compilers to try, by name. Default: `cc`, `gcc`, `clang`. */
  readonly compilers?: readonly string[];
}

const AGENT_SOURCES = join(import.meta.dirname, "agent");
const MAIN = "agent.c";
const PROGRAM = "blixard-agent";
const FLAGS = ["-nostdlib", "-static"];
/** Beyond what tcc knows: optimized, and nothing in it that would need a C library. */
const CC_FLAGS = [
  ...["-O2", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie", "-fno-builtin", "-fno-strict-aliasing"],
  ...["-fno-asynchronous-unwind-tables", "-s", "-Wl,--build-id=none"],
];
const COMPILE_TIMEOUT_MS = 60_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;

/** The program, built once for these sources; undefined when this host has no compiler and cannot get one. */
export async function ensureAgentProgram(options: AgentProgramOptions): Promise<Buffer | undefined> {
  const folder = join(options.cacheDir, "agents", await sourcesHash());
  const present = await readFile(join(folder, PROGRAM)).catch(() => undefined);
  if (present !== undefined) return present;
  await mkdir(join(options.cacheDir, "agents"), { recursive: true });
  const temporary = await mkdtemp(join(options.cacheDir, "agents", ".building-"));
  try {
    if (!(await compile(temporary, options))) return undefined;
    const program = await readFile(join(temporary, PROGRAM));
    await mkdir(folder, { recursive: true });
    await rename(join(temporary, PROGRAM), join(folder, PROGRAM));
    return program;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function sourcesHash(): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([FLAGS, CC_FLAGS]));
  for (const name of (await readdir(AGENT_SOURCES)).toSorted()) {
    hash.update(name).update(await readFile(join(AGENT_SOURCES, name)));
  }
  return hash.digest("hex").slice(0, 16);
}

async function compile(folder: string, options: AgentProgramOptions): Promise<boolean> {
  const files = ["-o", join(folder, PROGRAM), join(AGENT_SOURCES, MAIN)];
  for (const name of options.compilers ?? ["cc", "gcc", "clang"]) {
    const compiler = await findExecutable(name);
    // One that cannot do this, for whatever reason, is as good as none.
    if (compiler !== undefined && (await succeeds(compiler, [...FLAGS, ...CC_FLAGS, ...files]))) return true;
  }
  const tcc = await findExecutable("tcc");
  if (tcc !== undefined && (await succeeds(tcc, [...FLAGS, ...files]))) return true;
  options.onProgress("download", "tcc, a small C compiler, to build the guest's agent: there is none here");
  try {
    await runCommand("apt-get", ["download", "-q", "tcc"], { cwd: folder, timeoutMs: DOWNLOAD_TIMEOUT_MS });
    const archive = (await readdir(folder)).find((name) => name.endsWith(".deb")) ?? "";
    await runCommand("dpkg-deb", ["-x", archive, "tcc"], { cwd: folder });
  } catch {
    return false;
  }
  const root = join(folder, "tcc/usr");
  return succeeds(join(root, "bin/tcc"), ["-B", join(root, "lib/x86_64-linux-gnu/tcc"), ...FLAGS, ...files]);
}

async function succeeds(compiler: string, args: readonly string[]): Promise<boolean> {
  return runCommand(compiler, args, { timeoutMs: COMPILE_TIMEOUT_MS }).then(
    () => true,
    () => false,
  );
}
