/** What a node finds of instances that died without it: whatever state they were in, it clears them away at its start and keeps what they said. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { FoundInstance } from "../../../../runtime/index.ts";
import { createProcessHypervisor, nodeClock } from "../../../../runtime/node/index.ts";
import { bootId } from "../../../../runtime/node/guard/host-uptime.ts";
import { CONSOLE_LOG } from "../../../../runtime/node/instances/console-log.ts";
import { InstanceStore } from "../../../../runtime/node/instances/instance-store.ts";
import { cutVmmLog, VMM_LOG_BYTES_MAX } from "../../../../runtime/node/instances/vmm-log.ts";
import { cleanUp } from "../../../contract/guarded-harness.ts";

function stateFolder(): string {
  const stateDir = mkdtempSync(join(tmpdir(), "blixard-leftovers-"));
  onTestFinished(() => cleanUp(stateDir));
  return stateDir;
}

/** As the guard writes it of a process. */
function identityOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]} ${bootId()}\n`;
}

test("list() clears away instances in every state that a death can leave, and ends what runs of one without its guard", async () => {
  const stateDir = stateFolder();
  const store = new InstanceStore(stateDir);
  const { pid: gone } = spawnSync("true");
  const [dead, other] = [`${gone} 1 ${bootId()}\n`, `1 1 00000000-0000-0000-0000-000000000000\n`];
  const orphan = spawn("sleep", ["985"], { detached: true, stdio: "ignore" });
  const ended = new Promise((resolve) => orphan.once("exit", resolve));
  const guards: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "i-ended": { guard: dead, child: dead, exit: "exit code 0\n", lease: "1 1\n" },
    "i-killed": { guard: dead, child: dead },
    "i-torn": { guard: dead, child: "12 " },
    "i-rebooted": { guard: other, child: other },
    "i-orphan": { guard: dead, child: identityOf(orphan.pid ?? 0) },
    "i-unclaimed": {},
  };
  for (const [instance, files] of Object.entries(guards)) {
    const folder = store.create({ format: 1, driver: "process", instance, vm: "web", ports: [], startedAt: 0 });
    mkdirSync(join(folder, "guard"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "guard", name), text);
    for (const name of [CONSOLE_LOG, "initramfs", "machine.json"])
      writeFileSync(join(folder, name), `${name} of ${instance}`);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "vm/qmp.sock"), resolve));
    onTestFinished(() => void server.close());
  }
  // Its node died before it had written anything down.
  mkdirSync(join(stateDir, "instances/i-empty"));
  const hypervisor = createProcessHypervisor({ stateDir, clock: nodeClock, logger: { log: () => undefined } });
  onTestFinished(() => hypervisor.close());
  expect(await new Promise<readonly FoundInstance[]>((done) => hypervisor.list(done))).toEqual([]);
  await ended;
  expect(readdirSync(join(stateDir, "instances"))).toEqual([]);
  for (const instance of Object.keys(guards)) {
    const folder = store.endedFolder(instance);
    expect(readdirSync(folder).toSorted()).toEqual([CONSOLE_LOG, "guard", "instance.json"]);
    expect(readFileSync(join(folder, CONSOLE_LOG), "utf8")).toBe(`${CONSOLE_LOG} of ${instance}`);
  }
});

test("what a hypervisor says of itself is cut to its end, whatever a guest makes it say", () => {
  const folder = stateFolder();
  const path = join(folder, "vmm.log");
  cutVmmLog(folder);
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, "said\n");
  cutVmmLog(folder);
  expect(readFileSync(path, "utf8")).toBe("said\n");
  writeFileSync(path, `${"a packet of a kind that is not known\n".repeat(VMM_LOG_BYTES_MAX / 30)}the last\n`);
  cutVmmLog(folder);
  expect(statSync(path).size).toBeLessThan(VMM_LOG_BYTES_MAX / 2);
  expect(readFileSync(path, "utf8")).toMatch(/known\nthe last\n$/);
});
