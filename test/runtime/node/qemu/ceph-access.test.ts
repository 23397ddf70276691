/** What a QEMU is handed of a host's Ceph, and what programs of Ceph say that are played by scripts. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CephAccess } from "../../../../runtime/node/qemu/ceph-access.ts";

const KEYRING = `[client.admin]
	key = QURNSU4=
[client.blixard]
	key = QkxJWEFSRA==
	caps mon = "profile rbd"
`;
let folder: string;
let access: CephAccess;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-ceph-access-"));
  mkdirSync(join(folder, "instance"));
  writeFileSync(join(folder, "rack.conf"), "[global]\nmon_host = 10.0.0.1\n");
  writeFileSync(join(folder, "rack.client.blixard.keyring"), KEYRING);
  access = new CephAccess({ conf: join(folder, "rack.conf"), user: "blixard", owner: "rack" });
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function play(program: string, script: string): void {
  vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
  writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, program), 0o755);
}

test("layFiles() hands over the configuration and the key of its user alone, to be read by nobody else", () => {
  access.layFiles(join(folder, "instance"));
  const read = (name: string): string => readFileSync(join(folder, "instance", name), "utf8");
  expect([read("ceph.conf"), read("ceph.key")]).toEqual(["[global]\nmon_host = 10.0.0.1\n", "QkxJWEFSRA=="]);
  expect(statSync(join(folder, "instance/ceph.key")).mode & 0o777).toBe(0o600);
});

test("layFiles() names the file that is missing, or holds no key of its user", () => {
  const keyring = join(folder, "rack.client.blixard.keyring");
  writeFileSync(keyring, "[client.admin]\n\tkey = QURNSU4=\n");
  expect(() => access.layFiles(join(folder, "instance"))).toThrow(`${keyring} holds no key of client.blixard`);
  rmSync(keyring);
  const hint = "put it there, or name another with --ceph-conf and --ceph-user";
  expect(() => access.layFiles(join(folder, "instance"))).toThrow(`${keyring} cannot be read (ENOENT): ${hint}`);
});

test("run() asks as its user with its keyring, and tells what is missing from what failed", async () => {
  play("rbd", 'echo "$@"');
  const keyring = join(folder, "rack.client.blixard.keyring");
  const asked = `--conf ${folder}/rack.conf --id blixard --keyring ${keyring} status vms/web\n`;
  expect(await access.run("rbd", ["status", "vms/web"])).toBe(asked);
  play("rbd", 'echo "2026 asok: nothing" >&2; echo "rbd: error opening image web: (2) No such file" >&2; exit 2');
  await expect(access.run("rbd", ["status", "vms/web"])).rejects.toMatchObject({
    message: '"rbd status vms/web": rbd: error opening image web: (2) No such file',
    isMissing: true,
  });
  play("ceph", 'echo "Error EACCES: access denied" >&2; exit 13');
  await expect(access.run("ceph", ["osd", "blocklist", "add", "x"])).rejects.toMatchObject({ isMissing: false });
});
