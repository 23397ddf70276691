/**
 * How much each VM may read and write of the disk that a node's data folder is on, as control groups of version 2 want to be told: by the number of a
 * whole disk, since a partition has no queue of its own.
 *
 * What a guest writes goes through the host's page cache and is charged to its group when the kernel writes it back (ext4, btrfs, xfs).
 * Source: Linux, Documentation/admin-guide/cgroup-v2.rst, "IO Interface Files", "Writeback".
 */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";

/** Each a second, for each VM; what is left out has no limit. */
export interface IoLimits {
  readonly readBytes?: number;
  readonly writeBytes?: number;
  readonly reads?: number;
  readonly writes?: number;
}

/** As users give them, and as the kernel calls them. */
const WORDS = {
  read: { limit: "readBytes", kernel: "rbps", isBytes: true },
  write: { limit: "writeBytes", kernel: "wbps", isBytes: true },
  reads: { limit: "reads", kernel: "riops", isBytes: false },
  writes: { limit: "writes", kernel: "wiops", isBytes: false },
} as const;
const UNITS: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
const BLOCK_DEVICES = "/sys/dev/block";

/** "read=50MiB,write=20MiB,reads=2000,writes=500", in any order, at least one; undefined for anything else. */
export function parseIoLimits(text: string): IoLimits | undefined {
  const limits: Partial<Record<keyof IoLimits, number>> = {};
  for (const part of text.split(",")) {
    const [, word = "", digits = "", unit] = /^\s*([a-z]+)=(\d{1,12})(KiB|MiB|GiB)?\s*$/.exec(part) ?? [];
    const known = Object.hasOwn(WORDS, word) ? WORDS[word as keyof typeof WORDS] : undefined;
    if (known === undefined || limits[known.limit] !== undefined || known.isBytes !== (unit !== undefined))
      return undefined;
    const value = Number(digits) * (UNITS[unit ?? ""] ?? 1);
    if (value < 1 || !Number.isSafeInteger(value)) return undefined;
    limits[known.limit] = value;
  }
  return limits;
}

/** What `io.max` of a group takes. `device`: "254:0". */
export function ioMaxLine(device: string, limits: IoLimits): string {
  const words = Object.values(WORDS).map(({ limit, kernel }) => `${kernel}=${limits[limit] ?? "max"}`);
  return [device, ...words].join(" ");
}

/** The number of the disk that `folder` is on. `devices`: where the system shows them. @throws when it is on none, such as a tmpfs. */
export function diskUnder(folder: string, devices: string = BLOCK_DEVICES): string {
  const { dev } = statSync(folder);
  // As Linux packs them (glibc, gnu_dev_major): 12 bits, then 20, of numbers that fit into 32.
  const number = `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
  const device = join(devices, number);
  if (!existsSync(device)) throw new Error(`${folder} is on no disk of this host (device ${number})`);
  const disk = existsSync(join(device, "partition")) ? join(realpathSync(device), "..") : device;
  return readFileSync(join(disk, "dev"), "latin1").trim();
}
