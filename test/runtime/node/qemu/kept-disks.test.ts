/** What a checkpoint says of its guest's disks, and what a guest that is started from it may not have otherwise. */
import { expect, test } from "vitest";
import { disksDiffer, keptDisk, readKeptDisks } from "../../../../runtime/node/qemu/kept-disks.ts";

const hash = async (file: string): Promise<string> => `hash of ${file}`;

test("keptDisk() names the image beneath, but for a disk that is kept as a whole", async () => {
  const noted = { name: "root", sizeBytes: 4, image: "debian" };
  const image = { file: "debian", sha256: "hash of debian" };
  expect(await keptDisk({ ...noted, kind: "overlay" }, hash)).toEqual({
    ...{ name: "root", sizeBytes: 4, isCopied: true, image },
  });
  expect(await keptDisk({ ...noted, kind: "restored" }, hash)).toEqual({ name: "root", sizeBytes: 4, isCopied: true });
  expect(await keptDisk({ ...noted, sizeBytes: 0, kind: "image" }, hash)).toMatchObject({ isCopied: false, image });
});

test("readKeptDisks() reads what was written, and nothing else", () => {
  const whole = { format: 1, isFrozen: true, disks: [{ name: "data", sizeBytes: 4, isCopied: true }] };
  expect(readKeptDisks(JSON.stringify(whole))).toEqual(whole);
  const broken = [
    { ...whole, format: 2 },
    { ...whole, disks: [{ name: "data", sizeBytes: 4, isCopied: false }] },
    null,
  ];
  for (const each of [...broken.map((value) => JSON.stringify(value)), "{"]) {
    expect(readKeptDisks(each), each).toBeUndefined();
  }
});

test("disksDiffer() names what is missing, in another order, of another size, or not to be written", () => {
  const MIB = 1024 * 1024;
  const kept = [
    { name: "data", sizeBytes: 4 * MIB, isCopied: true },
    { name: "tools", sizeBytes: 0, isCopied: false, image: { file: "t", sha256: "" } },
  ];
  const data = { name: "data", sizeMiB: 4, readOnly: false };
  const tools = { name: "tools", readOnly: true };
  expect(disksDiffer([data, tools], kept)).toBeUndefined();
  expect(disksDiffer([tools, data], kept)).toBe("disks: it has data, tools, here they are tools, data");
  expect(disksDiffer([], kept)).toContain("here they are none");
  expect(disksDiffer([{ ...data, sizeMiB: 5 }, tools], kept)).toBe('disk "data": it has 4 MiB, here it is 5');
  expect(disksDiffer([{ ...data, readOnly: true }, tools], kept)).toContain("only one of both can be written to");
});
