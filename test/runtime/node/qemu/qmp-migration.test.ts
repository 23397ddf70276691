/** One move seen from its source, against a QEMU that is told what to say. With real ones: test/contract/hypervisor-migration.ts. */
import { afterEach, expect, test, vi } from "vitest";
import type { QmpClient } from "../../../../runtime/node/qemu/qmp-client.ts";
import { QmpControl } from "../../../../runtime/node/qemu/qmp-control.ts";
import { abandonMigration, QmpMigration } from "../../../../runtime/node/qemu/qmp-migration.ts";

const MIB = 1024 * 1024;

type Listen = (command: string, qemu: FakeQemu, args: Readonly<Record<string, unknown>>) => void;

/** Says what `query-migrate` answers, one after the other, the last for good; a command may move on to another answer. */
class FakeQemu {
  readonly commands: string[] = [];
  guest = "running";
  #looks: readonly object[];
  readonly #on: Listen;
  /** Passes the time until the next look. */
  onLook: () => Promise<unknown> = () => new Promise((resolve) => setImmediate(resolve));
  sentKiB = 0;

  constructor(looks: readonly object[], on: Listen = () => undefined) {
    this.#looks = looks;
    this.#on = on;
  }

  say(...looks: readonly object[]): void {
    this.#looks = looks;
  }

  get control(): QmpControl {
    const client = {
      isClosed: false,
      changed: () => this.onLook(),
      execute: async (command: string, args: Readonly<Record<string, unknown>> = {}) => {
        if (command === "query-status") return { status: this.guest };
        if (command === "query-migrate") {
          const [look = {}, ...rest] = this.#looks;
          if (rest.length > 0) this.#looks = rest;
          this.sentKiB = (look as Look).ram.transferred / 1024;
          this.#on(command, this, args);
          return look;
        }
        this.commands.push(command);
        if (command === "stop") this.guest = "paused";
        if (command === "cont") this.guest = "running";
        this.#on(command, this, args);
        return {};
      },
    } as unknown as QmpClient;
    return new QmpControl({ connected: async () => client, child: { pid: 1, start: "1", boot: "1" } });
  }
}

interface Look {
  readonly ram: { readonly transferred: number };
}

function told(status: string, syncs = 1, remainingMiB = 100, sentKiB = 0): Look {
  const ram = { total: 128 * MIB, remaining: remainingMiB * MIB, "dirty-sync-count": syncs };
  return { status, ram: { ...ram, transferred: sentKiB * 1024 } } as Look;
}

afterEach(() => {
  vi.useRealTimers();
});

function migration(qemu: FakeQemu, emulated: boolean): { moving: QmpMigration; words: string[] } {
  const words: string[] = [];
  const limits = { bandwidthBytesPerSecond: 100 * MIB, downtimeMs: 50, autoConverge: true, timeoutMs: 10_000 };
  const request = { instance: "i", to: { address: "127.0.0.1", port: 1 }, limits, onProgress: () => undefined };
  const moving = new QmpMigration({
    control: qemu.control,
    request,
    emulated,
    holding: () => words.push("holding"),
    leaving: () => words.push("leaving"),
  });
  return { moving, words };
}

const ACTS = new Set(["migrate", "migrate-continue", "migrate_cancel", "stop", "cont"]);
const acts = (qemu: FakeQemu): string[] => qemu.commands.filter((command) => ACTS.has(command));

test("run() hears no cancel once the last of the guest may have left", async () => {
  const qemu = new FakeQemu([told("active"), told("pre-switchover")], (command, self) => {
    if (command !== "migrate-continue") return;
    moving.cancel();
    self.say(told("device"), { ...told("completed"), downtime: 7 });
  });
  const { moving, words } = migration(qemu, false);
  expect(await moving.run()).toBe(7);
  expect([acts(qemu), words]).toEqual([["migrate", "migrate-continue"], ["leaving"]]);
});

test("run() lets nothing leave after a cancel, though QEMU has stopped for it", async () => {
  const qemu = new FakeQemu([told("active"), told("pre-switchover")], (command, self) => {
    if (command === "migrate") moving.cancel();
    if (command === "migrate_cancel") self.say(told("pre-switchover"), told("cancelled"));
  });
  const { moving, words } = migration(qemu, false);
  await expect(moving.run()).rejects.toMatchObject({ code: "cancelled" });
  expect([acts(qemu).includes("migrate-continue"), words]).toEqual([false, []]);
});

