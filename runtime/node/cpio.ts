/**
 * Writes cpio archives in the "newc" format, the only one the Linux kernel unpacks as an initramfs.
 *
 * The kernel unpacks several archives standing one behind the other, later ones over earlier ones: that is how an
 * instance's own files are laid over a guest image without rebuilding it. Everything belongs to root and carries no time,
 * so the same entries always give the same bytes.
 *
 * Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
import { dirname } from "node:path/posix";

/** Paths are absolute in the guest, "/etc/hostname". */
export type CpioEntry =
  | { readonly type: "file"; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly type: "directory"; readonly path: string; readonly mode: number }
  | { readonly type: "symlink"; readonly path: string; readonly target: string }
  | { readonly type: "character-device"; readonly path: string; readonly mode: number; readonly device: DeviceNumber };

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

const TYPE_BITS = { directory: 0o040000, file: 0o100000, symlink: 0o120000, "character-device": 0o020000 };
const NO_DEVICE: DeviceNumber = { major: 0, minor: 0 };
/** The format's sizes are eight hexadecimal digits. */
const FILE_BYTES_MAX = 0xffff_ffff;

/**
 * One archive. Folders that an entry needs and that are not entries themselves are put before it, with mode 0755.
 * @throws when a path is not absolute and plain, or a file is larger than the format can say.
 */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  let inode = 1;
  for (const entry of withParents(entries)) parts.push(...record(entry, inode++));
  parts.push(...trailer());
  return Buffer.concat(parts);
}

/** Is `path` absolute, without empty, `.` or `..` parts and control characters? Only such paths fit into an archive. */
export function isPlainAbsolutePath(path: string): boolean {
  // \p{Cc}: control characters would end up in file names of the guest and of the host.
  if (!path.startsWith("/") || /\p{Cc}/u.test(path)) return false;
  return path
    .slice(1)
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== "..");
}

function withParents(entries: readonly CpioEntry[]): readonly CpioEntry[] {
  const known = new Set<string>(["/"]);
  const result: CpioEntry[] = [];
  for (const entry of entries) {
    if (!isPlainAbsolutePath(entry.path)) throw new Error(`"${entry.path}" is not a plain absolute path`);
    const missing: string[] = [];
    for (let folder = dirname(entry.path); !known.has(folder); folder = dirname(folder)) missing.push(folder);
    for (const path of missing.toReversed()) {
      known.add(path);
      result.push({ type: "directory", path, mode: 0o755 });
    }
    known.add(entry.path);
    result.push(entry);
  }
  return result;
}

function record(entry: CpioEntry, inode: number): readonly Buffer[] {
  const content = contentOf(entry);
  if (content.length > FILE_BYTES_MAX) throw new Error(`"${entry.path}" is too large for a cpio archive`);
  const mode = TYPE_BITS[entry.type] | ("mode" in entry ? entry.mode & 0o7777 : 0o777);
  const device = entry.type === "character-device" ? entry.device : NO_DEVICE;
  return [
    ...header({ name: entry.path.slice(1), mode, inode, size: content.length, device }),
    content,
    padding(content.length),
  ];
}

function trailer(): readonly Buffer[] {
  return [...header({ name: "TRAILER!!!", mode: 0, inode: 0, size: 0, device: NO_DEVICE })];
}

function contentOf(entry: CpioEntry): Buffer {
  if (entry.type === "file")
    return Buffer.from(entry.content.buffer, entry.content.byteOffset, entry.content.byteLength);
  return Buffer.from(entry.type === "symlink" ? entry.target : "", "utf8");
}

function header(of: {
  name: string;
  mode: number;
  inode: number;
  size: number;
  device: DeviceNumber;
}): readonly Buffer[] {
  const name = Buffer.from(`${of.name}\0`, "utf8");
  const links = 1;
  const fields = [of.inode, of.mode, 0, 0, links, 0, of.size, 0, 0, of.device.major, of.device.minor, name.length, 0];
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`, "ascii");
  return [head, name, padding(head.length + name.length)];
}

/** Names and contents end at a multiple of four bytes. */
function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
