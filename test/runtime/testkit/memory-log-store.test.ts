/** The log in memory, by the contract of every log store. */
import { expect, test } from "vitest";
import { StoreError } from "../../../runtime/index.ts";
import { createMemoryLog } from "../../../runtime/testkit/index.ts";
import { append, commands, term } from "../../contract/log-store-calls.ts";
import { logStoreContract } from "../../contract/log-store.ts";

logStoreContract("memory", () => {
  const log = createMemoryLog({ later: (run) => void setImmediate(run) });
  return {
    open: () => log.open(),
    crash: () => {},
    damage: (index) => log.damage(index),
    setRoom: (hasRoom) => log.setRoom(hasRoom),
    cleanup: () => {},
  };
});

test("flush() completes what waits, and not what is appended meanwhile", () => {
  const log = createMemoryLog();
  const store = log.open();
  store.load();
  const done: number[] = [];
  store.append({ hardState: term(1), entries: commands(1, 1) }, () => {
    done.push(1);
    store.append({ entries: commands(2, 1) }, () => done.push(2));
  });
  expect(done).toEqual([]);
  log.flush();
  expect(done).toEqual([1]);
  expect(log.durable.entries).toHaveLength(1);
  log.flush();
  expect(done).toEqual([1, 2]);
});

test("failWith() fails every write from then on, for good", async () => {
  const log = createMemoryLog({ later: (run) => void setImmediate(run) });
  const store = log.open();
  store.load();
  const error = new StoreError("store-io", { message: "Cannot write", path: "/x", hint: "check" });
  log.failWith(error);
  await expect(append(store, { entries: commands(1, 1) })).rejects.toBe(error);
  log.failWith(null);
  await expect(append(store, { entries: commands(2, 1) })).rejects.toBe(error);
  const next = log.open();
  expect(next.load().entries).toEqual([]);
  await append(next, { entries: commands(1, 1) });
});
