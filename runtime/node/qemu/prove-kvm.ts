/**
 * Finds out whether KVM works here, by starting a guest with it.
 *
 * /dev/kvm can be there and be useless: under nested virtualization the guest hangs, or QEMU aborts. So a kernel is started
 * and has a few seconds to say something on its console. The answer is kept for this start of this host with this QEMU
 * and kernel; a negative one too, since asking costs seconds.
 */
import { spawn } from "node:child_process";
import { access, constants, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findExecutable } from "../find-executable.ts";
import { bootId } from "../guard/host-uptime.ts";

export interface KvmProofOptions {
  /** Where the answer is kept. */
  readonly cacheDir: string;
  /** The guest image whose kernel is started: `<imagesDir>/<image>/kernel`. */
  readonly imagesDir: string;
  readonly image: string;
  /** QEMU's program. Default: `qemu-system-x86_64` on the path. */
  readonly qemu?: string;
  /** The device. Default: /dev/kvm. */
  readonly device?: string;
  /** How long the guest has for its first line. Default: 4,000 ms; a working KVM needs about 100. */
  readonly timeoutMs?: number;
}

export interface KvmProof {
  readonly works: boolean;
  /** Why, for a log line. */
  readonly detail: string;
}

const TIMEOUT_MS = 4_000;
const FIRST_LINE = "Linux version";

/** Never throws: what cannot be proven does not work. */
export async function proveKvm(options: KvmProofOptions): Promise<KvmProof> {
  const device = options.device ?? "/dev/kvm";
  try {
    await access(device, constants.R_OK | constants.W_OK);
  } catch {
    return { works: false, detail: `${device} is not there or not accessible` };
  }
  const qemu = await findExecutable(options.qemu ?? "qemu-system-x86_64");
  if (qemu === undefined) return { works: false, detail: "QEMU is not installed" };
  try {
    const kernel = join(options.imagesDir, options.image, "kernel");
    const key = JSON.stringify([bootId(), qemu, (await stat(qemu)).mtimeMs, kernel]);
    const kept = await readKept(options.cacheDir, key);
    if (kept !== undefined) return kept;
    const proof = await tryGuest({ qemu, kernel, timeoutMs: options.timeoutMs ?? TIMEOUT_MS });
    await keep(options.cacheDir, key, proof);
    return proof;
  } catch (error) {
    return { works: false, detail: (error as Error).message };
  }
}

async function tryGuest(options: { qemu: string; kernel: string; timeoutMs: number }): Promise<KvmProof> {
  const args = [
    ...["-M", "microvm,x-option-roms=off,rtc=on,acpi=on", "-accel", "kvm", "-cpu", "host", "-m", "128M"],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"],
    ...["-kernel", options.kernel, "-append", "console=ttyS0 earlyprintk=ttyS0 panic=-1 reboot=t"],
  ];
  // `timeout` ends the guest also when this process is killed meanwhile.
  const limitSeconds = Math.ceil(options.timeoutMs / 1000) + 1;
  const guest = spawn("timeout", ["-s", "KILL", String(limitSeconds), options.qemu, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that both can be ended together whatever they are doing.
    detached: true,
  });
  return new Promise((resolve, reject) => {
    let said = "";
    let proof: KvmProof | undefined;
    const decide = (works: boolean, detail: string): void => {
      if (proof !== undefined) return;
      proof = { works, detail };
      const ended = guest.exitCode !== null || guest.signalCode !== null;
      if (guest.pid !== undefined && !ended) process.kill(-guest.pid, "SIGKILL");
    };
    const timer = setTimeout(
      () => decide(false, `a guest under KVM said nothing in ${options.timeoutMs} ms`),
      options.timeoutMs,
    );
    const listen = (chunk: Buffer): void => {
      said = (said + chunk.toString("latin1")).slice(-4096);
      if (said.includes(FIRST_LINE)) decide(true, "a guest started under KVM");
    };
    guest.stdout.on("data", listen);
    guest.stderr.on("data", listen);
    guest.once("error", reject);
    guest.once("close", () => {
      clearTimeout(timer);
      resolve(proof ?? { works: false, detail: `QEMU gave up under KVM: ${said.trim().split("\n").at(-1) ?? ""}` });
    });
  });
}

interface Kept {
  readonly key: string;
  readonly proof: KvmProof;
}

function keptPath(cacheDir: string): string {
  return join(cacheDir, "kvm-proof.json");
}

async function readKept(cacheDir: string, key: string): Promise<KvmProof | undefined> {
  try {
    const kept = JSON.parse(await readFile(keptPath(cacheDir), "utf8")) as Kept;
    return kept.key === key ? kept.proof : undefined;
  } catch {
    return undefined;
  }
}

async function keep(cacheDir: string, key: string, proof: KvmProof): Promise<void> {
  const kept: Kept = { key, proof };
  await mkdir(cacheDir, { recursive: true });
  const temporary = `${keptPath(cacheDir)}.${process.pid}`;
  await writeFile(temporary, JSON.stringify(kept));
  await rename(temporary, keptPath(cacheDir));
}
