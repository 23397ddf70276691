/** Who writes in the main thread, what, and until when. */
import type * as Fs from "node:fs";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LogEntry, LogStore } from "../../../../runtime/index.ts";
import { PromptWriter, SHORT_BYTES_MAX } from "../../../../runtime/node/log/prompt-writer.ts";
import { append, commands, term } from "../../../contract/log-store-calls.ts";
import { LogFolder } from "./log-folder.ts";

/** How writes to segments were made, and what the next ones in the main thread fail with. */
const seen = vi.hoisted(() => ({ here: 0, elsewhere: 0, failures: [] as string[] }));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>();
  const write = (...args: Parameters<typeof Fs.write>): void => {
    seen.elsewhere += 1;
    fs.write(...args);
  };
  const writeSync = (file: number, bytes: Uint8Array, from: number, length: number, position: number): number => {
    seen.here += 1;
    const code = seen.failures.shift();
    if (code !== undefined) throw Object.assign(new Error(`${code}: failed`), { code });
    // As the system may: less than all of it.
    return fs.writeSync(file, bytes, from, Math.min(length, 3000), position);
  };
  return { ...fs, write, writeSync };
});

describe("PromptWriter", () => {
  let folder: string;
  let file: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "blixard-prompt-"));
    file = openSync(join(folder, "file"), "w");
  });
  afterEach(() => {
    closeSync(file);
    rmSync(folder, { recursive: true });
  });

  test("write() writes all of it, however little the system takes at once", () => {
    const bytes = Uint8Array.from({ length: 8192 }, (_, at) => at % 251);
    expect(new PromptWriter().write({ file, bytes, position: 512 })).toBeNull();
    expect(new Uint8Array(readFileSync(join(folder, "file")).subarray(512))).toEqual(bytes);
  });

  test("write() gives back what went wrong", () => {
    seen.failures.push("EIO");
    expect(new PromptWriter().write({ file, bytes: new Uint8Array(512), position: 0 })).toMatchObject({ code: "EIO" });
  });

  test("isAllowed is false for 100 ms after a write that took more than 5 ms", () => {
    const times = [0, 5, 10, 10, 16, 17, 115, 116];
    const writer = new PromptWriter(() => times.shift() as number);
    const order = { file, bytes: new Uint8Array(512), position: 0 };
    writer.write(order);
    expect(writer.isAllowed).toBe(true);
    writer.write(order);
    expect([writer.isAllowed, writer.isAllowed, writer.isAllowed]).toEqual([false, false, true]);
  });
});

describe("a store that may block", () => {
  let log: LogFolder;
  let store: LogStore;

  /** How the write of those entries was made. */
  async function made(entries: readonly LogEntry[], fromFollower?: boolean): Promise<"here" | "elsewhere"> {
    const { here, elsewhere } = seen;
    await append(store, { entries, ...(fromFollower !== undefined && { fromFollower }) });
    expect(seen.here - here + (seen.elsewhere - elsewhere)).toBeGreaterThan(0);
    return seen.here > here ? "here" : "elsewhere";
  }

  async function open(mayBlock: boolean): Promise<void> {
    log = new LogFolder({ mayBlock });
    store = log.open();
    store.load();
    await append(store, { hardState: term(1), entries: commands(1, 1) });
  }

  afterEach(async () => {
    await log.remove();
  });

  test("makes a follower's short writes in the main thread, and nobody else's", async () => {
    await open(true);
    expect(await made(commands(2, 1), true)).toBe("here");
    expect(await made(commands(3, 1))).toBe("elsewhere");
    expect(await made(commands(4, 1), false)).toBe("elsewhere");
    const payload = new Uint8Array(SHORT_BYTES_MAX);
    expect(await made([{ index: 5, term: 1, type: "command", payload }], true)).toBe("elsewhere");
  });

  test("makes a batch by threads when one of its writes is a leader's", async () => {
    await open(true);
    const { here } = seen;
    const writes = [
      append(store, { entries: commands(2, 1), fromFollower: true }),
      append(store, { entries: commands(3, 1) }),
    ];
    await Promise.all(writes);
    expect(seen.here).toBe(here);
  });

  test("ends with a write that failed in the main thread, as with any other (22)", async () => {
    await open(true);
    seen.failures.push("EIO");
    await expect(append(store, { entries: commands(2, 1), fromFollower: true })).rejects.toMatchObject({
      code: "store-io",
    });
    await expect(append(store, { entries: commands(2, 1), fromFollower: true })).rejects.toMatchObject({
      code: "store-io",
    });
  });

  test("is not what a store is by default", async () => {
    await open(false);
    expect(await made(commands(2, 1), true)).toBe("elsewhere");
  });
});
