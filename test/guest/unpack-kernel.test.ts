import { zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { unpackLz4Legacy } from "../../guest/lz4-legacy.ts";
import { unpackKernel } from "../../guest/unpack-kernel.ts";

const ELF = Buffer.from("\x7fELF the kernel itself", "latin1");

/** One block of literals only: the simplest thing that LZ4 can say. */
function lz4(content: Buffer): Buffer {
  const token = content.length < 15 ? [content.length << 4] : [0xf0, content.length - 15];
  return frame(Buffer.concat([Buffer.from(token), content]));
}

function frame(block: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184c2102, 0);
  head.writeUInt32LE(block.length, 4);
  return Buffer.concat([head, block]);
}

/** A bzImage as the boot protocol describes it: one setup sector behind the boot sector, then the packed kernel. */
function bzImage(payload: Buffer): Buffer {
  const image = Buffer.alloc(1024 + 64);
  image[0x1f1] = 1;
  image.write("HdrS", 0x202, "latin1");
  image.writeUInt32LE(64, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([image, payload]);
}

test("unpackKernel() finds the kernel in a bzImage, packed with LZ4 or zstd", () => {
  const size = Buffer.alloc(4);
  expect(unpackKernel(bzImage(Buffer.concat([lz4(ELF), size])))).toEqual(ELF);
  expect(unpackKernel(bzImage(Buffer.concat([zstdCompressSync(ELF), size])))).toEqual(ELF);
});

test("unpackKernel() leaves alone what it does not know", () => {
  for (const image of [ELF, Buffer.alloc(0), Buffer.alloc(2000), bzImage(Buffer.from("packed otherwise"))]) {
    expect(unpackKernel(image)).toBe(image);
  }
  const noElf = bzImage(lz4(Buffer.from("not a kernel")));
  expect(unpackKernel(noElf)).toBe(noElf);
});

test("unpackLz4Legacy() repeats what overlaps, and copies what does not", () => {
  // "ab", then 8 bytes from 2 back; "xyz", then 4 bytes from 13 back; the last block ends with literals.
  const block = Buffer.from([0x24, 0x61, 0x62, 2, 0, 0x30, 0x78, 0x79, 0x7a, 13, 0, 0x10, 0x21]);
  expect(unpackLz4Legacy(frame(block)).toString()).toBe("abababababxyzabab!");
});

test("unpackLz4Legacy() joins blocks and takes long lengths", () => {
  const long = Buffer.alloc(1000, "x");
  const packed = frame(Buffer.concat([Buffer.from([0xf0, 255, 255, 255, 220]), long]));
  expect(unpackLz4Legacy(packed)).toEqual(long);
  expect(unpackLz4Legacy(Buffer.concat([packed, lz4(ELF).subarray(4)]))).toEqual(Buffer.concat([long, ELF]));
});

test("unpackLz4Legacy() refuses damage", () => {
  expect(() => unpackLz4Legacy(Buffer.from("nothing"))).toThrow("legacy format");
  expect(() => unpackLz4Legacy(lz4(ELF).subarray(0, 15))).toThrow("cut off");
  expect(() => unpackLz4Legacy(frame(Buffer.from([0x14, 0x61, 9, 0])))).toThrow("damaged");
  expect(() => unpackLz4Legacy(frame(Buffer.from([0xf0, 255])))).toThrow("cut off");
  expect(() => unpackLz4Legacy(frame(Buffer.from([0x50, 0x61])))).toThrow("damaged");
});
