/**
 * Makes sure that this host has what a microVM needs: QEMU, a static busybox and a way to get a guest kernel.
 *
 * On Debian and its relatives, as root, what is missing is installed by apt, after saying what and why. Elsewhere, or
 * without root, nothing is changed: what is found on the path is used and the rest is reported as missing, with what
 * would help. The caller decides what to do without it (the `process` driver needs none of it).
 */
import { readFile } from "node:fs/promises";
import { findExecutable } from "../runtime/node/find-executable.ts";
import { runCommand } from "./run-command.ts";

export interface HostPackagesOptions {
  /** Called before each step that may take longer than a second. */
  onProgress(step: string, detail: string): void;
  /** false: report only, install nothing. Default: true. */
  readonly install?: boolean;
  /** Nix as well, which only the driver `microvm-nix` needs. Default: false. */
  readonly nix?: boolean;
}

/** Paths of what was found; what is absent is explained in `missing`. */
export interface HostReport {
  readonly qemu?: string;
  readonly busybox?: string;
  readonly nix?: string;
  /** `apt`: Debian's cloud kernel can be downloaded. Absent: a kernel has to be given to `ensureGuestImage`. */
  readonly kernel?: "apt";
  /** What was installed by this call. */
  readonly installed: readonly string[];
  readonly missing: readonly MissingPart[];
}

export interface MissingPart {
  readonly part: "qemu" | "busybox" | "nix" | "kernel";
  /** Why it is missing and what would help, one sentence. */
  readonly message: string;
}

interface Requirement {
  readonly part: "qemu" | "busybox" | "nix";
  readonly executable: string;
  readonly debianPackage: string;
  readonly purpose: string;
}

const REQUIREMENTS: readonly Requirement[] = [
  {
    part: "qemu",
    executable: "qemu-system-x86_64",
    debianPackage: "qemu-system-x86",
    purpose: "runs the microVMs",
  },
  {
    part: "busybox",
    executable: "busybox",
    debianPackage: "busybox-static",
    purpose: "is the user space of the guest image",
  },
];

const NIX: Requirement = {
  part: "nix",
  executable: "nix",
  debianPackage: "nix-bin",
  purpose: "builds VMs that are NixOS configurations",
};

/** An apt mirror that hangs must not hang `up` for ever; a slow one gets this long for each step. */
const APT_TIMEOUT_MS = 10 * 60_000;
const APT_ENV = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };

/** Installs what is missing where it can, and reports what there is. Never throws for a failed installation. */
export async function ensureHostPackages(options: HostPackagesOptions): Promise<HostReport> {
  const absent: Requirement[] = [];
  const requirements = options.nix === true ? [...REQUIREMENTS, NIX] : REQUIREMENTS;
  for (const requirement of requirements) {
    if ((await findExecutable(requirement.executable)) === undefined) absent.push(requirement);
  }
  const apt = await aptUsable();
  let failure: string | undefined;
  let installed: readonly string[] = [];
  if (absent.length > 0 && options.install !== false && apt === true) {
    try {
      installed = await install(absent, options);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
  }
  return report({ requirements, installed, apt, failure });
}

async function install(absent: readonly Requirement[], options: HostPackagesOptions): Promise<readonly string[]> {
  const packages = absent.map((requirement) => requirement.debianPackage);
  for (const { debianPackage, purpose } of absent) options.onProgress("install", `${debianPackage}, which ${purpose}`);
  const args = ["install", "-y", "-q", "--no-install-recommends", ...packages];
  if (await listsKnow(packages)) {
    try {
      await runCommand("apt-get", args, { env: APT_ENV, timeoutMs: APT_TIMEOUT_MS });
      return packages;
    } catch {
      // Package lists age: a version they name may be gone from the mirror. Fresh lists are the remedy; a second
      // failure is reported.
    }
  }
  options.onProgress("update", "package lists, because this host's are missing or out of date");
  await runCommand("apt-get", ["update", "-q"], { env: APT_ENV, timeoutMs: APT_TIMEOUT_MS });
  options.onProgress("install", packages.join(", "));
  await runCommand("apt-get", args, { env: APT_ENV, timeoutMs: APT_TIMEOUT_MS });
  return packages;
}

async function listsKnow(packages: readonly string[]): Promise<boolean> {
  try {
    const shown = await runCommand("apt-cache", ["show", "--no-all-versions", ...packages], { env: APT_ENV });
    return packages.every((name) => shown.includes(`Package: ${name}\n`));
  } catch {
    return false;
  }
}

async function report(found: {
  requirements: readonly Requirement[];
  installed: readonly string[];
  apt: true | string;
  failure: string | undefined;
}): Promise<HostReport> {
  const missing: MissingPart[] = [];
  const paths: { qemu?: string; busybox?: string; nix?: string } = {};
  for (const { part, executable, debianPackage } of found.requirements) {
    const path = await findExecutable(executable);
    if (path !== undefined) paths[part] = path;
    else missing.push({ part, message: `${executable} is not installed: ${remedy(debianPackage, found)}` });
  }
  const kernel = (await findExecutable("apt-get")) !== undefined && (await findExecutable("dpkg-deb")) !== undefined;
  if (!kernel) {
    missing.push({
      part: "kernel",
      message: "no guest kernel can be downloaded without apt-get and dpkg-deb: give a Linux kernel with its modules",
    });
  }
  return { ...paths, ...(kernel ? { kernel: "apt" } : {}), installed: found.installed, missing };
}

function remedy(debianPackage: string, found: { apt: true | string; failure: string | undefined }): string {
  if (found.failure !== undefined) return `installing ${debianPackage} failed, ${found.failure}`;
  return found.apt === true ? `install the package ${debianPackage}` : `${found.apt}; install ${debianPackage}`;
}

/** true, or why apt cannot be used to install something here. */
async function aptUsable(): Promise<true | string> {
  if ((await findExecutable("apt-get")) === undefined) return "this host has no apt";
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID(_LIKE)?=.*debian/m.test(release)) return "this host is not a Debian";
  return process.getuid?.() === 0 ? true : "only root can install packages";
}
