/** The disks of a host without a guest: what is made, told to QEMU, counted and refused. With guests: test/integration/qemu-disks.test.ts. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { GuestDisk } from "../../../../runtime/index.ts";
import { DiskStore, localDisk } from "../../../../runtime/node/qemu/disks.ts";
import { readDiskImage, writeOverlay } from "../../../../runtime/node/qemu/qcow2.ts";

const MIB = 1024 * 1024;
const EMPTY: GuestDisk = { name: "data", sizeMiB: 8, readOnly: false };
let folder: string;
let store: DiskStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-disks-"));
  store = new DiskStore(folder, "vms");
});

afterEach(() => rmSync(folder, { recursive: true }));

function put(file: string, content: Buffer): void {
  writeFileSync(join(folder, "disk-images", file), content);
}

function from(file: string, more: Partial<GuestDisk> = {}): GuestDisk {
  return { name: "root", source: { type: "image", file }, readOnly: false, ...more };
}

/** What is free and not promised, in MiB. */
function freeMiB(): number {
  const { bavail, bsize } = statfsSync(folder);
  return Math.floor((bavail * bsize) / MIB);
}

test("attach() makes a disk once, with holes in place of its size, and finds it again", async () => {
  const [disk] = await store.attach("i1", [EMPTY]);
  const path = join(folder, "disks/i1/data");
  expect(disk).toMatchObject({ name: "data", readOnly: false, device: { driver: "raw", file: { filename: path } } });
  expect(statSync(path)).toMatchObject({ size: 8 * MIB, blocks: 0 });
  writeFileSync(path, "written", { flag: "r+" });
  await store.attach("i1", [EMPTY]);
  expect(statSync(path).blocks).toBeGreaterThan(0);
});

test("attach() lays an overlay over an image, of the image's size or a larger one, and opens one that is read only itself", async () => {
  put("debian.raw", Buffer.alloc(3 * MIB));
  writeOverlay(join(folder, "disk-images/alpine.qcow2"), 5 * MIB);
  const disks = await store.attach("i1", [
    from("debian.raw"),
    from("alpine.qcow2", { name: "big", sizeMiB: 6 }),
    from("alpine.qcow2", { name: "fixed", readOnly: true }),
  ]);
  expect(disks.map(({ device }) => [device["driver"], (device["backing"] as { driver?: string })?.driver])).toEqual([
    ["qcow2", "raw"],
    ["qcow2", "qcow2"],
    ["qcow2", undefined],
  ]);
  expect(readDiskImage(join(folder, "disks/i1/root")).sizeBytes).toBe(3 * MIB);
  expect(readDiskImage(join(folder, "disks/i1/big")).sizeBytes).toBe(6 * MIB);
  expect(existsSync(join(folder, "disks/i1/fixed"))).toBe(false);
  expect(disks[2]?.device).toMatchObject({ "read-only": true });
});

test("attach() refuses by name what is not there, too small, or would open further files of this host", async () => {
  const refusal = (disk: GuestDisk): Promise<unknown> => store.attach("i1", [disk]).catch((error: unknown) => error);
  put("debian.raw", Buffer.alloc(3 * MIB));
  writeOverlay(join(folder, "disk-images/chained.qcow2"), MIB);
  const chained = Buffer.alloc(8);
  chained.writeBigUInt64BE(104n);
  const image = Buffer.from(Buffer.alloc(104));
  image.writeUInt32BE(0x5146_49fb, 0);
  image.writeUInt32BE(3, 4);
  image.writeBigUInt64BE(BigInt(MIB), 24);
  put("data.qcow2", Buffer.concat([image.subarray(0, 72), Buffer.from([0, 0, 0, 0, 0, 0, 0, 4]), image.subarray(80)]));
  put("chained.qcow2", Buffer.concat([image.subarray(0, 8), chained, image.subarray(16)]));
  expect(await refusal(from("none.raw"))).toMatchObject({
    code: "image-missing",
    message: `disk "root": no disk image "none.raw" in ${folder}/disk-images: copy it there`,
  });
  for (const file of ["../disks", ".", "disks/i1/data"])
    expect(await refusal(from(file))).toMatchObject({ code: "image-missing" });
  expect(await refusal(from("debian.raw", { sizeMiB: 2 }))).toMatchObject({
    code: "unsupported",
    message: 'disk "root": it is to have 2 MiB, and its image has 3',
  });
  expect(await refusal(from("chained.qcow2"))).toMatchObject({
    message: expect.stringContaining("names a backing file"),
  });
  expect(await refusal(from("data.qcow2"))).toMatchObject({
    message: expect.stringContaining("an external data file"),
  });
  expect(await refusal({ name: "../x", sizeMiB: 1, readOnly: false })).toMatchObject({ code: "unsupported" });
});

