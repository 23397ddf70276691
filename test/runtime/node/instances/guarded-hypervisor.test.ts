/** What a guarded hypervisor says of instances whose files it cannot read for a while: nothing. */
import { mkdtempSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Clock, FoundInstance, InstanceEvent } from "../../../../runtime/index.ts";
import { createProcessHypervisor, type GuardedHypervisor, nodeClock } from "../../../../runtime/node/index.ts";
import { cleanUp } from "../../../contract/guarded-harness.ts";

/** Timers fire this much sooner, so that a tick takes 20 ms. */
const HASTE = 50;
const hastyClock: Clock = { ...nodeClock, setTimer: (delayMs, run) => nodeClock.setTimer(delayMs / HASTE, run) };
const INSTANCE = "i-1";

let stateDir: string;
let opened: GuardedHypervisor[];
let errors: string[];

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "blixard-guarded-"));
  opened = [];
  errors = [];
});

afterEach(async () => {
  for (const hypervisor of opened) hypervisor.close();
  await cleanUp(stateDir);
});

function open(): GuardedHypervisor {
  const log = (level: string, message: string): void => void (level === "error" && errors.push(message));
  const hypervisor = createProcessHypervisor({ stateDir, clock: hastyClock, logger: { log } });
  opened.push(hypervisor);
  return hypervisor;
}

async function start(hypervisor: GuardedHypervisor): Promise<number> {
  return new Promise((resolve, reject) => {
    const launch = { vm: "web", node: "n1", vcpus: 1, memoryMiB: 64, image: "base", env: {}, files: [], ports: [] };
    const leaseUntilMs = nodeClock.monotonicMs() + 60_000;
    hypervisor.start({ ...launch, instance: INSTANCE, command: ["sleep", "60"], leaseUntilMs }, (result) =>
      result.ok ? resolve(result.pid) : reject(new Error(result.message)),
    );
  });
}

/** Until the result is called, every file of the guard fails to open, as all do when a process has too many open. */
function makeUnreadable(): () => void {
  const folder = join(stateDir, "instances", INSTANCE, "guard");
  renameSync(folder, `${folder}.away`);
  symlinkSync("guard", folder);
  return () => {
    unlinkSync(folder);
    renameSync(`${folder}.away`, folder);
  };
}

test("an instance whose files cannot be read is not said to have ended, until it has", async () => {
  const events: InstanceEvent[] = [];
  const hypervisor = open();
  hypervisor.onEvent((event) => events.push(event));
  const pid = await start(hypervisor);
  const restore = makeUnreadable();
  await vi.waitFor(() => expect(errors.length).toBeGreaterThan(2));
  expect(events.map(({ type }) => type)).not.toContain("exited");
  process.kill(pid, 0);
  restore();
  process.kill(pid, "SIGKILL");
  await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: "exited", reason: "crash" }));
});

test("list() answers when it knows, not that nothing runs", async () => {
  const first = open();
  const pid = await start(first);
  first.close();
  const restore = makeUnreadable();
  let found: readonly FoundInstance[] | undefined;
  open().list((all) => (found = all));
  await vi.waitFor(() => expect(errors.length).toBeGreaterThan(2));
  expect(found).toBeUndefined();
  restore();
  await vi.waitFor(() => expect(found).toEqual([{ instance: INSTANCE, vm: "web", pid }]));
});
