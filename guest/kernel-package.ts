/**
 * Fetches Debian's cloud kernel without installing it: the package that `linux-image-cloud-amd64` depends on is
 * downloaded and unpacked into the cache, so nothing of it ever reaches the host's /boot.
 */
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { kernelCandidate, type KernelCandidate } from "./kernel-candidate.ts";
import { runCommand } from "./run-command.ts";

/** A kernel as the image builder wants it. */
export interface GuestKernel {
  /** Names this kernel for ever: same version, same bytes. */
  readonly version: string;
  /** A bzImage or an ELF vmlinux. */
  readonly kernelPath: string;
  /** Folder that holds the kernel's modules, searched at any depth. */
  readonly modulesDir: string;
}

const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

/** @throws with what to do, when apt knows no kernel or the download fails and none is in the cache. */
export async function fetchDebianKernel(options: {
  readonly cacheDir: string;
  onProgress(step: string, detail: string): void;
}): Promise<GuestKernel> {
  const kernelsDir = join(options.cacheDir, "kernels");
  await mkdir(kernelsDir, { recursive: true });
  const cacheFile = join(options.cacheDir, "kernel-candidate.json");
  let wanted = await kernelCandidate({ cacheFile });
  if (wanted === undefined) {
    options.onProgress("update", "package lists, because apt knows no cloud kernel yet");
    // Failing is no news by itself: the question that follows gives the answer.
    await runCommand("apt-get", ["update", "-q"], { timeoutMs: DOWNLOAD_TIMEOUT_MS }).catch(() => undefined);
    wanted = await kernelCandidate({ cacheFile });
  }
  if (wanted === undefined) {
    const cached = await newestCached(kernelsDir);
    if (cached !== undefined) return cached;
    throw new Error(`Cannot fetch a guest kernel: apt knows no cloud kernel; run "apt-get update" with network access`);
  }
  const folder = join(kernelsDir, `${wanted.name}_${wanted.version.replaceAll(/[^\w.+~-]/g, "_")}`);
  const present = await kernelIn(folder);
  if (present !== undefined) return present;
  options.onProgress("download", `guest kernel ${wanted.name}`);
  const temporary = await mkdtemp(join(kernelsDir, ".unpacking-"));
  try {
    await download(wanted, temporary);
    // Another process may have been faster; then its folder is as good as ours.
    await rename(join(temporary, "tree"), folder).catch(async (error: unknown) => {
      if ((await kernelIn(folder)) === undefined) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  const kernel = await kernelIn(folder);
  if (kernel === undefined)
    throw new Error(`Cannot use guest kernel ${wanted.name}: its package holds no kernel image`);
  return kernel;
}

async function download(wanted: KernelCandidate, folder: string): Promise<void> {
  const args = ["download", "-q", `${wanted.name}=${wanted.version}`];
  const fetch = async (): Promise<Buffer> =>
    runCommand("apt-get", args, { cwd: folder, timeoutMs: DOWNLOAD_TIMEOUT_MS });
  // Lists age: the version they name may have left the mirror.
  await fetch().catch(async () => {
    await runCommand("apt-get", ["update", "-q"], { timeoutMs: DOWNLOAD_TIMEOUT_MS });
    await fetch();
  });
  const archive = (await readdir(folder)).find((name) => name.endsWith(".deb"));
  if (archive === undefined)
    throw new Error(`Cannot fetch guest kernel ${wanted.name}: apt-get download left no package`);
  await runCommand("dpkg-deb", ["-x", archive, "tree"], { cwd: folder });
}

async function kernelIn(folder: string): Promise<GuestKernel | undefined> {
  const boot = await readdir(join(folder, "boot")).catch(() => []);
  const image = boot.find((name) => name.startsWith("vmlinuz-"));
  if (image === undefined) return undefined;
  // Debian 13 moved the modules from /lib to /usr/lib.
  for (const lib of ["lib", "usr/lib"]) {
    const modulesDir = join(folder, lib, "modules");
    if (await stat(modulesDir).catch(() => undefined)) {
      return { version: folder.split("/").at(-1)!, kernelPath: join(folder, "boot", image), modulesDir };
    }
  }
  return undefined;
}

/** Without network and package lists an older kernel is better than none. */
async function newestCached(kernelsDir: string): Promise<GuestKernel | undefined> {
  const names = (await readdir(kernelsDir)).filter((name) => !name.startsWith(".")).toSorted();
  for (const name of names.toReversed()) {
    const kernel = await kernelIn(join(kernelsDir, name));
    if (kernel !== undefined) return kernel;
  }
  return undefined;
}
