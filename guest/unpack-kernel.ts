/**
 * Turns a bzImage into the ELF kernel inside it.
 *
 * A bzImage unpacks itself at each boot: 0.3 to 0.6 s of a guest's boot under pure emulation. The kernel inside has a PVH
 * entry (CONFIG_PVH) that QEMU's `microvm` firmware jumps to directly. What cannot be unpacked is used as it is.
 *
 * Source: Linux, Documentation/arch/x86/boot.rst (setup_sects, payload_offset, payload_length).
 */
import { zstdDecompressSync } from "node:zlib";
import { runCommand } from "./run-command.ts";
import { LZ4_LEGACY_MAGIC, unpackLz4Legacy } from "./lz4-legacy.ts";

const ELF_MAGIC = 0x464c457f;
const ZSTD_MAGIC = 0xfd2fb528;
const BOOT_HEADER_MAGIC = "HdrS";
const SETUP_SECTORS_DEFAULT = 4;

/** The ELF kernel, or `image` itself when it is none or packed in a way that nothing here unpacks. */
export function unpackKernel(image: Buffer): Buffer {
  const payload = payloadOf(image);
  if (payload === undefined || payload.length < 4) return image;
  const magic = payload.readUInt32LE(0);
  let kernel: Buffer;
  if (magic === LZ4_LEGACY_MAGIC) kernel = unpackLz4Legacy(payload);
  else if (magic === ZSTD_MAGIC) kernel = zstdDecompressSync(payload.subarray(0, payload.length - 4));
  else return image;
  return kernel.length >= 4 && kernel.readUInt32LE(0) === ELF_MAGIC ? kernel : image;
}

function payloadOf(image: Buffer): Buffer | undefined {
  if (image.length < 0x250 || image.toString("latin1", 0x202, 0x206) !== BOOT_HEADER_MAGIC) return undefined;
  const sectors = image[0x1f1] || SETUP_SECTORS_DEFAULT;
  const start = (sectors + 1) * 512 + image.readUInt32LE(0x248);
  return image.subarray(start, start + image.readUInt32LE(0x24c));
}

/** Modules are plain in Debian 12 and packed with xz in Debian 13. @throws when `busybox` cannot unpack it. */
export async function unpackModule(content: Buffer, path: string, busybox: string): Promise<Buffer> {
  if (path.endsWith(".ko")) return content;
  if (path.endsWith(".ko.zst")) return zstdDecompressSync(content);
  if (path.endsWith(".ko.xz")) return runCommand(busybox, ["xzcat", path]);
  if (path.endsWith(".ko.gz")) return runCommand(busybox, ["zcat", path]);
  throw new Error(`Cannot unpack kernel module "${path}": unknown suffix`);
}
