/** What a QEMU of another user is given open, and the kernels that it can read. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FIRST_FILE } from "../../../../runtime/node/guard/guard.ts";
import { KernelCopies } from "../../../../runtime/node/qemu/kernel-copies.ts";
import { OpenedFiles } from "../../../../runtime/node/qemu/opened-files.ts";

test("disk() opens every file of a disk, to write only where QEMU writes, and tells QEMU their sets", () => {
  const files = new OpenedFiles();
  const file = (filename: string): object => ({ driver: "file", filename, discard: "unmap" });
  const image = { driver: "raw", file: file("/images/debian"), "read-only": true };
  const root = { driver: "qcow2", file: file("/disks/root"), backing: image };
  const [first, second] = [FIRST_FILE, FIRST_FILE + 1];
  expect(files.disk({ name: "root", readOnly: false, device: root }).device).toEqual({
    driver: "qcow2",
    file: file(`/dev/fdset/${first}`),
    backing: { ...image, file: file(`/dev/fdset/${second}`) },
  });
  files.disk({ name: "fixed", readOnly: true, device: { driver: "raw", file: file("seed.iso") } });
  const rbd = { driver: "raw", file: { driver: "rbd", pool: "p", image: "i" } };
  expect(files.disk({ name: "ceph", readOnly: false, device: rbd }).device).toEqual(rbd);
  expect(files.path("/memory", true)).toBe(`/proc/self/fd/${FIRST_FILE + 3}`);
  expect(files.descriptors).toEqual([first, second, FIRST_FILE + 2]);
  expect(files.files).toEqual([
    { path: "/disks/root", writable: true },
    { path: "/images/debian", writable: false },
    { path: "seed.iso", writable: false },
    { path: "/memory", writable: true },
  ]);
});

test("a kernel that everybody may read is taken as it is; of another one there is a copy, made again when it changes", () => {
  const folder = mkdtempSync(join(tmpdir(), "blixard-kernels-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const kernel = join(folder, "kernel");
  const copies = new KernelCopies(folder);
  writeFileSync(kernel, "first", { mode: 0o644 });
  expect(copies.of("base", kernel)).toBe(kernel);
  expect(existsSync(join(folder, "kernels"))).toBe(false);
  chmodSync(kernel, 0o600);
  const copy = copies.of("base", kernel);
  expect([readFileSync(copy, "utf8"), statSync(copy).mode & 0o777]).toEqual(["first", 0o444]);
  const { ino } = statSync(copy);
  expect(statSync(copies.of("base", kernel)).ino).toBe(ino);
  writeFileSync(kernel, "other");
  utimesSync(kernel, 1000, 1000);
  expect(readFileSync(copies.of("base", kernel), "utf8")).toBe("other");
});
