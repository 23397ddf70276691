/** Network devices of guests where something is in their way, in a network namespace. With real guests: test/integration/qemu-networks.test.ts. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { VM_USERS } from "../../../../runtime/node/index.ts";
import type { TapsSeen, TapsTask } from "./taps-host.ts";

/** A namespace of networks, and the folder that shows it. */
const APART = ["--net", "--mount", "sh", "-c", 'mount -t sysfs none /sys && exec "$@"', "sh"];
const cannot = spawnSync("unshare", [...APART, "ip", "tuntap", "add", "dev", "probe", "mode", "tap"]).status !== 0;

test.skipIf(cannot)(
  `taps are their user's alone; where another instance has their names, or their bridge is gone, they are refused and nothing is taken from it${cannot ? " (no taps in namespaces here)" : ""}`,
  () => {
    const stateDir = mkdtempSync(join(tmpdir(), "blixard-taps-"));
    onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
    // Found by trying.
    const sharers = ["i-561", "i-6318"] as const;
    const task: TapsTask = { stateDir, sharers, user: VM_USERS.first };
    const host = [process.execPath, join(import.meta.dirname, "taps-host.ts"), JSON.stringify(task)];
    const seen = JSON.parse(execFileSync("unshare", [...APART, ...host], { encoding: "utf8" })) as TapsSeen;
    expect(seen).toEqual({
      owners: [String(process.geteuid?.()), String(VM_USERS.first)],
      shared: 'its network devices would have the names of those of instance "i-561"',
      stays: true,
      gone: 'network "lan": the bridge "br0" is gone',
      collected: [],
    });
  },
);
