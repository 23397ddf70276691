/**
 * Heads of a tar archive: what a folder travels as between host and guest, since tar is what every guest has (`copy-folder.ts`).
 *
 * Written is what GNU tar and busybox both read: ustar, with the GNU entries `L` and `K` before names of more than 100 bytes and sizes of 8 GiB and more in
 * binary. Read is what either of them, and bsdtar, write: those, ustar's prefix, and pax records of path, linkpath and size.
 *
 * Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; the GNU tar manual, "Basic Tar Format".
 */

export const BLOCK = 512;

export type TarKind = "file" | "folder" | "symlink" | "hardlink";

export interface TarEntry {
  readonly kind: TarKind;
  /** As it stands in the archive, divided by "/". */
  readonly path: string;
  /** Permission bits, with set-user-id, set-group-id and sticky. */
  readonly mode: number;
  /** Of what follows; 0 unless it is a file. */
  readonly sizeBytes: number;
  /** Whole seconds since the epoch. */
  readonly mtimeS: number;
  /** Of a link: what it points to. */
  readonly target: string;
}

const TYPES: Readonly<Record<TarKind, string>> = { file: "0", hardlink: "1", symlink: "2", folder: "5" };
const NAME_BYTES = 100;
const OCTAL_SIZE_MAX = 0o77_777_777_777;
const LONG_NAME = "././@LongLink";

/** The head of an entry, and before it those of what does not fit into one. Its bytes follow, then zeros up to a whole block (`padding`). */
export function encodeHead(entry: TarEntry): Buffer {
  const path = Buffer.from(entry.kind === "folder" ? `${entry.path}/` : entry.path);
  const target = Buffer.from(entry.target);
  return Buffer.concat([
    ...longName("L", path),
    ...longName("K", target),
    head({ ...entry, type: TYPES[entry.kind], path, target }),
  ]);
}

/** Zeros that follow so many bytes. */
export function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}

/** What an archive ends with. */
export const ARCHIVE_END: Buffer = Buffer.alloc(2 * BLOCK);

interface Head extends Pick<TarEntry, "mode" | "sizeBytes" | "mtimeS"> {
  readonly type: string;
  readonly path: Buffer;
  readonly target: Buffer;
}

function longName(type: "L" | "K", name: Buffer): readonly Buffer[] {
  if (name.length <= NAME_BYTES) return [];
  const body = Buffer.concat([name, Buffer.alloc(1)]);
  const about = { type, path: Buffer.from(LONG_NAME), target: Buffer.alloc(0), mode: 0o644, mtimeS: 0 };
  return [head({ ...about, sizeBytes: body.length }), body, padding(body.length)];
}

function head({ type, path, target, mode, sizeBytes, mtimeS }: Head): Buffer {
  const block = Buffer.alloc(BLOCK);
  path.copy(block, 0, 0, NAME_BYTES);
  const octal = (value: number, at: number, length: number): void => {
    block.write(
      `${Math.max(0, Math.trunc(value))
        .toString(8)
        .padStart(length - 1, "0")}\0`,
      at,
      "latin1",
    );
  };
  octal(mode & 0o7777, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  if (sizeBytes <= OCTAL_SIZE_MAX) octal(sizeBytes, 124, 12);
  else {
    block.writeUInt8(0x80, 124);
    block.writeBigUInt64BE(BigInt(sizeBytes), 128);
  }
  octal(mtimeS, 136, 12);
  block.write(type, 156, "latin1");
  target.copy(block, 157, 0, NAME_BYTES);
  block.write("ustar\u000000", 257, "latin1");
  block.write("root", 265, "latin1");
  block.write("root", 297, "latin1");
  block.write(`${sumOf(block).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** As if the sum's own place held blanks. */
function sumOf(block: Buffer): number {
  return block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
}

/** A head as it was read; names are bytes until somebody says what they are of. */
export interface RawHead {
  /** One character. */
  readonly type: string;
  readonly name: Buffer;
  readonly target: Buffer;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly mtimeS: number;
}

/** Null: no head of an archive. */
export function decodeHead(block: Buffer): RawHead | null {
  const [sum, mode, sizeBytes, mtimeS] = [
    numberAt(block, 148, 8),
    numberAt(block, 100, 8),
    numberAt(block, 124, 12),
    numberAt(block, 136, 12),
  ];
  if (sum !== sumOf(block) || mode === null || sizeBytes === null) return null;
  const [name, prefix] = [textAt(block, 0, NAME_BYTES), textAt(block, 345, 155)];
  // GNU tar keeps times at the place of the prefix.
  const isPosix = block.toString("latin1", 257, 265) === "ustar\u000000";
  return {
    type: String.fromCharCode(block[156] ?? 0),
    name: isPosix && prefix.length > 0 ? Buffer.concat([prefix, Buffer.from("/"), name]) : name,
    target: textAt(block, 157, NAME_BYTES),
    ...{ mode: mode & 0o7777, sizeBytes, mtimeS: mtimeS ?? 0 },
  };
}

function textAt(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** Octal digits, or binary where the first bit is set. Null: neither, or more than can be counted. */
function numberAt(block: Buffer, at: number, length: number): number | null {
  if ((block[at] ?? 0) & 0x80) {
    const bytes = block.subarray(at, at + length);
    const value = bytes.reduce((sum, byte, index) => sum * 256 + (index === 0 ? byte & 0x7f : byte), 0);
    return Number.isSafeInteger(value) ? value : null;
  }
  const text = textAt(block, at, length).toString("latin1").trim();
  if (!/^[0-7]*$/.test(text)) return null;
  return text === "" ? 0 : Number.parseInt(text, 8);
}
