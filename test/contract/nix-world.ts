/**
 * A Nix of the tests' own: a store in a folder, stub inputs in place of nixpkgs and microvm.nix (nix/stub), and the project's guest image
 * as the system that their runners boot. With BLIXARD_NIXPKGS and BLIXARD_MICROVM set, real ones take the stubs' place.
 *
 * Nothing of the host is touched: the store is below the given folder, and so is what Nix caches.
 */
import { chmod, copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fetchDebianKernel } from "../../guest/kernel-package.ts";
import { loadModules } from "../../guest/kernel-modules.ts";
import { cpioArchive, type CpioEntry } from "../../runtime/node/cpio.ts";
import type { NixSettings } from "../../runtime/node/index.ts";

const STUBS = join(import.meta.dirname, "../../nix/stub");
const CACHE = join(import.meta.dirname, "../../.cache/guest");

/** Real inputs, where somebody named them. */
export const REAL_INPUTS: Readonly<Record<string, string>> | undefined =
  process.env["BLIXARD_NIXPKGS"] !== undefined && process.env["BLIXARD_MICROVM"] !== undefined
    ? { nixpkgs: process.env["BLIXARD_NIXPKGS"], microvm: process.env["BLIXARD_MICROVM"] }
    : undefined;

/** What the stub's runners run (nix/stub/microvm/flake.nix). */
export interface StubGuest {
  readonly qemu?: string;
  readonly kernel?: string;
  readonly initramfs?: string;
  readonly kernelParams?: readonly string[];
  /** By hypervisor: lines of microvm-run, and of microvm-shutdown where it has one. */
  readonly runners?: Readonly<Record<string, { readonly run: string; readonly shutdown?: string }>>;
  readonly tapUp?: string;
  readonly tapDown?: string;
  readonly virtiofsd?: string;
}

export async function nixWorld(folder: string, guest: StubGuest): Promise<NixSettings> {
  const stubs = join(folder, "stub");
  await cp(STUBS, stubs, { recursive: true });
  const described = {
    qemu: "qemu-system-x86_64",
    kernel: "/",
    initramfs: "/",
    kernelParams: [],
    runners: {},
    ...guest,
  };
  await writeFile(join(stubs, "microvm/guest.json"), JSON.stringify(described));
  const cacheDir = join(folder, "cache");
  // What nixpkgs is built of is fetched for the usual store only, by whatever this host's Nix is set up with.
  if (REAL_INPUTS !== undefined) return { inputs: REAL_INPUTS, cacheDir };
  const store = join(folder, "nix");
  await mkdir(store, { recursive: true });
  return {
    args: ["--store", `local?store=${store}/store&state=${store}/var&log=${store}/log`],
    config: ["sandbox = false", "substituters =", "build-users-group ="],
    inputs: { nixpkgs: `path:${join(stubs, "nixpkgs")}`, microvm: `path:${join(stubs, "microvm")}` },
    cacheDir,
    timeoutMs: 120_000,
  };
}

/** The project's guest image, taught to unpack a seed from its first disk before its own init runs. */
export async function seededGuest(folder: string, image: string): Promise<StubGuest> {
  const kernel = await fetchDebianKernel({ cacheDir: CACHE, onProgress: () => undefined });
  const modules = await loadModules({
    modulesDir: kernel.modulesDir,
    wanted: ["virtio_mmio", "virtio_blk", "virtio_balloon"],
    busybox: "busybox",
  });
  const file = (path: string, mode: number, content: Buffer): CpioEntry => ({ type: "file", path, mode, content });
  const overlay = cpioArchive([
    ...modules.map(({ name, content }) => file(`/lib/seed/${name}.ko`, 0o644, content)),
    file("/seed-init", 0o755, Buffer.from(seedInit(modules.map(({ name }) => name)))),
  ]);
  const [kernelFile, initramfs] = [join(folder, "kernel"), join(folder, "initramfs")];
  // In a store of Nix all users of the host can read it.
  await copyFile(join(image, "kernel"), kernelFile);
  await chmod(kernelFile, 0o644);
  await writeFile(initramfs, Buffer.concat([await readFile(join(image, "initramfs")), overlay]));
  return {
    kernel: kernelFile,
    initramfs,
    kernelParams: ["quiet", "cryptomgr.notests", "nokaslr", "rdinit=/seed-init"],
  };
}

/** Modules that the image's own init loads again are there already, which it may say to nobody. */
function seedInit(modules: readonly string[]): string {
  return [
    "#!/bin/sh",
    "mount -t devtmpfs dev /dev",
    ...modules.map((name) => `insmod /lib/seed/${name}.ko`),
    "tries=0",
    'while [ ! -b /dev/vda ] && [ "$tries" -lt 500 ]; do usleep 10000; tries=$((tries + 1)); done',
    "cd / && cpio -idu </dev/vda 2>/dev/null",
    "umount /dev",
    "exec /init 2>/dev/console",
    "",
  ].join("\n");
}
