import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { lockFolder } from "../../../runtime/node/index.ts";

test("lockFolder() makes a folder for its user alone, leaves the mode of one that is there, and lets one process in", () => {
  const parent = mkdtempSync(join(tmpdir(), "blixard-lock-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "data/raft");
  const mode = (path: string): number => statSync(path).mode & 0o777;
  const lock = lockFolder(folder);
  expect(mode(folder)).toBe(0o700);
  // VMs that are users of their own have to come through to their folders.
  expect(mode(join(parent, "data")) & 0o011).toBe(~process.umask() & 0o011);
  expect(() => lockFolder(folder)).toThrow(`process ${process.pid} has it`);
  lock.release();
  chmodSync(folder, 0o750);
  lockFolder(folder).release();
  expect(mode(folder)).toBe(0o750);
});