test("run() holds an emulated guest whenever QEMU collects what it wrote, until the rest fits into the downtime", async () => {
  // So little that no window is waited for.
  const little = told("active", 1, 0.1);
  const rounds = [told("active", 1), told("active", 1, 20), little, little, little, told("active", 2, 3)];
  const qemu = new FakeQemu([...rounds, told("pre-switchover", 2)], (command, self) => {
    if (command === "migrate-continue") self.say(told("completed", 3, 0));
  });
  const { moving, words } = migration(qemu, true);
  await moving.run();
  expect(acts(qemu)).toEqual(["stop", "migrate", "cont", "stop", "migrate-continue"]);
  expect([words, qemu.guest]).toEqual([["holding", "holding", "leaving"], "paused"]);
});

test.each(["active", "pre-switchover"])(
  "run() gives up a move of an emulated guest that was held too late, QEMU being at %s, and the guest runs on",
  async (status) => {
    const qemu = new FakeQemu([told("active", 1), told(status, 2, 4)], (command, self) => {
      if (command === "migrate_cancel") self.say(told("cancelled", 2, 4));
    });
    const { moving, words } = migration(qemu, true);
    await expect(moving.run()).rejects.toMatchObject({ code: "failed", message: expect.stringContaining("too busy") });
    expect([words.includes("leaving"), qemu.guest]).toEqual([false, "running"]);
  },
);

test("run() holds an emulated guest just before QEMU wakes up for the end of a round, not for all of its sleep", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const sent = (sentKiB: number): object => told("active", 1, 4, sentKiB);
  const rounds = [told("active", 1), told("active", 1, 20), sent(7), sent(7), sent(7), sent(8), sent(8)];
  const [bandwidths, heldMs]: [number[], number[]] = [[], []];
  let windowMs = 0;
  const qemu = new FakeQemu(rounds, (command, self, args) => {
    if (command === "query-migrate" && self.sentKiB === 8 && windowMs === 0) windowMs = performance.now();
    if (command === "stop") heldMs.push(performance.now());
    if (command === "migrate-set-parameters") bandwidths.push(Number(args["max-bandwidth"]));
    if (command === "migrate-set-parameters" && heldMs.length === 2) self.say(told("pre-switchover", 2));
    if (command === "migrate-continue") self.say(told("completed", 3, 0));
  });
  qemu.onLook = () => vi.advanceTimersByTimeAsync(2);
  const { moving } = migration(qemu, true);
  const running = moving.run();
  await vi.waitFor(() => expect(windowMs).toBeGreaterThan(0));
  await vi.advanceTimersByTimeAsync(200);
  await running;
  const afterMs = (heldMs[1] ?? 0) - windowMs;
  expect([afterMs > 80, afterMs < 100]).toEqual([true, true]);
  expect(bandwidths).toEqual([100 * MIB, 40 * MIB, 1024, 100 * MIB]);
});

test("run() helps a QEMU out that hangs in its cancel, and the guest runs on", async () => {
  const qemu = new FakeQemu([told("active", 1), told("active", 2, 4)], (command, self, args) => {
    if (command === "migrate_cancel") self.say(told("cancelling", 2, 4));
    if (command === "migrate-continue" && args["state"] === "cancelling") self.say(told("cancelled", 2, 4));
  });
  const { moving, words } = migration(qemu, true);
  await expect(moving.run()).rejects.toMatchObject({ code: "failed", message: expect.stringContaining("too busy") });
  expect([words.includes("leaving"), qemu.guest]).toEqual([false, "running"]);
});

test.each([
  ["pre-switchover", ["migrate_cancel"]],
  ["device", []],
])(
  "abandonMigration() cancels what an earlier process began at %s only while that is safe",
  async (status, expected) => {
    const qemu = new FakeQemu([told(status), told(status === "device" ? "completed" : "cancelled")]);
    await abandonMigration(qemu.control);
    expect(acts(qemu)).toEqual(expected);
  },
);
