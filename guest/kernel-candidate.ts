/**
 * Which kernel package apt would install: the one that Debian's cloud meta package depends on.
 *
 * Asking apt takes one to two seconds, whatever it answers. So its answer is kept together with the state of all it looks
 * at (package lists, sources, preferences, installed packages), and holds for as long as none of that has changed.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "./run-command.ts";

export interface KernelCandidate {
  readonly name: string;
  readonly version: string;
}

export interface KernelCandidateOptions {
  /** Keeps the last answer. Its folder exists. */
  readonly cacheFile: string;
  /** Files and folders that the answer depends on. Default: apt's. */
  readonly aptState?: readonly string[];
  /** Default: asks apt. */
  readonly ask?: () => Promise<KernelCandidate | undefined>;
}

const META_PACKAGE = "linux-image-cloud-amd64";
const APT_STATE = [
  "/var/lib/apt/lists",
  "/var/lib/dpkg/status",
  ...["", "/apt.conf.d", "/preferences.d", "/sources.list.d"].map((folder) => `/etc/apt${folder}`),
];

/** undefined when apt knows no such kernel, or there is no apt: that is asked each time. */
export async function kernelCandidate(options: KernelCandidateOptions): Promise<KernelCandidate | undefined> {
  const { cacheFile, aptState = APT_STATE, ask = askApt } = options;
  const state = await stateOf(aptState);
  const kept = await readKept(cacheFile);
  if (kept !== undefined && kept.state === state) return kept.candidate;
  const candidate = await ask();
  if (candidate === undefined) return undefined;
  const temporary = `${cacheFile}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify({ state, candidate } satisfies Kept)}\n`);
  await rename(temporary, cacheFile);
  return candidate;
}

interface Kept {
  readonly state: string;
  readonly candidate: KernelCandidate;
}

async function readKept(cacheFile: string): Promise<Kept | undefined> {
  try {
    const { state, candidate } = JSON.parse(await readFile(cacheFile, "utf8")) as Kept;
    return typeof candidate.name === "string" && typeof candidate.version === "string"
      ? { state, candidate }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Sizes and times of the files and of what is in the folders, as one hash. */
async function stateOf(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    const names: readonly string[] = await readdir(path).catch(() => []);
    for (const file of [path, ...names.toSorted().map((name) => join(path, name))]) {
      const found = await stat(file).catch(() => undefined);
      hash.update(`${file} ${found?.size} ${found?.mtimeMs}\n`);
    }
  }
  return hash.digest("hex");
}

async function askApt(): Promise<KernelCandidate | undefined> {
  const control = async (name: string, field: string): Promise<string | undefined> => {
    const shown = await runCommand("apt-cache", ["show", "--no-all-versions", name]).catch(() => Buffer.alloc(0));
    return new RegExp(`^${field}: (.*)$`, "m").exec(shown.toString("utf8"))?.[1];
  };
  const name = /linux-image-[\w.+-]+/.exec((await control(META_PACKAGE, "Depends")) ?? "")?.[0];
  if (name === undefined) return undefined;
  const version = await control(name, "Version");
  return version === undefined ? undefined : { name, version };
}
