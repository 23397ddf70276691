/** Whole numbers below 2^48 in 6 bytes, highest first: indexes, sequences and milliseconds fit, and a double holds them exactly. */

export const UINT48_BYTES = 6;
export const UINT48_MAX: number = 2 ** 48 - 1;

export function isUint48(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= UINT48_MAX;
}

/** @returns where the next field begins. */
export function writeUint48(bytes: Uint8Array, at: number, value: number): number {
  const high = Math.floor(value / 0x1_0000_0000);
  const low = value >>> 0;
  bytes[at] = high >>> 8;
  bytes[at + 1] = high;
  bytes[at + 2] = low >>> 24;
  bytes[at + 3] = low >>> 16;
  bytes[at + 4] = low >>> 8;
  bytes[at + 5] = low;
  return at + UINT48_BYTES;
}

/** Bytes beyond the end count as 0; the caller knows how many there are. */
export function readUint48(bytes: Uint8Array, at: number): number {
  const byte = (offset: number): number => bytes[at + offset] ?? 0;
  const low = ((byte(2) << 24) | (byte(3) << 16) | (byte(4) << 8) | byte(5)) >>> 0;
  return (byte(0) * 256 + byte(1)) * 0x1_0000_0000 + low;
}
