import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { cpioArchive, type CpioEntry, isPlainAbsolutePath } from "../../../runtime/node/cpio.ts";

const ENTRIES: readonly CpioEntry[] = [
  { type: "file", path: "/etc/a/note", mode: 0o640, content: Buffer.from("hello ä\n") },
  { type: "symlink", path: "/bin/sh", target: "busybox" },
  { type: "directory", path: "/tmp", mode: 0o1777 },
  { type: "character-device", path: "/dev/console", mode: 0o600, device: { major: 5, minor: 1 } },
];

/** Reads an archive back by the kernel's documentation, independently of the writer. */
function parse(archive: Buffer): { name: string; mode: number; size: number; device: string; content: string }[] {
  const found = [];
  for (let at = 0; ;) {
    expect(archive.toString("latin1", at, at + 6)).toBe("070701");
    const field = (i: number): number =>
      Number.parseInt(archive.toString("latin1", at + 6 + i * 8, at + 14 + i * 8), 16);
    const nameSize = field(11);
    const size = field(6);
    const name = archive.toString("utf8", at + 110, at + 110 + nameSize - 1);
    const start = Math.ceil((at + 110 + nameSize) / 4) * 4;
    if (name === "TRAILER!!!") {
      expect(archive.length).toBe(start);
      return found;
    }
    const content = archive.toString("utf8", start, start + size);
    found.push({ name, mode: field(1), size, device: `${field(9)}:${field(10)}`, content });
    at = Math.ceil((start + size) / 4) * 4;
  }
}

test("cpioArchive() writes each kind of entry, folders before what is in them", () => {
  const parsed = parse(cpioArchive(ENTRIES));
  expect(parsed.map(({ name, mode }) => [name, mode.toString(8)])).toEqual([
    ["etc", "40755"],
    ["etc/a", "40755"],
    ["etc/a/note", "100640"],
    ["bin", "40755"],
    ["bin/sh", "120777"],
    ["tmp", "41777"],
    ["dev", "40755"],
    ["dev/console", "20600"],
  ]);
  expect(parsed[2]).toMatchObject({ content: "hello ä\n", size: 9 });
  expect(parsed[4]).toMatchObject({ content: "busybox" });
  expect(parsed[7]).toMatchObject({ device: "5:1" });
});

test("cpioArchive() gives the same bytes for the same entries, at a length that another archive can follow", () => {
  expect(cpioArchive(ENTRIES).equals(cpioArchive(ENTRIES))).toBe(true);
  expect(cpioArchive(ENTRIES).length % 4).toBe(0);
});

test("cpioArchive() refuses paths that are not plain and absolute", () => {
  for (const path of ["etc/x", "/", "/a//b", "/a/../b", "/a/.", "/a/", "/a\nb", "/a\0b"]) {
    expect(isPlainAbsolutePath(path), path).toBe(false);
    expect(() => cpioArchive([{ type: "directory", path, mode: 0o755 }])).toThrow("plain absolute path");
  }
  expect(isPlainAbsolutePath("/a b/ä..c")).toBe(true);
});

test("cpioArchive() is read by another implementation", ({ skip }) => {
  try {
    execFileSync("busybox", ["true"]);
  } catch {
    return skip("busybox is not installed");
  }
  const listed = execFileSync("busybox", ["cpio", "-t"], { input: cpioArchive(ENTRIES), stdio: "pipe" }).toString();
  expect(listed.trim().split("\n")).toContain("etc/a/note");
});
