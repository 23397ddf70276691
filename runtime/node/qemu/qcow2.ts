/**
 * As much of qcow2 as an overlay needs: an empty one is written, and of an image that somebody brought is read what it says of itself.
 *
 * `qemu-img` is in a package of its own, and an empty image is four clusters: header, table of reference counts, the counts, and the first table of the
 * mapping, which is all holes. No name of the image beneath is in it: QEMU is told at each start, so a data folder can be moved, and
 * no file that a guest can write to says what its host opens.
 *
 * Source: QEMU, docs/interop/qcow2.txt, version 3.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";

const MAGIC = 0x5146_49fb;
const VERSION = 3;
const CLUSTER_BITS = 16;
const CLUSTER = 1 << CLUSTER_BITS;
const HEADER_BYTES = 104;
/** One entry of the first table maps a second table of a cluster, with eight bytes for each cluster of the guest. */
const ENTRY_BYTES = 8;
const MAPPED_BYTES = (CLUSTER / ENTRY_BYTES) * CLUSTER;
/** Counts have 16 bits: 1 << 4. */
const COUNT_ORDER = 4;
const COUNT_BYTES = 2;
/** The content of clusters is in another file. */
const EXTERNAL_DATA = 1n << 2n;

/** What one cluster of reference counts and its table can hold, with room to spare: an image's first clusters are all that we write. */
export const DISK_BYTES_MAX: number = 16 * 1024 ** 4;

export type DiskImageInfo =
  | { readonly format: "raw"; readonly sizeBytes: number }
  | {
      readonly format: "qcow2";
      readonly sizeBytes: number;
      /** Another file that it names and would be opened: "its own backing file". */
      readonly needs: string | undefined;
    };

/** Writes an empty image of that size. @throws the file system's error; EEXIST when there is one. */
export function writeOverlay(path: string, sizeBytes: number): void {
  const entries = Math.ceil(sizeBytes / MAPPED_BYTES);
  const tableClusters = Math.max(1, Math.ceil((entries * ENTRY_BYTES) / CLUSTER));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(VERSION, 4);
  header.writeUInt32BE(CLUSTER_BITS, 20);
  header.writeBigUInt64BE(BigInt(sizeBytes), 24);
  header.writeUInt32BE(entries, 36);
  header.writeBigUInt64BE(BigInt(3 * CLUSTER), 40);
  header.writeBigUInt64BE(BigInt(CLUSTER), 48);
  header.writeUInt32BE(1, 56);
  header.writeUInt32BE(COUNT_ORDER, 96);
  header.writeUInt32BE(HEADER_BYTES, 100);
  const table = Buffer.alloc(ENTRY_BYTES);
  table.writeBigUInt64BE(BigInt(2 * CLUSTER), 0);
  const used = 3 + tableClusters;
  const counts = Buffer.alloc(used * COUNT_BYTES);
  for (let cluster = 0; cluster < used; cluster += 1) counts.writeUInt16BE(1, cluster * COUNT_BYTES);
  const file = openSync(path, "wx", 0o600);
  try {
    ftruncateSync(file, used * CLUSTER);
    writeSync(file, header, 0, header.length, 0);
    writeSync(file, table, 0, table.length, CLUSTER);
    writeSync(file, counts, 0, counts.length, 2 * CLUSTER);
  } finally {
    closeSync(file);
  }
}

/** Anything without qcow2's magic is raw. @throws the file system's error. */
export function readDiskImage(path: string): DiskImageInfo {
  const file = openSync(path, "r");
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    readSync(file, header, 0, header.length, 0);
    if (header.readUInt32BE(0) !== MAGIC) return { format: "raw", sizeBytes: fstatSync(file).size };
    const features = header.readUInt32BE(4) < VERSION ? 0n : header.readBigUInt64BE(72);
    const hasBacking = header.readBigUInt64BE(8) !== 0n;
    const hasData = (features & EXTERNAL_DATA) !== 0n;
    const needs = hasBacking ? "a backing file" : hasData ? "an external data file" : undefined;
    return { format: "qcow2", sizeBytes: Number(header.readBigUInt64BE(24)), needs };
  } finally {
    closeSync(file);
  }
}
