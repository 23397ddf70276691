/**
 * A batch: what one write to the log's file holds, a header and records, before it is spread over sectors (sector.ts).
 *
 *     header   checksum (4), magic (4), salt (4), sequence (6), commit (6), records (4), bytes (4), lowest index (6), 0 (2)
 *     record   checksum (4), length of the payload (4), index (6), term (6), type (1), 0 (3), payload
 *
 * The header's checksum is of the rest of the header. A record's is of itself and of all records before it, beginning with the sequence
 * and the salt, so no record can stand in for another. All CRC-32. `bytes` counts header and records.
 *
 * Entries are encoded once, as they come, into a buffer that the next batch uses again.
 */
import { crc32 } from "node:zlib";
import type { HardState, LogEntry, LogPosition, MemberIdentity } from "../../ports/log-store.ts";
import type { StoreError } from "../../ports/store-error.ts";
import { intoSectors, PAGE_BYTES, SECTOR_BYTES, sectorsFor, type Stamp } from "./sector.ts";

export const BATCH_MAGIC = 0x3142_5842;
export const BATCH_HEADER_BYTES = 40;
export const RECORD_HEADER_BYTES = 24;
/** By their number on disk; only ever appended. `reset` is no entry: the log begins anew behind its index and term. */
export const RECORD_TYPES = ["noop", "command", "configuration", "reset"] as const;

export type RecordType = (typeof RECORD_TYPES)[number];

const FIRST_BYTES = 65_536;
/** A buffer that grew beyond it is given back. */
const KEPT_BYTES_MAX = 8_388_608;
const RESET = RECORD_TYPES.indexOf("reset");
const NO_PAYLOAD = new Uint8Array(0);

export type Done = (error?: StoreError) => void;

export class Batch {
  /** Of the calls whose writes are in it. */
  dones: Done[] = [];
  /** What its calls want to be kept beside the log, before it is written. */
  identity: MemberIdentity | null = null;
  hardState: HardState | null = null;
  /** Where the last reset in it lets the log begin. */
  reset: LogPosition | null = null;
  /** Highest index known to be committed as of the last write in it. */
  commit = 0;
  highestIndex = 0;
  /** All of its calls said that they are a follower's. */
  fromFollower = true;
  #stamp: Stamp | null = null;
  #records = 0;
  #lowestIndex = Infinity;
  #checksum = 0;
  #length = BATCH_HEADER_BYTES;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);

  /** Null while it has no records: then there is nothing to write. */
  get stamp(): Stamp | null {
    return this.#stamp;
  }

  /** Of header and records. */
  get length(): number {
    return this.#length;
  }

  get sectors(): number {
    return sectorsFor(this.#length);
  }

  /** Before its first record. */
  begin(stamp: Stamp): void {
    this.#stamp = stamp;
    this.#checksum = chainStart(stamp);
  }

  addReset(position: LogPosition): void {
    this.reset = position;
    this.#add(RESET, position.index, position.term, NO_PAYLOAD);
  }

  addEntry({ index, term, type, payload }: LogEntry): void {
    if (index > this.highestIndex) this.highestIndex = index;
    this.#add(typeNumber(type), index, term, payload);
  }

  /** The bytes for the file, up to the end of a page but not beyond `end`: zeros behind the batch. It takes no records any more. */
  seal(position: number, end: number): Uint8Array {
    const stamp = this.#stamp as Stamp;
    const view = this.#view;
    view.setUint32(4, BATCH_MAGIC, true);
    view.setUint32(8, stamp.salt, true);
    setUint48(view, 12, stamp.sequence);
    setUint48(view, 18, this.commit);
    view.setUint32(24, this.#records, true);
    view.setUint32(28, this.#length, true);
    setUint48(view, 32, this.#lowestIndex);
    view.setUint16(38, 0, true);
    view.setUint32(0, crc32(this.#bytes.subarray(4, BATCH_HEADER_BYTES)), true);
    const used = this.sectors * SECTOR_BYTES;
    const sealedBytes = Math.min(end, Math.ceil((position + used) / PAGE_BYTES) * PAGE_BYTES) - position;
    this.#reserve(sealedBytes);
    intoSectors(this.#bytes, this.#length, position / SECTOR_BYTES, stamp);
    this.#bytes.fill(0, used, sealedBytes);
    return this.#bytes.subarray(0, sealedBytes);
  }

  /** Empty again. */
  clear(): void {
    this.dones = [];
    this.identity = null;
    this.hardState = null;
    this.reset = null;
    this.commit = 0;
    this.highestIndex = 0;
    this.fromFollower = true;
    this.#stamp = null;
    this.#records = 0;
    this.#lowestIndex = Infinity;
    this.#length = BATCH_HEADER_BYTES;
    if (this.#bytes.length <= KEPT_BYTES_MAX) return;
    this.#bytes = new Uint8Array(FIRST_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
  }

  #add(type: number, index: number, term: number, payload: Uint8Array): void {
    const at = this.#length;
    const end = at + RECORD_HEADER_BYTES + payload.length;
    if (end > this.#bytes.length) this.#reserve(end);
    const view = this.#view;
    view.setUint32(at + 4, payload.length, true);
    setUint48(view, at + 8, index);
    setUint48(view, at + 14, term);
    view.setUint32(at + 20, type, true);
    this.#bytes.set(payload, at + RECORD_HEADER_BYTES);
    this.#checksum = crc32(this.#bytes.subarray(at + 4, end), this.#checksum);
    view.setUint32(at, this.#checksum, true);
    if (index < this.#lowestIndex) this.#lowestIndex = index;
    this.#records += 1;
    this.#length = end;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

export function chainStart({ salt, sequence }: Stamp): number {
  return (salt ^ sequence) >>> 0;
}

export function getUint48(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint16(at + 4, true) * 0x1_0000_0000;
}

export function setUint48(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint16(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

function typeNumber(type: LogEntry["type"]): number {
  return type === "command" ? 1 : RECORD_TYPES.indexOf(type);
}
