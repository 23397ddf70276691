/**
 * Sectors: the pieces of 512 bytes that a disk writes whole or not at all, each with a stamp of the batch that it belongs to.
 *
 *     504 bytes of the batch │ sequence, low 32 bits (4) │ check (4)
 *
 * The stamp says of each sector by itself whether it is of the batch that is read, of a later one, or what was there before (zeros, or a
 * batch of the segment's former life): that tells a write that power loss tore from one that was whole and has rotted. It is also why
 * segments can be used again without being wiped.
 *
 * Numbers are little-endian. Indexes, terms and sequences have 48 bits.
 */

export const SECTOR_BYTES = 512;
const SECTOR_DATA_BYTES = 504;
/** What the kernel writes at once. A write that ends at the end of a page never makes it read the rest of that page first. */
export const PAGE_BYTES = 4096;

/** The stamp is of no batch: neither written by this log nor empty. */
export const NOISE = -1;
/** The sector was never written. */
export const EMPTY = 0;

const TWO_32 = 0x1_0000_0000;

/** Whose sectors: of one log, so that a segment of another is never taken for its own. */
export interface Stamp {
  readonly salt: number;
  /** Counts batches from 1. */
  readonly sequence: number;
}

export function sectorsFor(dataBytes: number): number {
  return Math.ceil(dataBytes / SECTOR_DATA_BYTES);
}

/**
 * Spreads the first `dataBytes` of `bytes` over sectors, in place, and stamps them. `firstSector`: where in the file they will stand.
 * `bytes` must have room for them. Returns the number of sectors.
 */
export function intoSectors(bytes: Uint8Array, dataBytes: number, firstSector: number, stamp: Stamp): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const sectors = sectorsFor(dataBytes);
  bytes.fill(0, dataBytes, sectors * SECTOR_DATA_BYTES);
  for (let sector = sectors - 1; sector >= 0; sector--) {
    const to = sector * SECTOR_BYTES;
    const from = sector * SECTOR_DATA_BYTES;
    if (sector > 0) bytes.copyWithin(to, from, from + SECTOR_DATA_BYTES);
    view.setUint32(to + SECTOR_DATA_BYTES, stamp.sequence % TWO_32, true);
    view.setUint32(to + SECTOR_DATA_BYTES + 4, check(stamp.salt, stamp.sequence, firstSector + sector), true);
  }
  return sectors;
}

/** The data of the `sectors` of `file` from `firstSector` on. */
export function fromSectors(file: Uint8Array, firstSector: number, sectors: number): Uint8Array {
  const bytes = new Uint8Array(sectors * SECTOR_DATA_BYTES);
  for (let at = 0; at < sectors; at++) {
    const from = (firstSector + at) * SECTOR_BYTES;
    bytes.set(file.subarray(from, from + SECTOR_DATA_BYTES), at * SECTOR_DATA_BYTES);
  }
  return bytes;
}

/**
 * The sequence of the batch that wrote a sector, or `EMPTY`, or `NOISE`. `near`: the sequence that is expected; one that is 2^32 batches
 * away is noise.
 */
export function stampOf(file: DataView, sector: number, near: Stamp): number {
  const at = sector * SECTOR_BYTES;
  const low = file.getUint32(at + SECTOR_DATA_BYTES, true);
  const found = file.getUint32(at + SECTOR_DATA_BYTES + 4, true);
  if (low === 0 && found === 0 && isEmpty(file, at)) return EMPTY;
  const high = Math.floor(near.sequence / TWO_32) * TWO_32;
  for (const base of [high, high - TWO_32, high + TWO_32]) {
    if (base >= 0 && found === check(near.salt, base + low, sector)) return base + low;
  }
  return NOISE;
}

function isEmpty(file: DataView, at: number): boolean {
  for (let word = at; word < at + SECTOR_BYTES; word += 4) if (file.getUint32(word) !== 0) return false;
  return true;
}

/** Mixes the three; for accidents, not for enemies. */
function check(salt: number, sequence: number, sector: number): number {
  let hash = salt ^ Math.imul(sequence | 0, 0x9e37_79b1) ^ Math.imul(Math.floor(sequence / TWO_32) + 1, 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2_ae35) ^ Math.imul(sector + 1, 0x27d4_eb2f);
  hash = Math.imul(hash ^ (hash >>> 13), 0x1656_67b1);
  return (hash ^ (hash >>> 16)) >>> 0;
}
