import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { lockFolder, PRIVATE_MODE } from "../../../runtime/node/folder-lock.ts";

test("lockFolder() makes a folder of the mode that is asked for, leaves that of one that is there, and lets one process in", () => {
  const parent = mkdtempSync(join(tmpdir(), "blixard-lock-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "data/raft");
  const mode = (path: string): number => statSync(path).mode & 0o777;
  // A node's: VMs that are users of their own have to come through it to their folders.
  lockFolder(join(parent, "data")).release();
  expect(mode(join(parent, "data"))).toBe(0o777 & ~process.umask());
  const lock = lockFolder(folder, PRIVATE_MODE);
  expect(mode(folder)).toBe(0o700);
  expect(() => lockFolder(folder)).toThrow(`process ${process.pid} has it`);
  lock.release();
  chmodSync(folder, 0o750);
  lockFolder(folder, PRIVATE_MODE).release();
  expect(mode(folder)).toBe(0o750);
});
