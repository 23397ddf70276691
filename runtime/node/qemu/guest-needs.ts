/**
 * What a guest's saved state needs of the host that is to take it: compared before a checkpoint is restored, told when a migration is refused.
 *
 * The state of a device can be read by the same version of QEMU only: `microvm` has no versioned machine types.
 */
import { execFile } from "node:child_process";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { CheckpointManifest } from "../../ports/guest-verbs.ts";
import { findExecutable } from "../find-executable.ts";
import { hashFile } from "../instances/file-copy.ts";
import { counterRate, rateClass } from "./emulated-clock.ts";
import { type Acceleration, MACHINE } from "./qemu-arguments.ts";

export type GuestNeeds = Pick<
  CheckpointManifest,
  "version" | "machine" | "cpu" | "vcpus" | "memoryMiB" | "imageSha256"
>;

const WORDS: Readonly<Record<keyof GuestNeeds, string>> = {
  version: "QEMU",
  machine: "machine",
  cpu: "processor",
  vcpus: "processors",
  memoryMiB: "MiB of memory",
  imageSha256: "image",
};

/** What differs, naming both values; undefined when nothing does. */
export function differenceOf(made: GuestNeeds, here: GuestNeeds): string | undefined {
  const names = Object.keys(WORDS) as (keyof GuestNeeds)[];
  const different = names.filter((name) => made[name] !== here[name]);
  if (different.length === 0) return undefined;
  return different.map((name) => `${WORDS[name]}: it has ${made[name]}, here it is ${here[name]}`).join("; ");
}

/** The machine with its devices, as a guest sees them, from QEMU's command line. A card in a bridge can do more than others, which its guest notices. */
export function machineOf(args: readonly string[]): string {
  const devices = args.flatMap((word, i) => {
    const [first = ""] = word.split(",");
    return args[i - 1] === "-device" || (args[i - 1] === "-netdev" && first === "tap") ? [first] : [];
  });
  return `${MACHINE} with ${devices.join(", ")}`;
}

/** What the guest sees as its processor. */
export function processorOf(acceleration: Acceleration): string {
  if (acceleration === "tcg") return `max, emulated, its counter ${rateClass(counterRate())}`;
  const info = readFileSync("/proc/cpuinfo", "latin1");
  const lines = ["model name", "stepping", "flags"].map(
    (name) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(info)?.[1],
  );
  const [model = "unknown", stepping = "", flags = ""] = lines;
  return `${model}, stepping ${stepping}, flags ${createHash("sha256").update(flags).digest("hex").slice(0, 8)}`;
}

/** What `qemu --version` says, in the words of QMP: "7.2.22". */
function versionIn(said: string): string | undefined {
  return /version (\d+\.\d+\.\d+)/.exec(said)?.[1];
}

/** What is slow to find out and the same for all guests of a host, kept as long as the files stay the same. */
export class HostFacts {
  readonly #kept = new Map<string, Promise<string>>();
  readonly #programs = new Map<string, string>();

  /** Where that program is; undefined when there is none. Looked up by a shell, so only as long as it is not known, and again when it is gone. */
  async program(name: string): Promise<string | undefined> {
    const known = this.#programs.get(name);
    if (known !== undefined && existsSync(known)) return known;
    const found = await findExecutable(name);
    if (found !== undefined) this.#programs.set(name, found);
    return found;
  }

  /** "7.2.22". @throws when that program is no QEMU. */
  version(qemu: string): Promise<string> {
    return this.#keep(keyOf(qemu), async () => {
      const said = await new Promise<string>((resolve, reject) => {
        execFile(qemu, ["--version"], { timeout: 10_000 }, (error, stdout) =>
          error ? reject(error) : resolve(stdout),
        );
      });
      const version = versionIn(said);
      if (version === undefined) throw new Error(`${qemu} does not say its version`);
      return version;
    });
  }

  /** Of the image of a disk, read in a thread of its own. */
  diskImage(path: string): Promise<string> {
    return this.#keep(keyOf(path), async () => (await hashFile(path)).sha256);
  }

  /** Of kernel and root file system. */
  image(folder: string): Promise<string> {
    const files = ["kernel", "initramfs"].map((name) => join(folder, name));
    return this.#keep(files.map(keyOf).join("\n"), async () => {
      const hash = createHash("sha256");
      for (const file of files) for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
      return hash.digest("hex");
    });
  }

  #keep(key: string, find: () => Promise<string>): Promise<string> {
    const found = this.#kept.get(key) ?? find();
    this.#kept.set(key, found);
    // A failure may pass.
    found.catch(() => this.#kept.delete(key));
    return found;
  }
}

function keyOf(path: string): string {
  const { mtimeMs, size, ino } = statSync(path);
  return `${path} ${mtimeMs} ${size} ${ino}`;
}
