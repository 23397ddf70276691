/**
 * What cloud-init reads at a guest's first start: a disk with the label "cidata", which holds `meta-data`, `user-data` and,
 * where the VM names its network cards, `network-config` (NoCloud).
 *
 * The disk is ISO 9660, the smaller of the two file systems that cloud-init takes: a descriptor, one directory, the files, each in sectors of their
 * own. The names are as cloud-init wants them, in lower case and with a dash, which the standard's first level has not; Linux takes them as they are.
 * `meta-data` is JSON, which is YAML.
 *
 * Sources: cloud-init, "NoCloud"; ECMA-119, sections 8.4 (volume descriptor), 9.1 (directory records), 9.4 (path table).
 */
import type { InstanceLaunch } from "../../ports/hypervisor.ts";
import { networkConfig } from "./cards.ts";

const SECTOR = 2048;
const DESCRIPTOR = 16;
const LITTLE_TABLE = 18;
const BIG_TABLE = 19;
const ROOT = 20;
const FIRST_FILE = 21;
const LABEL = "cidata";
/** A directory that is the root: its own name, and that of its parent. */
const SELF = Buffer.from([0]);
const PARENT = Buffer.from([1]);
const IS_DIRECTORY = 2;

export interface SeedFile {
  readonly name: string;
  readonly content: Buffer;
}

/** The files of NoCloud; none when the VM has no `cloudInit`. A new instance is a new machine to cloud-init. */
export function seedFiles({ instance, cloudInit, networks }: InstanceLaunch, hostName: string): readonly SeedFile[] {
  if (cloudInit === undefined) return [];
  const { userData = "", sshKeys } = cloudInit;
  const metaData = { "instance-id": instance, "local-hostname": hostName, "public-keys": sshKeys };
  return [
    { name: "meta-data", content: Buffer.from(`${JSON.stringify(metaData)}\n`, "utf8") },
    { name: "user-data", content: Buffer.from(userData, "utf8") },
    ...(networks === undefined
      ? []
      : [{ name: "network-config", content: Buffer.from(networkConfig(networks), "utf8") }]),
  ];
}

/** An ISO 9660 image of these files, in the order of their names. */
export function seedDisk(files: readonly SeedFile[]): Buffer {
  const records = [record(SELF, ROOT, SECTOR, IS_DIRECTORY), record(PARENT, ROOT, SECTOR, IS_DIRECTORY)];
  const contents: Buffer[] = [];
  let sector = FIRST_FILE;
  for (const { name, content } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    records.push(record(Buffer.from(name, "latin1"), sector, content.length, 0));
    contents.push(padded(content));
    sector += Math.ceil(content.length / SECTOR);
  }
  const descriptors = [descriptor(sector), Buffer.from("\u00ffCD001\u0001", "latin1")];
  const tables = [pathTable("little"), pathTable("big")];
  const parts = [...descriptors, ...tables, Buffer.concat(records)].map(padded);
  return Buffer.concat([Buffer.alloc(DESCRIPTOR * SECTOR), ...parts, ...contents]);
}

function descriptor(sectors: number): Buffer {
  const block = Buffer.alloc(SECTOR);
  block.write("\u0001CD001\u0001", 0, "latin1");
  block.fill(" ", 8, 72);
  block.write(LABEL, 40, "latin1");
  both32(block, 80, sectors);
  both16(block, 120, 1);
  both16(block, 124, 1);
  both16(block, 128, SECTOR);
  both32(block, 132, pathTable("little").length);
  block.writeUInt32LE(LITTLE_TABLE, 140);
  block.writeUInt32BE(BIG_TABLE, 148);
  record(SELF, ROOT, SECTOR, IS_DIRECTORY).copy(block, 156);
  block.fill(" ", 190, 813);
  // Times that say nothing: sixteen digits and a zone.
  for (const at of [813, 830, 847, 864]) block.fill("0", at, at + 16);
  block.writeUInt8(1, 881);
  return block;
}

function record(name: Buffer, sector: number, sizeBytes: number, flags: number): Buffer {
  const length = 33 + name.length + ((name.length + 1) % 2);
  const bytes = Buffer.alloc(length);
  bytes.writeUInt8(length, 0);
  both32(bytes, 2, sector);
  both32(bytes, 10, sizeBytes);
  bytes.writeUInt8(flags, 25);
  both16(bytes, 28, 1);
  bytes.writeUInt8(name.length, 32);
  name.copy(bytes, 33);
  return bytes;
}

function pathTable(order: "little" | "big"): Buffer {
  const table = Buffer.alloc(10);
  table.writeUInt8(SELF.length, 0);
  if (order === "little") {
    table.writeUInt32LE(ROOT, 2);
    table.writeUInt16LE(1, 6);
  } else {
    table.writeUInt32BE(ROOT, 2);
    table.writeUInt16BE(1, 6);
  }
  return table;
}

/** The standard writes numbers in both orders, one behind the other. */
function both32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}

function both16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((SECTOR - (content.length % SECTOR)) % SECTOR)]);
}
