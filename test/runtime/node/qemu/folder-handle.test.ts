/** Reaching sockets in a folder that somebody else, maybe hostile, writes to. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FolderHandle } from "../../../../runtime/node/qemu/folder-handle.ts";

test("reach() connects to a socket, and to no link to one of somebody else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "blixard-handle-"));
  const server = createServer((socket) => socket.end("theirs"));
  await new Promise<void>((resolve) => server.listen(join(folder, "own.sock"), resolve));
  const handle = new FolderHandle(folder);
  onTestFinished(() => {
    handle.close();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const said = await new Promise((resolve) => {
    handle.reach("own.sock", (path) => createConnection({ path })).on("data", (chunk) => resolve(chunk.toString()));
  });
  expect(said).toBe("theirs");
  symlinkSync(join(folder, "own.sock"), join(folder, "link.sock"));
  writeFileSync(join(folder, "plain"), "");
  const connected = (path: string): never => {
    throw new Error(`connected to ${path}`);
  };
  for (const name of ["link.sock", "plain"])
    expect(() => handle.reach(name, connected)).toThrow(`${name} is no socket`);
  expect(() => handle.reach("none.sock", connected)).toThrow("ENOENT");
});