test("attach() promises no room twice: what disks may still take counts as taken, until they are gone", async () => {
  const most = Math.floor(freeMiB() * 0.7);
  await store.attach("i1", [{ ...EMPTY, sizeMiB: most }]);
  await expect(store.attach("i2", [{ ...EMPTY, sizeMiB: most }])).rejects.toThrow(
    new RegExp(
      `^disk "data": ${folder}/disks has \\d+ MiB free, ${most} MiB of it promised to other disks, wanted ${most} MiB$`,
    ),
  );
  expect(existsSync(join(folder, "disks/i2/data"))).toBe(false);
  store.keepOnly(["i2"]);
  expect(existsSync(join(folder, "disks/i1"))).toBe(false);
  await store.attach("i2", [{ ...EMPTY, sizeMiB: most }]);
});

test("restore() lays files over a checkpoint's, which are the instance's when they are taken, and leaves what it had until then", async () => {
  const kept = [
    { name: "data", sizeBytes: 8 * MIB, isCopied: true },
    { name: "fixed", sizeBytes: 0, isCopied: false, image: { file: "debian.raw", sha256: "" } },
  ];
  put("debian.raw", Buffer.alloc(MIB));
  await store.attach("i1", [EMPTY]);
  const path = join(folder, "disks/i1/data");
  writeFileSync(path, "written", { flag: "r+" });
  const disks = await store.restore("i1", kept, (part) => `/checkpoints/c1/${part}`);
  expect(disks).toMatchObject([
    {
      name: "data",
      noted: { kind: "restored", sizeBytes: 8 * MIB },
      device: {
        file: { filename: `${path}.next` },
        backing: { file: { filename: "/checkpoints/c1/disk-data.qcow2" }, "read-only": true, backing: null },
      },
    },
    { name: "fixed", readOnly: true, device: { driver: "raw", "read-only": true } },
  ]);
  // A start that failed is followed by another.
  await store.restore("i1", kept, String);
  expect(readFileSync(path).subarray(0, 7).toString()).toBe("written");
  store.take("i1");
  expect(readDiskImage(path)).toMatchObject({ format: "qcow2", sizeBytes: 8 * MIB });
  expect(existsSync(`${path}.next`)).toBe(false);
});

test("restore() needs room for what the disk may grow to, but not beside the one that it takes the place of", async () => {
  const most = Math.floor(freeMiB() * 0.7);
  await store.attach("i1", [{ ...EMPTY, sizeMiB: most }]);
  const kept = [{ name: "data", sizeBytes: most * MIB, isCopied: true }];
  await expect(store.restore("i2", kept, String)).rejects.toMatchObject({ code: "no-space" });
  await store.restore("i1", kept, String);
});

test("attach() makes a file system once, and again when the host died in the middle", async () => {
  const disk: GuestDisk = { ...EMPTY, format: "ext4" };
  mkdirSync(join(folder, "disks/i1"), { recursive: true });
  writeFileSync(join(folder, "disks/i1/data.new"), "half");
  await store.attach("i1", [disk]);
  const path = join(folder, "disks/i1/data");
  const made = readFileSync(path);
  expect(made.readUInt16LE(1024 + 56)).toBe(0xef53);
  expect(existsSync(`${path}.new`)).toBe(false);
  await store.attach("i1", [disk]);
  expect(readFileSync(path).equals(made)).toBe(true);
});

test("localDisk() names the first that other hosts have not", () => {
  const shared: GuestDisk = { name: "ceph", source: { type: "rbd", pool: "p", image: "i" }, readOnly: false };
  expect(localDisk([shared])).toBeUndefined();
  expect(localDisk([shared, EMPTY])).toBe("data");
});
