/**
 * Unpacks the "legacy" LZ4 format: what `lz4 -l` writes and how Debian packs its kernels.
 *
 * Here because no tool for it is on a plain Debian, and because a kernel that the host unpacks once need not be
 * unpacked by every guest, slowly, at each boot.
 *
 * Source: lz4, doc/lz4_Frame_format.md ("Legacy frame") and doc/lz4_Block_format.md.
 */
export const LZ4_LEGACY_MAGIC = 0x184c2102;

/** Each block of the legacy format unpacks to this much; the last one to less. */
const BLOCK_BYTES_MAX = 8 * 1024 * 1024;

/** @throws when `packed` is damaged. Bytes behind the last whole block are ignored: the kernel puts its size there. */
export function unpackLz4Legacy(packed: Buffer): Buffer {
  if (packed.length < 4 || packed.readUInt32LE(0) !== LZ4_LEGACY_MAGIC) throw new Error("not in LZ4's legacy format");
  const blocks: Buffer[] = [];
  let at = 4;
  while (at + 4 < packed.length) {
    const size = packed.readUInt32LE(at);
    if (size === LZ4_LEGACY_MAGIC) {
      at += 4;
      continue;
    }
    if (at + 4 + size > packed.length) throw new Error("LZ4 data is cut off");
    blocks.push(unpackBlock(packed.subarray(at + 4, at + 4 + size)));
    at += 4 + size;
  }
  return Buffer.concat(blocks);
}

function unpackBlock(block: Buffer): Buffer {
  const out = Buffer.alloc(BLOCK_BYTES_MAX);
  let from = 0;
  let to = 0;
  /** A length of 15 goes on in the following bytes, until one is not 255. */
  const length = (start: number): number => {
    let total = start;
    if (start !== 15) return total;
    for (;;) {
      const more = block[from++];
      if (more === undefined) throw new Error("LZ4 data is cut off");
      total += more;
      if (more !== 255) return total;
    }
  };
  while (from < block.length) {
    const token = block[from++]!;
    const literals = length(token >> 4);
    if (from + literals > block.length || to + literals > out.length) throw new Error("LZ4 data is damaged");
    block.copy(out, to, from, from + literals);
    from += literals;
    to += literals;
    if (from >= block.length) break;
    if (from + 2 > block.length) throw new Error("LZ4 data is cut off");
    const distance = block.readUInt16LE(from);
    from += 2;
    const matched = length(token & 15) + 4;
    if (distance === 0 || distance > to || to + matched > out.length) throw new Error("LZ4 data is damaged");
    // Source and target overlap when the distance is shorter than the match: then the bytes repeat.
    if (distance >= matched) out.copyWithin(to, to - distance, to - distance + matched);
    else for (let i = 0; i < matched; i++) out[to + i] = out[to + i - distance]!;
    to += matched;
  }
  return out.subarray(0, to);
}
